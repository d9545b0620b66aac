# User-provided datasets: files and a table about them, a class, or models.

USER = study.of_kind("files", "python", "models")


rule import_files:
    input:
        code=study.code("study.user_data", "datasets.protocol", "study.jobs"),
        files=lambda w: USER[w.dataset].input_files,
    output:
        index=layout["index"],
        dataset=layout["metadata"],
    log:
        layout.log("import_files", "dataset"),
    benchmark:
        layout.benchmark("import_files", "dataset")
    wildcard_constraints:
        dataset=names("files", "python", "models"),
    resources:
        mem_mb=lambda w, attempt: attempt * 4000,
    params:
        reading=lambda w: USER[w.dataset].reading,
        positions=lambda w: USER[w.dataset].settings.positions,
        trials=study.trials,
        # Not read: where more is asked of a class, it is read and checked again.
        asked=lambda w: USER[w.dataset].asked_of_store,
        known=lambda w: w.dataset in study.findings,
    script:
        "../scripts/import_files.py"
