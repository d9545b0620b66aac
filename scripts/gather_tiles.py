"""The tiles of a matrix put together, every one checked."""

from pathlib import Path

from shapemetrics import RepresentationStore, __version__
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise import DistanceMatrix
from shapemetrics.pairwise.tiles import gather_tiles
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import TilePlan

with job(snakemake) as log:
    wildcards = snakemake.wildcards
    plan = TilePlan.load(snakemake.input.plan).matrix(wildcards.selection, wildcards.metric)
    store = RepresentationStore(Path(snakemake.input.index).parent)
    metric = build_metric(snakemake.params.metric)
    values = gather_tiles(snakemake.input.tiles, plan.ids, symmetric=metric.symmetric)
    provenance = {
        "dataset": wildcards.dataset,
        "selection": wildcards.selection,
        "metric": wildcards.metric,
        "parameters": metric.parameters(),
        **snakemake.params.engine,
        "representations": store.take(plan.ids).digest,
        "simulated": store.simulated,
        "version": __version__,
    }
    matrix = DistanceMatrix(values, plan.ids, provenance)
    matrix.save_table(snakemake.output.table)
    matrix.save(snakemake.output.matrix)
    log.info("%d tiles gathered", len(snakemake.input.tiles))
