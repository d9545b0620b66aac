"""One block of representations, prepared for a metric: read, centred, whitened, written once."""

from pathlib import Path

import numpy as np

from shapemetrics import RepresentationStore
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.blocks import save_block
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import TilePlan

with job(snakemake) as log:
    wildcards, dtype = snakemake.wildcards, np.dtype(snakemake.params.dtype)
    plan = TilePlan.load(snakemake.input.plan).matrix(wildcards.selection, wildcards.metric)
    block = plan.block(wildcards.block)
    store = RepresentationStore(Path(snakemake.input.index).parent).take(block.ids)
    store.verify()
    metric = build_metric(plan.measure)
    arrays, provenance = store.arrays(snakemake.params.positions), {"digest": block.digest}
    try:
        prepared = [metric.prepare(X, name=id, dtype=dtype) for id, X in zip(block.ids, arrays)]
    except ValueError as reason:
        if not snakemake.params.may_be_left_out:
            raise
        log.warning("%s is left out: %s", wildcards.metric, reason)
        prepared, provenance["left_out"] = [], str(reason)
    save_block(prepared, snakemake.output.block, provenance)
    log.info("%d representations prepared", len(prepared))
