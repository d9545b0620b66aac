# All pairs of a selection by a metric: in one job, or in tiles where block_size says so.

MATRIX_FOLDER = ("distances", "{dataset}", "{selection}", "{metric}")
MATRIX = study.path(*MATRIX_FOLDER, "distances.npz")
MATRIX_TABLE = study.path(*MATRIX_FOLDER, "distances.csv")


if study.in_tiles:

    include: "tiles.smk"


if not study.in_tiles:

    rule compute_distances:
        input:
            code=lambda w: study.code(
                "pairwise.engine", "study.matrices", "study.jobs"
            )
            + study.metric_code(w.metric),
            index=study.path("{dataset}", "store", "index.csv"),
        output:
            matrix=MATRIX,
            table=MATRIX_TABLE,
        log:
            study.path(
                "logs", "compute_distances", "{dataset}_{selection}_{metric}.log"
            ),
        benchmark:
            study.path(
                "benchmarks", "compute_distances", "{dataset}_{selection}_{metric}.tsv"
            )
        threads: study.config["distances"]["threads"]
        resources:
            mem_mb=lambda w, attempt: attempt * 4000,
            runtime=240,
        params:
            metric=lambda w: study.measure(w.metric),
            entry=lambda w: study.fitting_options(w.metric)["entry"],
            fixed=lambda w: study.fitting_options(w.metric)["fixed"],
            may_be_left_out=lambda w: study.fitting_options(w.metric)["may_be_left_out"],
            selection=lambda w: vars(study.selection(w.dataset, w.selection)),
            engine=lambda w: study.engine_options(w.metric),
        script:
            "../scripts/compute_distances.py"


def distances_of(selections):
    """Matrices of these selections of the rule's dataset by the rule's metric."""
    return lambda w: expand(
        MATRIX, dataset=w.dataset, selection=selections(w.dataset), metric=w.metric
    )


SINGLE = distances_of(study.selections)
