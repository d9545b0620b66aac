# One interactive page, which opens from disk without a network.


def explored(dataset, metric):
    return expand(
        MATRIX, dataset=dataset, selection=study.selections(dataset), metric=metric
    )


rule write_explorer:
    input:
        code=study.code("explorer.page", "study.exploring", "study.jobs"),
        assets=study.assets("explorer"),
        stores=expand(
            study.path("{dataset}", "store", "index.csv"), dataset=study.datasets
        ),
        matrices=[
            path
            for dataset in study.datasets
            for metric in study.metrics
            for path in explored(dataset, metric)
        ],
        embeddings=expand(
            rules.embed_distances.output.table,
            dataset=study.datasets,
            metric=study.metrics,
        ),
        trees=expand(
            rules.cluster_distances.output.table,
            dataset=study.datasets,
            metric=study.metrics,
        ),
        cells=[
            rules.choose_networks.output.table
            for name in study.datasets
            if name == "nasbench"
        ],
    output:
        page=report(
            study.path("explorer.html"),
            caption="../report/explorer.rst",
            category="0 Explorer",
            labels={"figure": "interactive", "dataset": "all", "metric": "all"},
        ),
    log:
        study.path("logs", "write_explorer.log"),
    benchmark:
        study.path("benchmarks", "write_explorer", "all.tsv")
    params:
        parts=[
            {
                "dataset": dataset,
                "metric": metric,
                "matrices": explored(dataset, metric),
                "unit": study.unit(metric),
            }
            for dataset in study.datasets
            for metric in study.metrics
        ],
        cells={
            name: str(rules.choose_networks.output.table)
            for name in study.datasets
            if name == "nasbench"
        },
    script:
        "../scripts/write_explorer.py"
