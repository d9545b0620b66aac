"""Hold every measure against every other on the same networks, and check all their triangles."""

import pandas as pd

from shapemetrics.geometry.audit import triangle_audit
from shapemetrics.learning.agreement import mean_of_directions, metric_agreement
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, read_selected, write_table

with job(snakemake) as log:
    distances, audits = {}, []
    parts = read_selected(snakemake.input.matrices, snakemake.input.index)
    for part, path in zip(parts, snakemake.input.matrices):
        name = part.labels["metric"]
        is_metric = DistanceMatrix.load(path).provenance["parameters"]["is_metric"]
        found = triangle_audit(part.distances, ids=part.ids, name=name)
        audits.append(
            labelled(pd.DataFrame([{**found.row(), "is_metric": is_metric}]), part.labels)
        )
        distances[name] = mean_of_directions(part.distances)
        log.info("%s: %d of %d triples violated", name, found.n_violations, found.n_triples)
    agreement = metric_agreement(
        distances, n_permutations=snakemake.params.n_permutations, seed=snakemake.params.seed
    )
    write_table(agreement.rename(columns={"correlation": "spearman"}), snakemake.output.agreement)
    write_table(pd.concat(audits), snakemake.output.audit)
