"""Predict covariates from the distances of every selection, on held-out items."""

import pandas as pd

from shapemetrics.learning.regression import nested_regression
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, read_selected, write_table

with job(snakemake) as log:
    options = dict(snakemake.params.items())
    targets, group = options.pop("targets"), options.pop("group")
    scores, predictions = [], []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        for target in targets:
            known = part.having(target)
            found = nested_regression(
                known.distances,
                known.covariate(target),
                ids=known.ids,
                groups=None if group is None else known.covariate(group).tolist(),
                **options,
            )
            labels = {**part.labels, "target": target}
            scores.append(labelled(found.summary, labels))
            predictions.append(labelled(found.predictions, labels))
            log.info("%s: R^2 %.3f", labels, found.summary["r2"].iloc[0])
    write_table(pd.concat(scores), snakemake.output.scores)
    write_table(pd.concat(predictions), snakemake.output.predictions)
