"""Build AllenSDK's own environment from its list of packages."""

from pathlib import Path

from shapemetrics.datasets.allen.environment import ensure_environment
from shapemetrics.study.jobs import job

with job(snakemake) as log:
    interpreter = ensure_environment(
        snakemake.params.folder, snakemake.input.requirements, python=snakemake.params.python
    )
    log.info("AllenSDK runs in %s", interpreter)
    Path(snakemake.output.interpreter).write_text(f"{interpreter}\n")
