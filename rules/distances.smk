# All pairs of a selection by a metric.


rule compute_distances:
    input:
        code=lambda w: study.code("pairwise.engine", "pairwise.matrix", "study.jobs")
        + study.metric_code(w.metric),
        index=study.path("{dataset}", "store", "index.csv"),
    output:
        matrix=study.path(
            "distances", "{dataset}", "{selection}", "{metric}", "distances.npz"
        ),
        table=study.path(
            "distances", "{dataset}", "{selection}", "{metric}", "distances.csv"
        ),
    log:
        study.path("logs", "compute_distances", "{dataset}_{selection}_{metric}.log"),
    threads: study.config["distances"]["threads"]
    params:
        metric=lambda w: study.measure(w.metric),
        selection=lambda w: vars(study.selection(w.dataset, w.selection)),
        dtype=study.config["distances"]["dtype"],
    script:
        "../scripts/compute_distances.py"


def distances_of(selections):
    """Matrices of these selections of the rule's dataset by the rule's metric."""
    return lambda w: expand(
        rules.compute_distances.output.matrix,
        dataset=w.dataset,
        selection=selections(w.dataset),
        metric=w.metric,
    )


SINGLE = distances_of(study.selections)
