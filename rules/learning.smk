# What can be learned from the distances: clusters, classes, and a network's error.


rule cluster_distances:
    input:
        code=study.code("geometry.clustering", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=SINGLE,
    output:
        table=layout["linkage"],
        leaves=layout["leaves"],
    log:
        layout.log("cluster_distances", "dataset", "metric"),
    benchmark:
        layout.benchmark("cluster_distances", "dataset", "metric")
    params:
        **study.config["analyses"]["clustering"],
        n_components=study.config["analyses"]["embedding"]["n_components"],
        n_init=study.config["analyses"]["embedding"]["n_init"],
        seed=lambda w: study.seed("cluster_distances", w.dataset, w.metric),
    script:
        "../scripts/cluster_distances.py"


rule regress_target:
    input:
        code=study.code("learning.regression", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=SINGLE,
    output:
        scores=layout["regression"],
        predictions=layout["predictions"],
    log:
        layout.log("regress_target", "dataset", "metric"),
    benchmark:
        layout.benchmark("regress_target", "dataset", "metric")
    resources:
        runtime=240,
    params:
        **study.config["analyses"]["regression"],
        targets=lambda w: study.dataset(w.dataset).targets,
        group=lambda w: study.dataset(w.dataset).regression_group,
        group_key=lambda w: study.dataset(w.dataset).group_key,
        fixed=study.fixed("analyses", "regression"),
        leave_one_out=lambda w: study.dataset(w.dataset).leave_one_out,
        seed=lambda w: study.seed("regress_target", w.dataset, w.metric),
    script:
        "../scripts/regress_target.py"


# Beside the first metric's scores: what else is known about a network predicts, with and without
# its distances, in the same folds.
rule regress_baselines:
    input:
        code=study.code(
            "learning.baselines",
            "datasets.nasbench.tables",
            "pairwise.matrix",
            "study.tables",
        ),
        index=layout["index"],
        networks=layout["networks"],
        matrices=lambda w: expand(
            layout["matrix"],
            dataset=w.dataset,
            selection=study.dataset(w.dataset).selections,
            metric=study.dataset(w.dataset).metrics[0],
        ),
        regression=lambda w: layout["regression"].format(
            dataset=w.dataset, metric=study.dataset(w.dataset).metrics[0]
        ),
    output:
        table=layout["baselines"],
    log:
        layout.log("regress_baselines", "dataset"),
    benchmark:
        layout.benchmark("regress_baselines", "dataset")
    wildcard_constraints:
        dataset=names("networks"),
    resources:
        runtime=240,
    params:
        **{
            name: value
            for name, value in study.config["analyses"]["regression"].items()
            if name not in ("n_permutations", "n_repeats")
        },
        baselines=study.config["analyses"]["baselines"],
        metric=lambda w: study.dataset(w.dataset).metrics[0],
        targets=lambda w: study.dataset(w.dataset).targets,
        numbers=lambda w: study.dataset(w.dataset).baseline_numbers,
        fixed=study.fixed("analyses", "regression"),
        seed=lambda w: study.seed(
            "regress_target", w.dataset, study.dataset(w.dataset).metrics[0]
        ),
    script:
        "../scripts/regress_baselines.py"


rule classify_labels:
    input:
        code=study.code("learning.classification", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=distances_of(lambda dataset: dataset.classified),
    output:
        scores=layout["classification"],
        confusion=layout["confusion"],
    log:
        layout.log("classify_labels", "dataset", "metric"),
    benchmark:
        layout.benchmark("classify_labels", "dataset", "metric")
    params:
        **study.classification_options(),
        tasks=lambda w: study.dataset(w.dataset).labels,
        group=lambda w: study.dataset(w.dataset).group,
        group_key=lambda w: study.dataset(w.dataset).group_key,
        fixed=study.fixed("analyses", "classification"),
        seed=lambda w: study.seed("classify_labels", w.dataset, w.metric),
    script:
        "../scripts/classify_labels.py"


rule explain_covariates:
    input:
        code=study.code("learning.covariates", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=SINGLE,
    output:
        table=layout["covariates"],
    log:
        layout.log("explain_covariates", "dataset", "metric"),
    benchmark:
        layout.benchmark("explain_covariates", "dataset", "metric")
    params:
        covariates=lambda w: study.dataset(w.dataset).covariates,
        n_permutations=study.config["analyses"]["regression"]["n_permutations"],
        seed=lambda w: study.seed("explain_covariates", w.dataset, w.metric),
    script:
        "../scripts/explain_covariates.py"


rule compare_published:
    input:
        code=study.code("learning.accuracy", "study.tables"),
        networks=rules.store_activations.output.networks,
    output:
        table=layout["published_agreement"],
    log:
        layout.log("compare_published", "dataset"),
    benchmark:
        layout.benchmark("compare_published", "dataset")
    params:
        seed=lambda w: study.seed("compare_published", w.dataset),
    script:
        "../scripts/compare_published.py"
