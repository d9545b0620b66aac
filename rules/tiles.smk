# All pairs in tiles: representations in blocks, each block prepared once, each pair of blocks a job.
# Blocks are named by what they hold, so that further representations cost only the new tiles.


checkpoint plan_tiles:
    input:
        code=study.code("study.tiling", "study.jobs"),
        index=layout["index"],
    output:
        plan=layout["tile_plan"],
    log:
        layout.log("plan_tiles", "dataset"),
    localrule: True
    params:
        matrices=lambda w: study.wanted_matrices(w.dataset),
        options=study.tile_options(),
    script:
        "../scripts/plan_tiles.py"


from shapemetrics.study.tiling import TilePlan, tile_name


def matrix_plan(w):
    plan = TilePlan.load(layout["tile_plan"].format(dataset=w.dataset))
    return plan.matrix(w.selection, w.metric)


def tiles(w):
    checkpoints.plan_tiles.get(dataset=w.dataset)
    return [
        os.path.join(layout["tile_folder"].format(**w), tile_name(*pair))
        for pair in matrix_plan(w).tiles
    ]


rule prepare_block:
    input:
        code=lambda w: study.code("pairwise.blocks", "study.tiling", "study.jobs")
        + study.metric_code(w.metric),
        # What changes in them changes the block's name.
        index=ancient(layout["index"]),
        plan=ancient(rules.plan_tiles.output.plan),
    output:
        block=temp(layout["block"]),
    log:
        layout.log("prepare_block", "dataset", "selection", "metric", "block"),
    benchmark:
        layout.benchmark("prepare_block", "dataset", "selection", "metric", "block")
    wildcard_constraints:
        block="[0-9a-f]+",
    resources:
        mem_mb=lambda w, attempt: attempt * matrix_plan(w).mem_mb(1),
        runtime=20,
    params:
        metric=lambda w: study.metric_settings(w.metric),
        may_be_left_out=lambda w: study.fitting_options(w.metric)["may_be_left_out"],
        selection=lambda w: vars(study.selection(w.dataset, w.selection, w.metric)),
        dtype=study.settings.distances.dtype,
    script:
        "../scripts/prepare_block.py"


rule compute_tile:
    input:
        code=lambda w: study.code("pairwise.tiles", "study.tiling", "study.jobs")
        + study.metric_code(w.metric),
        plan=ancient(rules.plan_tiles.output.plan),
        rows=layout["block"].replace("{block}", "{rows}"),
        columns=layout["block"].replace("{block}", "{columns}"),
    output:
        tile=layout["tile"],
    log:
        layout.log("compute_tile", "dataset", "selection", "metric", "rows", "columns"),
    benchmark:
        layout.benchmark(
            "compute_tile", "dataset", "selection", "metric", "rows", "columns"
        )
    wildcard_constraints:
        rows="[0-9a-f]+",
        columns="[0-9a-f]+",
    threads: study.settings.distances.threads
    resources:
        mem_mb=lambda w, attempt: attempt * matrix_plan(w).mem_mb(2),
        runtime=max(10, int(4 * study.settings.distances.tile_minutes)),
    params:
        metric=lambda w: study.metric_settings(w.metric),
        engine=lambda w: study.engine_options(w.metric),
        progress=layout["tile_progress"],
    script:
        "../scripts/compute_tile.py"


rule gather_tiles:
    input:
        code=study.code("pairwise.tiles", "study.matrices", "study.tiling"),
        index=layout["index"],
        plan=rules.plan_tiles.output.plan,
        tiles=tiles,
    output:
        matrix=layout["matrix"],
        table=layout["matrix_table"],
    log:
        layout.log("gather_tiles", "dataset", "selection", "metric"),
    benchmark:
        layout.benchmark("gather_tiles", "dataset", "selection", "metric")
    wildcard_constraints:
        dataset=WITH_RESPONSES,
    params:
        metric=lambda w: study.metric_settings(w.metric),
        may_be_left_out=lambda w: study.fitting_options(w.metric)["may_be_left_out"],
        engine=lambda w: study.engine_options(w.metric),
    script:
        "../scripts/gather_tiles.py"
