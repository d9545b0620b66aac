"""Simulate recording sessions and write them as a cache that AllenSDK reads."""

from pathlib import Path

from shapemetrics.datasets.allen.simulate import Simulation, write_sessions
from shapemetrics.progress import ProgressLine
from shapemetrics.study.jobs import job

with job(snakemake) as log:
    settings = Simulation(**snakemake.params.simulation, seed=snakemake.params.seed)
    interpreter = Path(snakemake.input.interpreter).read_text().strip()
    with ProgressLine(total=settings.n_sessions, desc="simulate", unit="sessions") as progress:
        paths = write_sessions(
            snakemake.params.folder,
            settings,
            interpreter,
            n_jobs=snakemake.threads,
            progress=progress,
        )
    log.info("%d simulated sessions in %s", len(paths), snakemake.params.folder)
