"""What in the cell the distances are organised by."""

from shapemetrics.figures.covariates import plot_covariates
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = done_rows(read_tables(snakemake.input.table))
    figure = plot_covariates(table, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, table, snakemake.output)
