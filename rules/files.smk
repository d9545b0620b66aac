# Datasets of a user's own: files and a table about them, or a class; and a figure a target.

from shapemetrics.study import own


rule import_files:
    input:
        code=study.code("study.own", "datasets.protocol", "study.jobs"),
        files=lambda w: own.input_files(study.dataset(w.dataset)),
    output:
        index=study.path("{dataset}", "store", "index.csv"),
        dataset=study.path("{dataset}", "store", "dataset.json"),
    log:
        study.path("logs", "import_files", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "import_files", "{dataset}.tsv")
    wildcard_constraints:
        dataset="|".join(study.own) or "(?!)",  # without any, nothing matches
    resources:
        mem_mb=lambda w, attempt: attempt * 4000,
    params:
        reading=lambda w: own.reading(study.dataset(w.dataset)),
        positions=lambda w: study.dataset(w.dataset)["positions"],
        # Not read: where more is asked of a class, it is read and checked again.
        asked=lambda w: own.asked_of_class(
            study.dataset(w.dataset), study.kind(w.dataset)
        ),
        known=lambda w: w.dataset in study.findings,
    script:
        "../scripts/import_files.py"


rule draw_target_regression:
    input:
        code=study.code("figures.regression", "study.drawing"),
        tables=every_metric(rules.regress_target.output.scores),
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("regression", "3 Learning", "regression scores", False, "_{target}"),
    log:
        study.path("logs", "draw_target_regression", "{dataset}_{target}.log"),
    benchmark:
        study.path("benchmarks", "draw_target_regression", "{dataset}_{target}.tsv")
    wildcard_constraints:
        target="[A-Za-z0-9_]+",
    params:
        target=lambda w: study.target(w.dataset, w.target),
    script:
        "../scripts/draw_regression.py"


rule draw_target_predictions:
    input:
        code=study.code("figures.predictions", "study.drawing"),
        scores=rules.regress_target.output.scores,
        predictions=rules.regress_target.output.predictions,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("predictions", "3 Learning", "held-out predictions", True, "_{target}"),
    log:
        study.path("logs", "draw_target_predictions", "{dataset}_{metric}_{target}.log"),
    benchmark:
        study.path(
            "benchmarks", "draw_target_predictions", "{dataset}_{metric}_{target}.tsv"
        )
    wildcard_constraints:
        target="[A-Za-z0-9_]+",
    params:
        target=lambda w: study.target(w.dataset, w.target),
    script:
        "../scripts/draw_predictions.py"
