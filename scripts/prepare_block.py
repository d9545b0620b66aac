"""One block of representations, prepared for a metric: read, centred, whitened, written once."""

from pathlib import Path

import numpy as np

from shapemetrics import RepresentationStore
from shapemetrics.metrics.base import warn_of_doubts
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.blocks import save_block
from shapemetrics.pairwise.inputs import Networks
from shapemetrics.pairwise.out_of_core import prepare_block
from shapemetrics.study.jobs import job
from shapemetrics.study.selection import Selection
from shapemetrics.study.tiling import TilePlan

with job(snakemake) as log:
    wildcards, dtype = snakemake.wildcards, np.dtype(snakemake.params.dtype)
    plan = TilePlan.load(snakemake.input.plan).matrix(wildcards.selection, wildcards.metric)
    block = plan.block(wildcards.block)
    store = RepresentationStore(Path(snakemake.input.index).parent).take(block.ids)
    store.verify()
    arrays = Selection(**snakemake.params.selection).arrays(store)
    networks = Networks(dict(zip(block.ids, arrays, strict=True)))
    try:
        origins = prepare_block(
            networks,
            range(len(networks)),
            build_metric(plan.measure),
            snakemake.output.block,
            digest=block.digest,
            dtype=dtype,
        )
    except ValueError as reason:
        if not snakemake.params.may_be_left_out:
            raise
        log.warning("%s is left out: %s", wildcards.metric, reason)
        facts, origins = {"digest": block.digest, "left_out": str(reason)}, []
        save_block([], snakemake.output.block, facts)
    warn_of_doubts(origins)
    log.info("%d representations prepared", len(origins))
