"""Settings that were changed, and analyses that were left out, because of the data."""

import pandas as pd

from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    table = pd.DataFrame(snakemake.params.rows)
    write_table(table, snakemake.output.table)
    log.info("%d adjustments", len(table))
