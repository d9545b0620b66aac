"""One interactive page of all embeddings, dendrograms and distances."""

from shapemetrics.explorer import write_explorer
from shapemetrics.study.exploring import cell_graphs, read_views
from shapemetrics.study.jobs import job

with job(snakemake) as log:
    views = []
    for part in snakemake.params.parts:
        views += read_views(**part)
    graphs = {name: cell_graphs(table) for name, table in snakemake.params.cells.items()}
    write_explorer(views, snakemake.output.page, graphs=graphs)
    log.info("%d views", len(views))
