"""The study as a module of another workflow: its rules, beside others, on data of that workflow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.workflow

SNAKEFILE = """
configfile: "config.yaml"


module shapes:
    snakefile:
        {snakefile!r}
    config:
        config["shapes"]


use rule * from shapes as shapes_*


rule nearest:
    default_target: True
    input:
        "results/distances/mine/all/procrustes/distances.csv",
    output:
        "nearest.txt",
    shell:
        "wc --lines {{input}} > {{output}}"
"""
CONFIG = """
shapes:
  datasets:
    nasbench: {enabled: false}
    allen: {enabled: false}
    mine: {kind: files, folder: responses, metadata: networks.csv}
  metrics: {cca: null}
"""


@pytest.fixture
def outer(root: Path, tmp_path: Path) -> Path:
    """Folder of a workflow that uses the study, with responses of its own."""
    folder = tmp_path / "outer"
    (folder / "responses").mkdir(parents=True)
    (folder / "Snakefile").write_text(SNAKEFILE.format(snakefile=str(root / "Snakefile")))
    (folder / "config.yaml").write_text(CONFIG)
    names = [f"net{k}" for k in range(8)]
    for k, name in enumerate(names):
        np.save(folder / "responses" / name, np.random.default_rng(k).normal(size=(40, 6)))
    pd.DataFrame({"id": names}).to_csv(folder / "responses" / "networks.csv", index=False)
    return folder


def snakemake(folder: Path, *options: str) -> str:
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SNAKEMAKE_PROFILE")}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *options],
        cwd=folder,
        env={**kept, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


@pytest.mark.slow
def test_another_workflow_plans_and_runs_the_study_as_a_module(outer: Path) -> None:
    planned = snakemake(outer, "--dry-run", "--quiet", "host")
    assert {"shapes_import_files", "shapes_compute_distances", "nearest"} <= set(planned.split())
    assert not (outer / "results").exists()
    snakemake(outer)
    assert (outer / "nearest.txt").read_text().split()[0] == "9"  # a header and eight networks
    index = pd.read_csv(outer / "results" / "mine" / "store" / "index.csv")
    assert list(index["id"]) == [f"net{k}" for k in range(8)]
    # The default configuration lies beneath what the other workflow gives.
    planned = snakemake(outer, "results/explorer.html", "--dry-run", "--quiet", "host")
    assert "shapes_embed_distances" in planned.split()
    assert "/cca/" not in planned
