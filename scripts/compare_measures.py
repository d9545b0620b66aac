"""Compare every measure with every other on the same networks, and check all their triangles."""

import itertools

import pandas as pd

from shapemetrics.learning.agreement import mean_of_directions, metric_agreement
from shapemetrics.study.audits import audited
from shapemetrics.study.facts import have_spread
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, not_done, read_selected, write_table

with job(snakemake) as log:
    distances, audits, left_out = {}, [], {}
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        name = part.labels["metric"]
        if part.left_out:
            left_out[name] = part.left_out
            audits.append(labelled(not_done(part.left_out), part.labels))
            continue
        audits.append(labelled(audited(part), part.labels))
        row = audits[-1].iloc[0]
        log.info("%s: %d of %d triples violated", name, row["n_violations"], row["n_triples"])
        distances[name] = mean_of_directions(part.distances)
        if not have_spread(distances[name], part.floor):
            left_out[name] = "all networks are at one distance from one another"
            del distances[name]
    for name, reason in left_out.items():
        log.warning("%s has no agreement with others: %s", name, reason)
    agreement = [
        labelled(not_done(f"{a}: {reason}"), {"metric_a": a, "metric_b": b})
        for (a, reason), b in itertools.product(left_out.items(), distances)
    ]
    if len(distances) > 1:
        options = {name: snakemake.params[name] for name in ("n_permutations", "seed")}
        agreement.insert(0, metric_agreement(distances, **options))
    if not agreement:
        agreement = [not_done("agreement needs at least 2 measures that can be computed")]
    table = pd.concat(agreement).rename(columns={"correlation": "spearman"})
    write_table(table, snakemake.output.agreement)
    write_table(pd.concat(audits), snakemake.output.audit)
