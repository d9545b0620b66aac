# Networks of the NAS-Bench-101 space: sampled, trained in blocks, their activations stored.

NASBENCH = study.dataset("nasbench")
N_BLOCKS = -(-NASBENCH["n_networks"] // NASBENCH["networks_per_job"])
TRAINING_CODE = study.code(
    "datasets.nasbench.blocks", "datasets.nasbench.tables", "study.jobs"
)


rule sample_networks:
    input:
        code=study.code("datasets.nasbench.tables", "study.jobs"),
    output:
        table=study.path("nasbench", "networks.csv"),
    log:
        study.path("logs", "sample_networks.log"),
    localrule: True
    params:
        n=NASBENCH["n_networks"],
        max_vertices=NASBENCH["max_vertices"],
        seed=study.seed("sample_networks"),
    script:
        "../scripts/sample_networks.py"


rule train_networks:
    input:
        code=TRAINING_CODE,
        table=rules.sample_networks.output.table,
    output:
        done=study.path("nasbench", "blocks", "block_{block}.csv"),
    log:
        study.path("logs", "train_networks", "block_{block}.log"),
    threads: 1
    params:
        images=study.images("nasbench"),
        training=NASBENCH["training"],
        networks_per_job=NASBENCH["networks_per_job"],
        folder=study.path("nasbench", "networks"),
        seed=study.seed("train_networks"),
    script:
        "../scripts/train_networks.py"


rule store_activations:
    input:
        code=study.code("datasets.nasbench.assembly", "study.jobs"),
        table=rules.sample_networks.output.table,
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
        folder=study.path("nasbench", "networks"),
        seed=study.seed("train_networks"),
    script:
        "../scripts/store_activations.py"
