"""Tell layers, and states before and after training, apart by distances, on held-out networks."""

import itertools

import pandas as pd

from shapemetrics.learning.classification import nested_classification
from shapemetrics.study.facts import class_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.requirements import LEAST_MEMBERS
from shapemetrics.study.tables import (
    labelled,
    log_notes,
    long_confusion,
    not_done,
    read_selected,
    write_table,
)

with job(snakemake) as log:
    options = dict(snakemake.params.items())
    tasks, classifiers = options.pop("tasks"), options.pop("classifiers")
    # Layers of one network resemble one another, so a network is never on both sides of a split.
    group, group_key, fixed = (options.pop(name) for name in ("group", "group_key", "fixed"))
    scores, confusions = [], []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        for task, classifier in itertools.product(tasks, classifiers):
            names = {**part.labels, "task": task, "classifier": classifier}
            known = part.with_known(task)
            items = class_items(
                known.covariates, task, group=group, group_key=group_key, equal=known.equal
            )
            try:
                fitted, notes = fitted_analysis("classification", options, items, fixed=fixed)
            except LeftOut as reason:
                log.warning("%s: %s", names, reason)
                scores.append(labelled(not_done(reason), names))
                confusions.append(labelled(not_done(reason), names))
                continue
            log_notes(log, names, notes)
            known = part.with_min_count(task, max(LEAST_MEMBERS, fitted["n_outer"]), group)
            found = nested_classification(
                known.distances,
                known.covariate(task).tolist(),
                classifier=classifier,
                groups=None if group is None else known.covariate(group).tolist(),
                ids=known.ids,
                **fitted,
            )
            scores.append(
                labelled(found.summary.rename(columns={"chance_majority": "chance"}), names)
            )
            confusions.append(labelled(long_confusion(found.confusion), names))
            log.info("%s: accuracy %.3f", names, found.summary["accuracy"].iloc[0])
    write_table(pd.concat(scores), snakemake.output.scores)
    write_table(pd.concat(confusions), snakemake.output.confusion)
