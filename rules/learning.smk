# What can be learned from the distances: clusters, classes, and a network's error.


rule cluster_distances:
    input:
        code=study.code("geometry.clustering", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=SINGLE,
    output:
        table=study.path("learning", "{dataset}", "{metric}", "linkage.csv"),
        leaves=study.path("learning", "{dataset}", "{metric}", "leaves.csv"),
    log:
        study.path("logs", "cluster_distances", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "cluster_distances", "{dataset}_{metric}.tsv")
    params:
        **study.config["analyses"]["clustering"],
        n_components=study.config["analyses"]["embedding"]["n_components"],
        seed=lambda w: study.seed("cluster_distances", w.dataset, w.metric),
    script:
        "../scripts/cluster_distances.py"


rule regress_target:
    input:
        code=study.code("learning.regression", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=SINGLE,
    output:
        scores=study.path("learning", "{dataset}", "{metric}", "regression.csv"),
        predictions=study.path("learning", "{dataset}", "{metric}", "predictions.csv"),
    log:
        study.path("logs", "regress_target", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "regress_target", "{dataset}_{metric}.tsv")
    resources:
        runtime=240,
    params:
        **study.config["analyses"]["regression"],
        targets=lambda w: study.targets(w.dataset),
        group=lambda w: study.regression_group(w.dataset),
        group_key=lambda w: study.group_key(w.dataset),
        fixed=study.fixed("analyses", "regression"),
        leave_one_out=lambda w: study.kind(w.dataset).leave_one_out,
        seed=lambda w: study.seed("regress_target", w.dataset, w.metric),
    script:
        "../scripts/regress_target.py"


rule classify_labels:
    input:
        code=study.code("learning.classification", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=distances_of(lambda dataset: study.kind(dataset).classified),
    output:
        scores=study.path("learning", "{dataset}", "{metric}", "classification.csv"),
        confusion=study.path("learning", "{dataset}", "{metric}", "confusion.csv"),
    log:
        study.path("logs", "classify_labels", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "classify_labels", "{dataset}_{metric}.tsv")
    params:
        **study.classification_options(),
        tasks=lambda w: study.kind(w.dataset).labels,
        group=lambda w: study.kind(w.dataset).group,
        group_key=lambda w: study.group_key(w.dataset),
        fixed=study.fixed("analyses", "classification"),
        seed=lambda w: study.seed("classify_labels", w.dataset, w.metric),
    script:
        "../scripts/classify_labels.py"


rule explain_covariates:
    input:
        code=study.code("learning.covariates", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=SINGLE,
    output:
        table=study.path("learning", "{dataset}", "{metric}", "covariates.csv"),
    log:
        study.path("logs", "explain_covariates", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "explain_covariates", "{dataset}_{metric}.tsv")
    params:
        covariates=lambda w: study.kind(w.dataset).covariates,
        n_permutations=study.config["analyses"]["regression"]["n_permutations"],
        seed=lambda w: study.seed("explain_covariates", w.dataset, w.metric),
    script:
        "../scripts/explain_covariates.py"


rule compare_published:
    input:
        code=study.code("learning.accuracy", "study.tables"),
        networks=rules.store_activations.output.networks,
    output:
        table=study.path("learning", "{dataset}", "published.csv"),
    log:
        study.path("logs", "compare_published", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "compare_published", "{dataset}.tsv")
    params:
        seed=lambda w: study.seed("compare_published", w.dataset),
    script:
        "../scripts/compare_published.py"
