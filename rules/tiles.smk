# All pairs in tiles: representations in blocks, each block prepared once, each pair of blocks a job.
# Blocks are named by what they hold, so that further representations cost only the new tiles.


checkpoint plan_tiles:
    input:
        code=study.code("study.tiling", "study.jobs"),
        index=study.path("{dataset}", "store", "index.csv"),
    output:
        plan=study.path("distances", "{dataset}", "tiles.json"),
    log:
        study.path("logs", "plan_tiles", "{dataset}.log"),
    localrule: True
    params:
        matrices=lambda w: wanted(study, w.dataset),
        options=study.tile_options(),
    script:
        "../scripts/plan_tiles.py"


from shapemetrics.study.tiling import TilePlan, tile_name, wanted


def matrix_plan(w):
    return TilePlan.load(study.path("distances", w.dataset, "tiles.json")).matrix(
        w.selection, w.metric
    )


def tiles(w):
    checkpoints.plan_tiles.get(dataset=w.dataset)
    return [
        study.path(*MATRIX_FOLDER, "tiles", tile_name(*pair)).format(**w)
        for pair in matrix_plan(w).tiles
    ]


rule prepare_block:
    input:
        code=lambda w: study.code("pairwise.blocks", "study.tiling", "study.jobs")
        + study.metric_code(w.metric),
        # What changes in them changes the block's name.
        index=ancient(study.path("{dataset}", "store", "index.csv")),
        plan=ancient(rules.plan_tiles.output.plan),
    output:
        block=temp(study.path(*MATRIX_FOLDER, "blocks", "{block}.block")),
    log:
        study.path(
            "logs", "prepare_block", "{dataset}_{selection}_{metric}_{block}.log"
        ),
    benchmark:
        study.path(
            *("benchmarks", "prepare_block"),
            "{dataset}_{selection}_{metric}_{block}.tsv",
        )
    wildcard_constraints:
        block="[0-9a-f]+",
    resources:
        mem_mb=lambda w, attempt: attempt * matrix_plan(w).mem_mb(1),
        runtime=20,
    params:
        metric=lambda w: study.measure(w.metric),
        may_be_left_out=lambda w: study.fitting_options(w.metric)["may_be_left_out"],
        positions=lambda w: study.selection(w.dataset, w.selection).positions,
        dtype=study.config["distances"]["dtype"],
    script:
        "../scripts/prepare_block.py"


rule compute_tile:
    input:
        code=lambda w: study.code("pairwise.tiles", "study.tiling", "study.jobs")
        + study.metric_code(w.metric),
        plan=ancient(rules.plan_tiles.output.plan),
        rows=study.path(*MATRIX_FOLDER, "blocks", "{rows}.block"),
        columns=study.path(*MATRIX_FOLDER, "blocks", "{columns}.block"),
    output:
        tile=study.path(*MATRIX_FOLDER, "tiles", "tile_{rows}_{columns}.npz"),
    log:
        study.path(
            *("logs", "compute_tile"),
            "{dataset}_{selection}_{metric}_{rows}_{columns}.log",
        ),
    benchmark:
        study.path(
            *("benchmarks", "compute_tile"),
            "{dataset}_{selection}_{metric}_{rows}_{columns}.tsv",
        )
    wildcard_constraints:
        rows="[0-9a-f]+",
        columns="[0-9a-f]+",
    threads: study.config["distances"]["threads"]
    resources:
        mem_mb=lambda w, attempt: attempt * matrix_plan(w).mem_mb(2),
        runtime=max(10, int(4 * study.config["distances"]["tile_minutes"])),
    params:
        metric=lambda w: study.measure(w.metric),
        engine=lambda w: study.engine_options(w.metric),
        progress=study.path("logs", "distances.log"),
    script:
        "../scripts/compute_tile.py"


rule gather_tiles:
    input:
        code=study.code("pairwise.tiles", "study.matrices", "study.tiling"),
        index=study.path("{dataset}", "store", "index.csv"),
        plan=rules.plan_tiles.output.plan,
        tiles=tiles,
    output:
        matrix=MATRIX,
        table=MATRIX_TABLE,
    log:
        study.path("logs", "gather_tiles", "{dataset}_{selection}_{metric}.log"),
    benchmark:
        study.path("benchmarks", "gather_tiles", "{dataset}_{selection}_{metric}.tsv")
    params:
        metric=lambda w: study.measure(w.metric),
        may_be_left_out=lambda w: study.fitting_options(w.metric)["may_be_left_out"],
        engine=lambda w: study.engine_options(w.metric),
    script:
        "../scripts/gather_tiles.py"
