"""Distances between two blocks of prepared representations."""

import sys
from pathlib import Path

from shapemetrics import __version__
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise import Tile, compare_blocks, load_block
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import TilePlan, note_progress

with job(snakemake) as log:
    names, engine = snakemake.wildcards, dict(snakemake.params.engine)
    plan = TilePlan.load(snakemake.input.plan).matrix(names.selection, names.metric)
    metric = build_metric(snakemake.params.metric)
    blocks = [plan.block(digest) for digest in (names.rows, names.columns)]
    rows, _ = load_block(snakemake.input.rows)
    columns = None if names.rows == names.columns else load_block(snakemake.input.columns)[0]
    dtype = engine.pop("dtype")
    values = compare_blocks(rows, columns, metric, n_jobs=snakemake.threads, **engine)
    provenance = {
        "parameters": metric.parameters(),
        "dtype": dtype,
        **engine,
        "blocks": [block.digest for block in blocks],
        "version": __version__,
    }
    tile = Tile(values, *(block.ids for block in blocks), provenance)
    tile.save(snakemake.output.tile)
    folder = Path(snakemake.output.tile).parent
    line = note_progress(plan, folder, names, snakemake.params.progress)
    log.info(line)
    print(line, file=sys.stderr)
