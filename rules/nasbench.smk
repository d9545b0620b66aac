# Networks of the NAS-Bench-101 space: chosen, trained in blocks, their activations stored.

NASBENCH = study.dataset("nasbench")
N_BLOCKS = -(-NASBENCH["n_networks"] // NASBENCH["networks_per_job"])
NASBENCH_DOWNLOADS = study.downloads("nasbench")
TRAINING_CODE = study.code(
    "datasets.nasbench.blocks", "datasets.nasbench.tables", "study.jobs"
)


onstart:
    if "nasbench" in study.datasets:
        print(study.announcement("nasbench"), file=sys.stderr)


if NASBENCH["images"] == "cifar10":

    rule fetch_cifar10:
        output:
            # Kept from one run to the next, and never removed by Snakemake: 170 MB.
            archive=protected(os.path.join(NASBENCH_DOWNLOADS, "cifar-10-binary.tar.gz")),
        log:
            study.path("logs", "fetch_cifar10.log"),
        localrule: True
        retries: 3
        params:
            folder=NASBENCH_DOWNLOADS,
        script:
            "../scripts/fetch_cifar10.py"

    IMAGES = [rules.fetch_cifar10.output.archive]
else:
    IMAGES = []


if NASBENCH["published"]:

    rule fetch_published:
        output:
            records=protected(
                os.path.join(
                    NASBENCH_DOWNLOADS, f"nasbench_{NASBENCH['published']}.tfrecord"
                )
            ),
        log:
            study.path("logs", "fetch_published.log"),
        localrule: True
        retries: 3
        params:
            file=NASBENCH["published"],
            folder=NASBENCH_DOWNLOADS,
        script:
            "../scripts/fetch_published.py"

    RECORDS = [rules.fetch_published.output.records]
else:
    RECORDS = [NASBENCH["published_file"]] if NASBENCH["published_file"] else []


if RECORDS:

    rule convert_published:
        input:
            code=study.code("datasets.nasbench.conversion", "study.jobs"),
            records=RECORDS,
        output:
            table=study.path("nasbench", "published.parquet"),
        log:
            study.path("logs", "convert_published.log"),
        resources:
            mem_mb=1500,
        script:
            "../scripts/convert_published.py"

    PUBLISHED_TABLE = [rules.convert_published.output.table]
else:
    PUBLISHED_TABLE = []


rule choose_networks:
    input:
        code=study.code(
            "datasets.nasbench.choice", "datasets.nasbench.published", "study.jobs"
        ),
        published=PUBLISHED_TABLE,
    output:
        table=study.path("nasbench", "networks.csv"),
    log:
        study.path("logs", "choose_networks.log"),
    localrule: True
    params:
        choice=study.choice("nasbench"),
        seed=study.seed("choose_networks"),
    script:
        "../scripts/choose_networks.py"


# A network alone leaves most of a GPU idle: with `--resources gpu_slot=N` so many jobs run at a time
# on a machine with GPUs, and take them in turn.
rule train_networks:
    input:
        images=IMAGES,
        code=TRAINING_CODE,
        table=rules.choose_networks.output.table,
    output:
        done=study.path("nasbench", "blocks", "block_{block}.csv"),
    log:
        study.path("logs", "train_networks", "block_{block}.log"),
    threads: 1
    resources:
        gpu_slot=int(NASBENCH["device"] != "cpu"),
        mem_mb=1000 if NASBENCH["images"] == "digits" else 6000,
    params:
        images=study.images("nasbench"),
        training=NASBENCH["training"],
        probes=NASBENCH["probes"],
        device=NASBENCH["device"],
        checkpoint_epochs=NASBENCH["checkpoint_epochs"],
        networks_per_job=NASBENCH["networks_per_job"],
        folder=study.path("nasbench", "networks"),
        seed=study.seed("train_networks"),
    script:
        "../scripts/train_networks.py"


rule store_activations:
    input:
        images=IMAGES,
        code=study.code("datasets.nasbench.assembly", "study.jobs"),
        table=rules.choose_networks.output.table,
        blocks=expand(rules.train_networks.output.done, block=range(N_BLOCKS)),
    output:
        index=study.path("nasbench", "store", "index.csv"),
        dataset=study.path("nasbench", "store", "dataset.json"),
        networks=study.path("nasbench", "trained_networks.csv"),
    log:
        study.path("logs", "store_activations.log"),
    params:
        images=study.images("nasbench"),
        training=NASBENCH["training"],
        probes=NASBENCH["probes"],
        folder=study.path("nasbench", "networks"),
        seed=study.seed("train_networks"),
    script:
        "../scripts/store_activations.py"
