# Metrics against one another, against measures that are no metrics, stimuli and shifts.

COMPARED = lambda w: expand(
    layout["matrix"],
    dataset=w.dataset,
    selection="compared",
    metric=study.measures_of(w.dataset),
)


rule compare_measures:
    input:
        code=study.code(
            "learning.agreement", "study.audits", "study.tables", "study.jobs"
        ),
        index=layout["index"],
        matrices=COMPARED,
    output:
        agreement=layout["agreement"],
        audit=layout["compared_audit"],
    log:
        layout.log("compare_measures", "dataset"),
    benchmark:
        layout.benchmark("compare_measures", "dataset")
    params:
        n_permutations=study.config["analyses"]["compared"]["n_permutations"],
        seed=lambda w: study.seed("compare_measures", w.dataset),
    script:
        "../scripts/compare_measures.py"


rule vary_stimuli:
    input:
        code=lambda w: study.code(
            "estimation.resampling", "study.tables", "study.jobs"
        )
        + sum(map(study.metric_code, study.metrics), []),
        index=layout["index"],
    output:
        table=layout["samples"],
    log:
        layout.log("vary_stimuli", "dataset"),
    benchmark:
        layout.benchmark("vary_stimuli", "dataset")
    params:
        **study.config["analyses"]["samples"],
        metrics=study.config["metrics"],
        selection=lambda w: vars(
            study.selection(w.dataset, study.dataset(w.dataset).subsampled_selection)
        ),
        seed=lambda w: study.seed("vary_stimuli", w.dataset),
    script:
        "../scripts/vary_stimuli.py"


rule shift_layers:
    input:
        code=study.code(
            "pairwise.engine",
            "metrics.convolution",
            "study.selection",
            "study.tables",
            "study.jobs",
        ),
        index=layout["index"],
    output:
        maps=layout["shift_maps"],
        gain=layout["shift_gain"],
    log:
        layout.log("shift_layers", "dataset"),
    benchmark:
        layout.benchmark("shift_layers", "dataset")
    resources:
        mem_mb=lambda w, attempt: attempt * 8000,
    params:
        **study.config["analyses"]["shifts"],
        state=lambda w: study.dataset(w.dataset).states[-1],
    script:
        "../scripts/shift_layers.py"
