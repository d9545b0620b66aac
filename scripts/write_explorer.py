"""One interactive page of all embeddings, dendrograms and distances."""

from shapemetrics.explorer import write_explorer
from shapemetrics.study.exploring import cell_graphs, paths_of, read_views
from shapemetrics.study.jobs import job

with job(snakemake) as log:
    views = []
    for part in snakemake.params.parts:
        paths = paths_of(snakemake.config["results"], part["dataset"], part["metric"])
        views += read_views(**paths, matrices=part["matrices"], unit=part["unit"])
    graphs = {name: cell_graphs(table) for name, table in snakemake.params.cells.items()}
    write_explorer(views, snakemake.output.page, graphs=graphs)
    log.info("%d views", len(views))
