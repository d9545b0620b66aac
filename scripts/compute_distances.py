"""All pairwise distances of one selection of a store, by one metric."""

from pathlib import Path

from shapemetrics import RepresentationStore, pairwise_distances
from shapemetrics.metrics.registry import build_metric
from shapemetrics.study.jobs import job
from shapemetrics.study.matrices import fitting_measure, write_left_out, write_study_matrix
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.selection import Selection

with job(snakemake) as log:
    store = RepresentationStore(Path(snakemake.input.index).parent)
    engine, params = snakemake.params.engine, snakemake.params
    selection = Selection(**params.selection)
    names, output = snakemake.wildcards, snakemake.output
    metric = build_metric(params.metric)
    arrays = selection.read(store)
    try:
        rows = selection.rows(store.index)
        metric = build_metric(fitting_measure(rows, selection, names, params, log))
        log.info("%d representations by %s", len(arrays), metric)
        values = pairwise_distances(
            arrays, metric, n_jobs=snakemake.threads, progress=True, **engine
        )
    except (LeftOut, ValueError) as reason:
        if not params.may_be_left_out:
            raise
        log.warning("%s is left out: %s", names.metric, reason)
        write_left_out(str(reason), store, metric, engine, names, output)
    else:
        write_study_matrix(values, list(arrays), store, metric, engine, names, output)
