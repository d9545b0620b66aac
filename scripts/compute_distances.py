"""All pairwise distances of one selection of a store, by one metric."""

from pathlib import Path

from shapemetrics import RepresentationStore, pairwise_distances
from shapemetrics.metrics.registry import build_metric
from shapemetrics.study.jobs import job
from shapemetrics.study.kinds import Selection
from shapemetrics.study.matrices import write_study_matrix

with job(snakemake) as log:
    store = RepresentationStore(Path(snakemake.input.index).parent)
    metric = build_metric(snakemake.params.metric)
    arrays = Selection(**snakemake.params.selection).read(store)
    log.info("%d representations by %s", len(arrays), metric)
    engine = snakemake.params.engine
    values = pairwise_distances(arrays, metric, n_jobs=snakemake.threads, progress=True, **engine)
    names, output = snakemake.wildcards, snakemake.output
    write_study_matrix(values, list(arrays), store, metric, engine, names, output)
