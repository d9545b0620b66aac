"""Distances between two blocks of prepared representations."""

import sys
from pathlib import Path

import numpy as np

from shapemetrics import __version__
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise import Tile, compare_blocks, load_block
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import TilePlan, note_progress

with job(snakemake) as log:
    names, engine = snakemake.wildcards, dict(snakemake.params.engine)
    plan = TilePlan.load(snakemake.input.plan).matrix(names.selection, names.metric)
    metric = build_metric(plan.measure)
    blocks = [plan.block(digest) for digest in (names.rows, names.columns)]
    ids = [block.ids for block in blocks]
    rows, facts = load_block(snakemake.input.rows)
    columns = None
    if names.rows != names.columns:
        columns, other = load_block(snakemake.input.columns)
        facts = {**other, **facts}
    dtype = engine.pop("dtype")
    if "left_out" in facts:  # of a measure that cannot be computed on some representation
        values, ids = np.zeros((0, 0)), [[], []]
    else:
        values = compare_blocks(rows, columns, metric, n_jobs=snakemake.threads, **engine)
    provenance = {
        "parameters": metric.parameters(),
        "dtype": dtype,
        **engine,
        "blocks": [block.digest for block in blocks],
        "version": __version__,
        **({"left_out": facts["left_out"]} if "left_out" in facts else {}),
    }
    tile = Tile(values, *ids, provenance)
    tile.save(snakemake.output.tile)
    folder = Path(snakemake.output.tile).parent
    line = note_progress(plan, folder, names, snakemake.params.progress)
    log.info(line)
    print(line, file=sys.stderr)
