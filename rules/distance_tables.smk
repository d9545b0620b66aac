# Matrices of distances that others computed: a file of one's own, or one that was published.

DISTANCE_TABLES = study.of_kind("distances")


for part in DISTANCE_TABLES.values():

    rule:
        name:
            rule_name("import_distances", part, DISTANCE_TABLES)
        input:
            code=study.code(
                "datasets.distances.tables",
                "datasets.distances.authors_allen",
                "study.datasets.distances",
                "study.jobs",
            ),
            files=part.input_files,
        output:
            index=layout["index"].format(dataset=part.name),
            dataset=layout["metadata"].format(dataset=part.name),
            matrix=layout["matrix"].format(
                dataset=part.name, selection="all", metric=part.settings.metric
            ),
            table=layout["matrix_table"].format(
                dataset=part.name, selection="all", metric=part.settings.metric
            ),
        log:
            layout.log(f"import_distances/{part.name}"),
        benchmark:
            layout.benchmark(f"import_distances/{part.name}")
        # On a cluster, where the network is: nodes often have none.
        localrule: not part.input_files
        params:
            dataset=part.name,
            reading=part.reading,
            parameters={
                "metric": part.settings.metric,
                "is_metric": part.settings.is_metric,
                "geometry": "angular" if part.settings.unit == "rad" else "euclidean",
            },
            downloads=layout["downloads"].format(dataset=part.name),
        script:
            "../scripts/import_distances.py"
