"""All pairwise distances of one selection of a store, by one metric."""

from pathlib import Path

from shapemetrics import RepresentationStore, __version__, pairwise_distances
from shapemetrics.metrics.registry import build_metric
from shapemetrics.pairwise import DistanceMatrix
from shapemetrics.study.jobs import job
from shapemetrics.study.kinds import Selection

with job(snakemake) as log:
    store = RepresentationStore(Path(snakemake.input.index).parent)
    metric = build_metric(snakemake.params.metric)
    arrays = Selection(**snakemake.params.selection).read(store)
    log.info("%d representations by %s", len(arrays), metric)
    engine = snakemake.params.engine
    values = pairwise_distances(arrays, metric, n_jobs=snakemake.threads, progress=True, **engine)
    ids = list(arrays)
    provenance = {
        "dataset": snakemake.wildcards.dataset,
        "selection": snakemake.wildcards.selection,
        "metric": snakemake.wildcards.metric,
        "parameters": metric.parameters(),
        **engine,
        "representations": store.take(ids).digest,
        "simulated": store.simulated,
        "version": __version__,
    }
    matrix = DistanceMatrix(values, ids, provenance)
    matrix.save_table(snakemake.output.table)
    matrix.save(snakemake.output.matrix)
