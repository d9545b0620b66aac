# Metrics against one another, against measures that are no metrics, stimuli and shifts.

COMPARED = lambda w: expand(
    MATRIX,
    dataset=w.dataset,
    selection="compared",
    metric=study.measures_of(w.dataset),
)


rule compare_measures:
    input:
        code=study.code(
            "learning.agreement", "study.audits", "study.tables", "study.jobs"
        ),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=COMPARED,
    output:
        agreement=study.path("geometry", "{dataset}", "agreement.csv"),
        audit=study.path("geometry", "{dataset}", "compared_audit.csv"),
    log:
        study.path("logs", "compare_measures", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "compare_measures", "{dataset}.tsv")
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
        index=study.path("{dataset}", "store", "index.csv"),
    output:
        table=study.path("geometry", "{dataset}", "samples.csv"),
    log:
        study.path("logs", "vary_stimuli", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "vary_stimuli", "{dataset}.tsv")
    params:
        **study.config["analyses"]["samples"],
        metrics=study.config["metrics"],
        selection=lambda w: vars(
            study.selection(w.dataset, study.kind(w.dataset).sampled)
        ),
        seed=lambda w: study.seed("vary_stimuli", w.dataset),
    script:
        "../scripts/vary_stimuli.py"


rule shift_layers:
    input:
        code=study.code(
            "pairwise.engine", "metrics.convolution", "study.tables", "study.jobs"
        ),
        index=study.path("{dataset}", "store", "index.csv"),
    output:
        maps=study.path("geometry", "{dataset}", "shift_maps.csv"),
        gain=study.path("geometry", "{dataset}", "shift_gain.csv"),
    log:
        study.path("logs", "shift_layers", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "shift_layers", "{dataset}.tsv")
    resources:
        mem_mb=lambda w, attempt: attempt * 8000,
    params:
        **study.config["analyses"]["shifts"],
    script:
        "../scripts/shift_layers.py"
