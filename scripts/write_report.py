"""Write Snakemake's own report of all figures, from the configuration that made them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from shapemetrics.files import atomic_path
from shapemetrics.study.jobs import job
from shapemetrics.study.settings.reading import REMOVABLE


def write_report(
    snakefile: str | os.PathLike,
    config: Mapping[str, Any],
    path: str | os.PathLike,
    target: str = "figures",
) -> None:
    """Write a self-contained HTML report of a target's results; OSError where Snakemake fails.

    The run that calls this holds the lock of the working directory, and reporting changes
    nothing there, so the inner call does without.
    """
    with tempfile.TemporaryDirectory() as folder, atomic_path(path) as temporary:
        settings = Path(folder) / "config.json"  # JSON is YAML
        default = Path(snakefile).parent / "config.yaml"
        settings.write_text(json.dumps(overlay_of(config, default)), encoding="utf-8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--snakefile", str(snakefile)),
                *("--configfile", str(settings), "--report", str(temporary), "--nolock"),
                *("--cores", "1", "--", target),
            ],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
            raise OSError(f"snakemake --report failed: {lines[-1]}")


def overlay_of(config: Mapping[str, Any], default: str | os.PathLike) -> dict[str, Any]:
    """What has to be laid over the default configuration to get this one: names that only the
    default has are removed by null."""
    base = yaml.safe_load(Path(default).read_text(encoding="utf-8"))
    overlay = dict(config)
    for section in REMOVABLE:
        gone = set(base.get(section, {})) - set(config.get(section, {}))
        overlay[section] = {**config.get(section, {}), **dict.fromkeys(sorted(gone))}
    return overlay


with job(snakemake) as log:
    write_report(
        snakemake.params.snakefile,
        # Of the study, which may be a module of another workflow with a larger configuration.
        snakemake.params.config,
        snakemake.output[0],
        target="reported",
    )
    log.info("%d figures", len(snakemake.input.figures))
