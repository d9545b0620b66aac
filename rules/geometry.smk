# What the distances look like: triangles, embeddings, distortion.


rule audit_triangles:
    input:
        code=study.code("study.audits", "study.jobs"),
        index=layout["index"],
        matrices=SINGLE,
    output:
        table=layout["audit"],
    log:
        layout.log("audit_triangles", "dataset", "metric"),
    benchmark:
        layout.benchmark("audit_triangles", "dataset", "metric")
    script:
        "../scripts/audit_triangles.py"


rule embed_distances:
    input:
        code=study.code("geometry.embedding", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=SINGLE,
    output:
        table=layout["embedding"],
    log:
        layout.log("embed_distances", "dataset", "metric"),
    benchmark:
        layout.benchmark("embed_distances", "dataset", "metric")
    params:
        **study.config["analyses"]["embedding"],
        fixed=study.fixed("analyses", "embedding"),
        seed=lambda w: study.seed("embed_distances", w.dataset, w.metric),
    script:
        "../scripts/embed_distances.py"


rule measure_distortion:
    input:
        code=study.code("geometry.distortions", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=SINGLE,
    output:
        table=layout["distortion"],
    log:
        layout.log("measure_distortion", "dataset", "metric"),
    benchmark:
        layout.benchmark("measure_distortion", "dataset", "metric")
    resources:
        runtime=240,
    params:
        **study.config["analyses"]["distortion"],
        fixed=study.fixed("analyses", "distortion"),
        seed=lambda w: study.seed("measure_distortion", w.dataset, w.metric),
    script:
        "../scripts/measure_distortion.py"
