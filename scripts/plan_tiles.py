"""Blocks and tiles of all matrices of a dataset, and how long they will take."""

import sys
from pathlib import Path

from shapemetrics import RepresentationStore
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import plan_dataset

with job(snakemake) as log:
    store = RepresentationStore(Path(snakemake.input.index).parent)
    plan = plan_dataset(store, snakemake.params.matrices, **snakemake.params.options)
    plan.save(snakemake.output.plan)
    summary = plan.summary(snakemake.wildcards.dataset)
    log.info(summary)
    print(summary, file=sys.stderr)
