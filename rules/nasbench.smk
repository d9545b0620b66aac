# Networks of the NAS-Bench-101 space: chosen, trained in blocks, their activations stored.

NASBENCH = study.dataset("nasbench")
N_BLOCKS = -(-NASBENCH["n_networks"] // NASBENCH["networks_per_job"])
NASBENCH_DOWNLOADS = study.downloads("nasbench")
TRAINING_CODE = study.code(
    "datasets.nasbench.blocks", "datasets.nasbench.tables", "study.jobs"
)


CIFAR10 = os.path.join(NASBENCH_DOWNLOADS, "cifar-10-binary.tar.gz")
IMAGES = [CIFAR10] if NASBENCH["images"] == "cifar10" else []
# The published results: downloaded, or a file that is there already, or none.
RECORDS = NASBENCH["published_file"]
if NASBENCH["published"]:
    RECORDS = os.path.join(
        NASBENCH_DOWNLOADS, f"nasbench_{NASBENCH['published']}.tfrecord"
    )
PUBLISHED_TABLE = [study.path("nasbench", "published.parquet")] if RECORDS else []
# Of a job. A network of the published size took 17.8 s an epoch there (computed from the dataset's
# mean), which is doubled; a job that is cut off resumes, so that an estimate does no harm.
TRAINING_MEMORY = 1500 if NASBENCH["images"] == "digits" else 6000
TRAINING_MINUTES = 60
if NASBENCH["images"] == "cifar10":
    EPOCHS = NASBENCH["networks_per_job"] * NASBENCH["training"]["epochs"]
    TRAINING_MINUTES = max(60, int(EPOCHS * 2 * 17.8 / 60))


if IMAGES:

    rule fetch_cifar10:
        output:
            archive=protected(CIFAR10),
        log:
            study.path("logs", "fetch_cifar10.log"),
        retries: 3
        localrule: True
        params:
            folder=NASBENCH_DOWNLOADS,
        script:
            "../scripts/fetch_cifar10.py"


if NASBENCH["published"]:

    rule fetch_published:
        output:
            records=protected(RECORDS),
        log:
            study.path("logs", "fetch_published.log"),
        retries: 3
        localrule: True
        params:
            file=NASBENCH["published"],
            folder=NASBENCH_DOWNLOADS,
        script:
            "../scripts/fetch_published.py"


if RECORDS:

    rule convert_published:
        input:
            code=study.code("datasets.nasbench.conversion", "study.jobs"),
            records=RECORDS,
        output:
            table=PUBLISHED_TABLE[0],
        log:
            study.path("logs", "convert_published.log"),
        benchmark:
            study.path("benchmarks", "convert_published", "all.tsv")
        resources:
            mem_mb=lambda w, attempt: attempt * 1500,
        script:
            "../scripts/convert_published.py"


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
    benchmark:
        study.path("benchmarks", "train_networks", "block_{block}.tsv")
    threads: 1
    resources:
        gpu_slot=int(NASBENCH["device"] != "cpu"),
        mem_mb=lambda w, attempt: attempt * TRAINING_MEMORY,
        runtime=TRAINING_MINUTES,
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
    benchmark:
        study.path("benchmarks", "store_activations", "all.tsv")
    resources:
        runtime=240,
    params:
        images=study.images("nasbench"),
        training=NASBENCH["training"],
        probes=NASBENCH["probes"],
        folder=study.path("nasbench", "networks"),
        seed=study.seed("train_networks"),
    script:
        "../scripts/store_activations.py"
