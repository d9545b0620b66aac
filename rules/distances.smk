# All pairs of a selection by a metric: in one job, or in tiles where block_size says so.
WITH_RESPONSES = names(having=lambda part: part.has_responses)


if study.in_tiles:

    include: "tiles.smk"


if not study.in_tiles:

    rule compute_distances:
        input:
            code=lambda w: study.code(
                "pairwise.engine", "study.matrices", "study.jobs"
            )
            + study.metric_code(w.metric),
            index=layout["index"],
        output:
            matrix=layout["matrix"],
            table=layout["matrix_table"],
        log:
            layout.log("compute_distances", "dataset", "selection", "metric"),
        benchmark:
            layout.benchmark("compute_distances", "dataset", "selection", "metric")
        wildcard_constraints:
            dataset=WITH_RESPONSES,
        threads: study.settings.distances.threads
        resources:
            mem_mb=lambda w, attempt: attempt * 4000,
            runtime=240,
        params:
            metric=lambda w: study.metric_settings(w.metric),
            entry=lambda w: study.fitting_options(w.metric)["entry"],
            fixed=lambda w: study.fitting_options(w.metric)["fixed"],
            may_be_left_out=lambda w: study.fitting_options(w.metric)["may_be_left_out"],
            selection=lambda w: vars(study.selection(w.dataset, w.selection, w.metric)),
            engine=lambda w: study.engine_options(w.metric),
        script:
            "../scripts/compute_distances.py"


def distances_of(selections):
    """Matrices of some selections of the rule's dataset by the rule's metric."""
    return lambda w: expand(
        layout["matrix"],
        dataset=w.dataset,
        selection=selections(study.dataset(w.dataset)),
        metric=w.metric,
    )


SINGLE = distances_of(lambda dataset: dataset.selections)
