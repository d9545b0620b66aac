# Units of all sessions become brain regions; what distances say about their noise and hierarchy.

REGION_DATASETS = [name for name in ("allen", "steinmetz") if name in study.datasets]
REGION_FACTS = [
    os.path.join(SOURCE, "shapemetrics", "datasets", "allen", "data", f"{name}.csv")
    for name in ("structures", "hierarchy_harris2019", "hierarchy_siegle2021")
]
RESPONSES = {}
if "allen" in study.datasets:

    include: "allen.smk"

    RESPONSES["allen"] = allen_responses


if "steinmetz" in study.datasets:

    include: "steinmetz.smk"

    RESPONSES["steinmetz"] = steinmetz_responses


rule pool_regions:
    input:
        code=study.code("datasets.allen.regions", "study.jobs"),
        facts=REGION_FACTS,
        responses=lambda w: RESPONSES[w.dataset](w),
    output:
        index=study.path("{dataset}", "store", "index.csv"),
        dataset=study.path("{dataset}", "store", "dataset.json"),
        regions=study.path("{dataset}", "regions.csv"),
    log:
        study.path("logs", "pool_regions", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "pool_regions", "{dataset}.tsv")
    wildcard_constraints:
        dataset="|".join(REGION_DATASETS) or "(?!)",  # without any, nothing matches
    params:
        pooling=lambda w: study.pooling(w.dataset),
        source=lambda w: study.source(w.dataset),
        metadata=lambda w: {"settings": study.dataset(w.dataset)},
    script:
        "../scripts/pool_regions.py"


rule measure_noise_floor:
    input:
        code=study.code("estimation.noise", "pairwise.matrix", "study.tables"),
        index=study.path("{dataset}", "store", "index.csv"),
        matrices=distances_of(lambda dataset: ["halves"]),
    output:
        table=study.path("geometry", "{dataset}", "{metric}", "noise_floor.csv"),
    log:
        study.path("logs", "measure_noise_floor", "{dataset}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "measure_noise_floor", "{dataset}_{metric}.tsv")
    script:
        "../scripts/measure_noise_floor.py"


rule grow_recordings:
    input:
        code=lambda w: study.code("study.growth", "study.tables")
        + study.metric_code(study.growth_metric),
        facts=REGION_FACTS,
        responses=lambda w: RESPONSES[w.dataset](w),
    output:
        table=study.path("learning", "{dataset}", "growth.csv"),
    log:
        study.path("logs", "grow_recordings", "{dataset}.log"),
    benchmark:
        study.path("benchmarks", "grow_recordings", "{dataset}.tsv")
    threads: study.config["distances"]["threads"]
    resources:
        mem_mb=lambda w, attempt: attempt * 4000,
    params:
        pooling=lambda w: study.pooling(w.dataset),
        metric=study.measure(study.growth_metric),
        units=study.config["analyses"]["growth"]["units"],
        n_permutations=study.config["analyses"]["growth"]["n_permutations"],
        n_bootstrap=study.config["analyses"]["regression"]["n_bootstrap"],
        target=lambda w: study.dataset(w.dataset)["target"],
        seed=lambda w: study.seed("grow_recordings", w.dataset),
    script:
        "../scripts/grow_recordings.py"
