"""Hold every measure against every other on the same networks, and check all their triangles."""

import pandas as pd

from shapemetrics.learning.agreement import mean_of_directions, metric_agreement
from shapemetrics.study.audits import audited
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, read_selected, write_table

with job(snakemake) as log:
    distances, audits = {}, []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        distances[part.labels["metric"]] = mean_of_directions(part.distances)
        audits.append(labelled(audited(part), part.labels))
        row = audits[-1].iloc[0]
        log.info(
            "%s: %d of %d triples violated", row["name"], row["n_violations"], row["n_triples"]
        )
    agreement = metric_agreement(
        distances, n_permutations=snakemake.params.n_permutations, seed=snakemake.params.seed
    )
    write_table(agreement.rename(columns={"correlation": "spearman"}), snakemake.output.agreement)
    write_table(pd.concat(audits), snakemake.output.audit)
