# What the distances look like: triangles, embeddings, distortion.


rule audit_triangles:
    input:
        code=study.code("study.audits", "study.jobs"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=SINGLE,
    output:
        table=study.path("geometry", "{dataset}", "{metric}", "audit.csv"),
    log:
        study.path("logs", "audit_triangles", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "audit_triangles", "{dataset}_{metric}.tsv")
    script:
        "../scripts/audit_triangles.py"


rule embed_distances:
    input:
        code=study.code("geometry.embedding", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=SINGLE,
    output:
        table=study.path("geometry", "{dataset}", "{metric}", "embedding.csv"),
    log:
        study.path("logs", "embed_distances", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "embed_distances", "{dataset}_{metric}.tsv")
    params:
        **study.config["analyses"]["embedding"],
        fixed=study.fixed("analyses", "embedding"),
        seed=lambda w: study.seed("embed_distances", w.dataset, w.metric),
    script:
        "../scripts/embed_distances.py"


rule measure_distortion:
    input:
        code=study.code("geometry.distortions", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=SINGLE,
    output:
        table=study.path("geometry", "{dataset}", "{metric}", "distortion.csv"),
    log:
        study.path("logs", "measure_distortion", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "measure_distortion", "{dataset}_{metric}.tsv")
    resources:
        runtime=240,
    params:
        **study.config["analyses"]["distortion"],
        fixed=study.fixed("analyses", "distortion"),
        seed=lambda w: study.seed("measure_distortion", w.dataset, w.metric),
    script:
        "../scripts/measure_distortion.py"
