"""Predict a covariate from the distances of every selection, on held-out networks."""

import pandas as pd

from shapemetrics.learning.regression import nested_regression
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, read_selected, write_table

with job(snakemake) as log:
    options = dict(snakemake.params.items())
    target = options.pop("target")
    scores, predictions = [], []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        known = part.having(target)
        found = nested_regression(
            known.distances, known.covariate(target), ids=known.ids, **options
        )
        labels = {**part.labels, "target": target}
        scores.append(labelled(found.summary, labels))
        predictions.append(labelled(found.predictions, labels))
        log.info("%s: R^2 %.3f", labels, found.summary["r2"].iloc[0])
    write_table(pd.concat(scores), snakemake.output.scores)
    write_table(pd.concat(predictions), snakemake.output.predictions)
