"""The tiles of a matrix put together, every one checked."""

from pathlib import Path

from shapemetrics import RepresentationStore
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.tiles import gather_tiles
from shapemetrics.study.jobs import job
from shapemetrics.study.matrices import write_study_matrix
from shapemetrics.study.tiling import TilePlan

with job(snakemake) as log:
    names, engine = snakemake.wildcards, snakemake.params.engine
    plan = TilePlan.load(snakemake.input.plan).matrix(names.selection, names.metric)
    store = RepresentationStore(Path(snakemake.input.index).parent)
    metric = build_metric(snakemake.params.metric)
    values = gather_tiles(snakemake.input.tiles, plan.ids, symmetric=metric.symmetric)
    write_study_matrix(values, plan.ids, store, metric, engine, names, snakemake.output)
    log.info("%d tiles gathered", len(snakemake.input.tiles))
