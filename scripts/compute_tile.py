"""Distances between two blocks of prepared representations."""

import sys
from pathlib import Path

from shapemetrics import __version__
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise.out_of_core import compute_tile, read_block
from shapemetrics.study.jobs import job
from shapemetrics.study.tiling import TilePlan, note_progress

with job(snakemake) as log:
    names, engine = snakemake.wildcards, dict(snakemake.params.engine)
    plan = TilePlan.load(snakemake.input.plan).matrix(names.selection, names.metric)
    metric = build_metric(snakemake.params.metric)
    blocks = [plan.block(digest) for digest in (names.rows, names.columns)]
    rows = read_block(snakemake.input.rows)
    columns = None if names.rows == names.columns else read_block(snakemake.input.columns)
    facts = {"parameters": metric.parameters(), **engine, "version": __version__}
    del engine["dtype"]
    tile = compute_tile(
        rows,
        columns,
        metric,
        [block.ids for block in blocks],
        facts,
        [block.digest for block in blocks],
        n_jobs=snakemake.threads,
        **engine,
    )
    tile.save(snakemake.output.tile)
    folder = Path(snakemake.output.tile).parent
    line = note_progress(plan, folder, names, snakemake.params.progress)
    log.info(line)
    print(line, file=sys.stderr)
