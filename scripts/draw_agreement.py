"""Agreement of every two measures over the same networks."""

from shapemetrics.figures.agreement import plot_agreement
from shapemetrics.study.drawing import done_rows, is_simulated, job, read_tables, save_drawn

with job(snakemake):
    table = done_rows(read_tables(snakemake.input.table))
    figure = plot_agreement(table, simulated=is_simulated(snakemake.input.dataset))
    save_drawn(figure, table, snakemake.output)
