# Tables become figures: each a PDF, a PNG for the report, and the CSV of its numbers.


def drawn(name, category, figure, metric=True, suffix=""):
    """Output of a figure's rule; the PNG goes into the report with its caption."""
    stem = study.path(
        "figures", "{dataset}", *(["{metric}"] if metric else []), name + suffix
    )
    labels = {"figure": figure + suffix.replace("_", ", "), "dataset": "{dataset}"}
    return {
        "png": report(
            f"{stem}.png",
            caption=f"../report/{name}.rst",
            category=category,
            labels=(
                {**labels, "metric": "{metric}"}
                if metric
                else {**labels, "metric": "all"}
            ),
        ),
        "pdf": f"{stem}.pdf",
        "csv": f"{stem}.csv",
    }


def every_metric(output):
    """One rule's table for every metric."""
    return lambda w: expand(output, dataset=w.dataset, metric=study.metrics)


rule draw_accuracies:
    input:
        code=study.code("figures.training", "study.drawing"),
        table=rules.store_activations.output.networks,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("accuracies", "1 Networks", "accuracy", metric=False),
    log:
        study.path("logs", "draw_accuracies", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_accuracies", "{dataset}.tsv")
    script:
        "../scripts/draw_accuracies.py"


rule draw_embedding:
    input:
        code=study.code("figures.embedding", "study.drawing"),
        table=rules.embed_distances.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("embedding", "2 Geometry", "embedding"),
    log:
        study.path("logs", "draw_embedding", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "draw_embedding", "{dataset}_{metric}.tsv")
    params:
        color=lambda w: study.color(w.dataset),
        panels=lambda w: study.kind(w.dataset).panels,
        label=lambda w: study.kind(w.dataset).label,
        unit=lambda w: study.unit(w.metric),
    script:
        "../scripts/draw_embedding.py"


rule draw_distortion:
    input:
        code=study.code("figures.distortion", "study.drawing"),
        table=rules.measure_distortion.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("distortion", "2 Geometry", "distortion"),
    log:
        study.path("logs", "draw_distortion", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "draw_distortion", "{dataset}_{metric}.tsv")
    script:
        "../scripts/draw_distortion.py"


rule draw_audit:
    input:
        code=study.code("figures.audit", "study.drawing"),
        tables=[
            *expand(
                rules.audit_triangles.output.table,
                metric=study.metrics,
                allow_missing=True,
            ),
            rules.compare_measures.output.audit,
        ],
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("audit", "2 Geometry", "triangle audit", metric=False),
    log:
        study.path("logs", "draw_audit", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_audit", "{dataset}.tsv")
    script:
        "../scripts/draw_audit.py"


rule draw_dendrogram:
    input:
        code=study.code("figures.dendrogram", "study.drawing"),
        table=rules.cluster_distances.output.table,
        leaves=rules.cluster_distances.output.leaves,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("dendrogram", "3 Learning", "dendrogram"),
    log:
        study.path("logs", "draw_dendrogram", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "draw_dendrogram", "{dataset}_{metric}.tsv")
    params:
        color=lambda w: study.dendrogram(w.dataset)["color"],
        selection=lambda w: study.dendrogram(w.dataset)["selection"],
        legend=lambda w: study.dendrogram(w.dataset)["legend"],
        label=lambda w: study.kind(w.dataset).label,
        unit=lambda w: study.unit(w.metric),
    script:
        "../scripts/draw_dendrogram.py"


rule draw_regression:
    input:
        code=study.code("figures.regression", "study.drawing"),
        tables=every_metric(rules.regress_target.output.scores),
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("regression", "3 Learning", "regression scores", metric=False),
    log:
        study.path("logs", "draw_regression", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_regression", "{dataset}.tsv")
    script:
        "../scripts/draw_regression.py"


rule draw_predictions:
    input:
        code=study.code("figures.predictions", "study.drawing"),
        scores=rules.regress_target.output.scores,
        predictions=rules.regress_target.output.predictions,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("predictions", "3 Learning", "held-out predictions"),
    log:
        study.path("logs", "draw_predictions", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "draw_predictions", "{dataset}_{metric}.tsv")
    script:
        "../scripts/draw_predictions.py"


rule draw_classification:
    input:
        code=study.code("figures.classification", "study.drawing"),
        scores=every_metric(rules.classify_labels.output.scores),
        confusion=every_metric(rules.classify_labels.output.confusion),
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("classification", "3 Learning", "classification", metric=False),
    log:
        study.path("logs", "draw_classification", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_classification", "{dataset}.tsv")
    script:
        "../scripts/draw_classification.py"


rule draw_agreement:
    input:
        code=study.code("figures.agreement", "study.drawing"),
        table=rules.compare_measures.output.agreement,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("agreement", "4 Measures", "agreement of measures", metric=False),
    log:
        study.path("logs", "draw_agreement", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_agreement", "{dataset}.tsv")
    script:
        "../scripts/draw_agreement.py"


rule draw_samples:
    input:
        code=study.code("figures.samples", "study.drawing"),
        table=rules.vary_stimuli.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("samples", "4 Measures", "number of stimuli", metric=False),
    log:
        study.path("logs", "draw_samples", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_samples", "{dataset}.tsv")
    params:
        unit=study.unit(study.metrics[0]),
    script:
        "../scripts/draw_samples.py"


rule draw_shift_maps:
    input:
        code=study.code("figures.shift_map", "study.drawing"),
        table=rules.shift_layers.output.maps,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("shift_maps", "4 Measures", "maps of shifts", metric=False),
    log:
        study.path("logs", "draw_shift_maps", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_shift_maps", "{dataset}.tsv")
    params:
        layer=study.config["analyses"]["shifts"]["map_layer"],
    script:
        "../scripts/draw_shift_maps.py"


rule draw_shift_gain:
    input:
        code=study.code("figures.shift_map", "study.drawing"),
        table=rules.shift_layers.output.gain,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("shift_gain", "4 Measures", "gain of shifts", metric=False),
    log:
        study.path("logs", "draw_shift_gain", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_shift_gain", "{dataset}.tsv")
    script:
        "../scripts/draw_shift_gain.py"


rule draw_atlas:
    input:
        code=study.code("figures.embedding", "study.drawing"),
        table=rules.embed_distances.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("atlas", "2 Geometry", "embedding, atlas colours"),
    log:
        study.path("logs", "draw_atlas", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "draw_atlas", "{dataset}_{metric}.tsv")
    params:
        label=lambda w: study.kind(w.dataset).label,
        unit=lambda w: study.unit(w.metric),
    script:
        "../scripts/draw_atlas.py"


rule draw_noise_floor:
    input:
        code=study.code("figures.noise_floor", "study.drawing"),
        tables=every_metric(rules.measure_noise_floor.output.table),
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("noise_floor", "2 Geometry", "noise floor", metric=False),
    log:
        study.path("logs", "draw_noise_floor", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_noise_floor", "{dataset}.tsv")
    script:
        "../scripts/draw_noise_floor.py"


rule draw_growth:
    input:
        code=study.code("figures.growth", "study.drawing"),
        table=rules.grow_recordings.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("growth", "3 Learning", "growth with units", metric=False),
    log:
        study.path("logs", "draw_growth", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_growth", "{dataset}.tsv")
    params:
        metric=study.growth_metric,
        unit=study.unit(study.growth_metric),
        target=lambda w: study.dataset(w.dataset)["target"],
    script:
        "../scripts/draw_growth.py"


rule draw_covariates:
    input:
        code=study.code("figures.covariates", "study.drawing"),
        table=rules.explain_covariates.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("covariates", "3 Learning", "what organises distances"),
    log:
        study.path("logs", "draw_covariates", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "draw_covariates", "{dataset}_{metric}.tsv")
    script:
        "../scripts/draw_covariates.py"


rule draw_published:
    input:
        code=study.code("figures.published", "study.drawing"),
        table=rules.store_activations.output.networks,
        agreement=rules.compare_published.output.table,
        dataset=study.path("{dataset}", "store", "dataset.json"),
    output:
        **drawn("published", "1 Networks", "published and own accuracy", metric=False),
    log:
        study.path("logs", "draw_published", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "draw_published", "{dataset}.tsv")
    script:
        "../scripts/draw_published.py"


FIGURES = [
    study.path("figures", dataset, f"{figure}.{form}")
    for dataset in study.datasets
    for figure in study.figures(dataset)
    for form in ("png", "pdf", "csv")
]
