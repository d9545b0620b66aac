"""Distances between two blocks of prepared representations."""

import sys
from pathlib import Path

import numpy as np

from shapemetrics import __version__
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise import Tile
from shapemetrics.pairwise.out_of_core import compute_tile, read_block
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import TilePlan, note_progress

with job(snakemake) as log:
    names, engine = snakemake.wildcards, dict(snakemake.params.engine)
    plan = TilePlan.load(snakemake.input.plan).matrix(names.selection, names.metric)
    metric = build_metric(plan.measure)
    blocks = [plan.block(digest) for digest in (names.rows, names.columns)]
    ids = [block.ids for block in blocks]
    rows = read_block(snakemake.input.rows)
    columns = None if names.rows == names.columns else read_block(snakemake.input.columns)
    facts = {"parameters": metric.parameters(), **engine, "version": __version__}
    del engine["dtype"]
    digests = [block.digest for block in blocks]
    left_out = rows.left_out or (columns.left_out if columns else None)
    if left_out:  # of a measure that cannot be computed on some representation
        facts = {**facts, "blocks": digests, "left_out": left_out}
        tile = Tile(np.zeros((0, 0)), [], [], facts)
    else:
        tile = compute_tile(
            rows, columns, metric, ids, facts, digests, n_jobs=snakemake.threads, **engine
        )
    tile.save(snakemake.output.tile)
    folder = Path(snakemake.output.tile).parent
    line = note_progress(plan, folder, names, snakemake.params.progress)
    log.info(line)
    print(line, file=sys.stderr)
