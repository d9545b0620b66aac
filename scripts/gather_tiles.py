"""The tiles of a matrix put together, every one checked."""

from pathlib import Path

from shapemetrics import RepresentationStore
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.tiles import Tile, gather_tiles
from shapemetrics.study.jobs import job
from shapemetrics.study.matrices import write_left_out, write_study_matrix
from shapemetrics.study.tiling import TilePlan

with job(snakemake) as log:
    names, engine = snakemake.wildcards, snakemake.params.engine
    plan = TilePlan.load(snakemake.input.plan).matrix(names.selection, names.metric)
    store = RepresentationStore(Path(snakemake.input.index).parent)
    metric = build_metric(plan.measure or snakemake.params.metric)
    tiles, reason = snakemake.input.tiles, plan.left_out
    if snakemake.params.may_be_left_out:
        reasons = (Tile.load(tile).provenance.get("left_out") for tile in tiles)
        reason = reason or next(filter(None, reasons), None)
    if reason:
        log.warning("%s is left out: %s", names.metric, reason)
        write_left_out(reason, store, metric, engine, names, snakemake.output)
    else:
        values = gather_tiles(tiles, plan.ids, symmetric=metric.symmetric)
        write_study_matrix(values, plan.ids, store, metric, engine, names, snakemake.output)
    log.info("%d tiles gathered", len(tiles))
