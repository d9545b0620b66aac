# Networks of the NAS-Bench-101 space: chosen, trained in blocks, their activations stored. Datasets
# of networks draw the same cells and initial weights where their settings agree, so that they
# differ by what their settings say.

NETWORKS = study.of_kind("networks")
PUBLISHED = {name: part for name, part in NETWORKS.items() if part.has_published}
# What is downloaded once for all datasets that share a folder.
ARCHIVES = {part.archive: part for part in NETWORKS.values() if part.archive}
RECORDS = {part.records: part for part in PUBLISHED.values() if part.settings.published}


for archive, part in ARCHIVES.items():

    rule:
        name:
            rule_name("fetch_cifar10", part, ARCHIVES)
        output:
            archive=protected(archive),
        log:
            layout.log(f"fetch_cifar10/{part.name}"),
        retries: 3
        localrule: True
        params:
            folder=part.downloads,
        script:
            "../scripts/fetch_cifar10.py"


for records, part in RECORDS.items():

    rule:
        name:
            rule_name("fetch_published", part, RECORDS)
        output:
            records=protected(records),
        log:
            layout.log(f"fetch_published/{part.name}"),
        retries: 3
        localrule: True
        params:
            file=part.settings.published,
            folder=part.downloads,
        script:
            "../scripts/fetch_published.py"


rule convert_published:
    input:
        code=study.code("datasets.nasbench.conversion", "study.jobs"),
        records=lambda w: NETWORKS[w.dataset].records,
    output:
        table=layout["published"],
    log:
        layout.log("convert_published", "dataset"),
    benchmark:
        layout.benchmark("convert_published", "dataset")
    wildcard_constraints:
        dataset=names("networks", having=lambda part: part.has_published),
    resources:
        mem_mb=lambda w, attempt: attempt * 1500,
    script:
        "../scripts/convert_published.py"


rule choose_networks:
    input:
        code=study.code(
            "datasets.nasbench.choice", "datasets.nasbench.published", "study.jobs"
        ),
        published=lambda w: [layout["published"]] if w.dataset in PUBLISHED else [],
    output:
        table=layout["networks"],
    log:
        layout.log("choose_networks", "dataset"),
    wildcard_constraints:
        dataset=names("networks"),
    localrule: True
    params:
        choice=lambda w: NETWORKS[w.dataset].choice,
        seed=study.seed("choose_networks"),
    script:
        "../scripts/choose_networks.py"


# A network alone leaves most of a GPU idle: with `--resources gpu_slot=N` so many jobs run at a time
# on a machine with GPUs, and take them in turn.
rule train_networks:
    input:
        images=lambda w: NETWORKS[w.dataset].archives,
        code=study.code(
            "datasets.nasbench.blocks", "datasets.nasbench.tables", "study.jobs"
        ),
        table=rules.choose_networks.output.table,
    output:
        done=layout["trained_block"],
    log:
        layout.log("train_networks", "dataset", "block"),
    benchmark:
        layout.benchmark("train_networks", "dataset", "block")
    wildcard_constraints:
        dataset=names("networks"),
        block=r"\d+",
    threads: 1
    resources:
        gpu_slot=lambda w: int(NETWORKS[w.dataset].settings.device != "cpu"),
        mem_mb=lambda w, attempt: attempt * NETWORKS[w.dataset].training_memory,
        runtime=lambda w: NETWORKS[w.dataset].training_minutes,
    params:
        images=lambda w: NETWORKS[w.dataset].images,
        training=lambda w: NETWORKS[w.dataset].plain["training"],
        probes=lambda w: NETWORKS[w.dataset].plain["probes"],
        device=lambda w: NETWORKS[w.dataset].settings.device,
        checkpoint_epochs=lambda w: NETWORKS[w.dataset].plain["checkpoint_epochs"],
        networks_per_job=lambda w: NETWORKS[w.dataset].settings.networks_per_job,
        folder=lambda w: NETWORKS[w.dataset].trained_folder,
        seed=study.seed("train_networks"),
    script:
        "../scripts/train_networks.py"


rule store_activations:
    input:
        images=lambda w: NETWORKS[w.dataset].archives,
        code=study.code("datasets.nasbench.assembly", "study.jobs"),
        table=rules.choose_networks.output.table,
        blocks=lambda w: expand(
            layout["trained_block"],
            dataset=w.dataset,
            block=range(NETWORKS[w.dataset].n_blocks),
        ),
    output:
        index=layout["index"],
        dataset=layout["metadata"],
        networks=layout["trained_networks"],
    log:
        layout.log("store_activations", "dataset"),
    benchmark:
        layout.benchmark("store_activations", "dataset")
    wildcard_constraints:
        dataset=names("networks"),
    resources:
        runtime=240,
    params:
        images=lambda w: NETWORKS[w.dataset].images,
        training=lambda w: NETWORKS[w.dataset].plain["training"],
        probes=lambda w: NETWORKS[w.dataset].plain["probes"],
        folder=lambda w: NETWORKS[w.dataset].trained_folder,
        seed=study.seed("train_networks"),
    script:
        "../scripts/store_activations.py"
