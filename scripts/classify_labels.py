"""Tell layers, and states before and after training, apart by distances, on held-out networks."""

import itertools

import pandas as pd

from shapemetrics.learning.classification import nested_classification
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, long_confusion, read_selected, write_table

with job(snakemake) as log:
    options = dict(snakemake.params.items())
    tasks, classifiers = options.pop("tasks"), options.pop("classifiers")
    # Layers of one network resemble one another, so a network is never on both sides of a split.
    group, least = options.pop("group"), max(3, options["n_outer"])
    scores, confusions = [], []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        for task, classifier in itertools.product(tasks, classifiers):
            known = part.frequent(task, least, group)
            found = nested_classification(
                known.distances,
                known.covariate(task).tolist(),
                classifier=classifier,
                groups=None if group is None else known.covariate(group).tolist(),
                ids=known.ids,
                **options,
            )
            names = {**part.labels, "task": task, "classifier": classifier}
            scores.append(
                labelled(found.summary.rename(columns={"chance_majority": "chance"}), names)
            )
            confusions.append(labelled(long_confusion(found.confusion), names))
            log.info("%s: accuracy %.3f", names, found.summary["accuracy"].iloc[0])
    write_table(pd.concat(scores), snakemake.output.scores)
    write_table(pd.concat(confusions), snakemake.output.confusion)
