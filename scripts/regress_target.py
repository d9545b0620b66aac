"""Predict covariates from the distances of every selection, on held-out items."""

import pandas as pd

from shapemetrics.learning.regression import nested_regression
from shapemetrics.study.facts import regression_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.tables import labelled, log_notes, not_done, read_selected, write_table

with job(snakemake) as log:
    options = dict(snakemake.params.items())
    targets, group = options.pop("targets"), options.pop("group")
    group_key, fixed = options.pop("group_key"), options.pop("fixed")
    scores, predictions = [], []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        for target in targets:
            known, labels = part.with_known(target), {**part.labels, "target": target}
            items = regression_items(
                known.covariates,
                target,
                group=group,
                group_key=group_key,
                leave_one_out=options["leave_one_out"],
                equal=known.equal,
            )
            try:
                fitted, notes = fitted_analysis("regression", options, items, fixed=fixed)
            except LeftOut as reason:
                log.warning("%s: %s", labels, reason)
                scores.append(labelled(not_done(reason), labels))
                predictions.append(labelled(not_done(reason), labels))
                continue
            log_notes(log, labels, notes)
            found = nested_regression(
                known.distances,
                known.covariate(target),
                ids=known.ids,
                groups=None if group is None else known.covariate(group).tolist(),
                **fitted,
            )
            scores.append(labelled(found.summary, labels))
            predictions.append(labelled(found.predictions, labels))
            log.info("%s: R^2 %.3f", labels, found.summary["r2"].iloc[0])
    write_table(pd.concat(scores), snakemake.output.scores)
    write_table(pd.concat(predictions), snakemake.output.predictions)
