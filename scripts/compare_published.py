"""Compare the accuracies reached here with the published ones."""

import pandas as pd

from shapemetrics.learning.accuracy import accuracy_agreement
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    networks = pd.read_csv(snakemake.input.networks)
    table = accuracy_agreement(networks, seed=snakemake.params.seed)
    log.info("rank correlation %.3f over %d networks", table["spearman"].iloc[0], len(networks))
    write_table(table, snakemake.output.table)
