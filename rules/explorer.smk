# One interactive page, which opens from disk without a network.

EXPLORED = [
    (dataset, metric)
    for dataset in study.datasets
    for metric in study.dataset(dataset).metrics
]
CELLS = {
    name: study.dataset(name).cells
    for name in study.datasets
    if study.dataset(name).cells
}


def explored(dataset, metric):
    return expand(
        layout["matrix"],
        dataset=dataset,
        selection=study.dataset(dataset).selections,
        metric=metric,
    )


rule write_explorer:
    input:
        code=study.code(
            "explorer.page", "pairwise.matrix", "store.reader", "study.jobs"
        ),
        assets=study.assets("explorer"),
        stores=expand(layout["index"], dataset=study.datasets),
        matrices=[path for pair in EXPLORED for path in explored(*pair)],
        embeddings=[
            layout["embedding"].format(dataset=dataset, metric=metric)
            for dataset, metric in EXPLORED
        ],
        trees=[
            layout["linkage"].format(dataset=dataset, metric=metric)
            for dataset, metric in EXPLORED
        ],
        cells=list(CELLS.values()),
    output:
        page=report(
            layout["explorer"],
            caption="../report/explorer.rst",
            category="0 Explorer",
            labels={"figure": "interactive", "dataset": "all", "metric": "all"},
        ),
    log:
        layout.log("write_explorer"),
    benchmark:
        layout.benchmark("write_explorer")
    params:
        parts=[
            {
                "store": os.path.dirname(layout["index"].format(dataset=dataset)),
                "embedding": layout["embedding"].format(
                    dataset=dataset, metric=metric
                ),
                "linkage": layout["linkage"].format(dataset=dataset, metric=metric),
                "matrices": explored(dataset, metric),
                "unit": study.dataset(dataset).unit(metric),
            }
            for dataset, metric in EXPLORED
        ],
        cells=CELLS,
    script:
        "../scripts/write_explorer.py"
