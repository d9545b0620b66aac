# Recordings: sessions of the Allen Brain Observatory (or simulated ones), those of Steinmetz et al.
# 2019, and NWB files of any laboratory; the units of all sessions become brain regions.

from shapemetrics.datasets.allen.steinmetz import session_files

RECORDINGS = study.of_kind("recordings")
OBSERVATORY = {name: part for name, part in RECORDINGS.items() if part.is_observatory}
SIMULATED = {name: part for name, part in OBSERVATORY.items() if part.is_simulated}
STEINMETZ = {
    name: {path.stem: str(path) for path in session_files(part.settings.folder)}
    for name, part in RECORDINGS.items()
    if part.is_steinmetz
}
NWB = {name: part.nwb_files for name, part in RECORDINGS.items() if part.is_nwb}
IN_OBSERVATORY = names("recordings", having=lambda part: part.is_observatory)
IN_STEINMETZ = names("recordings", having=lambda part: part.is_steinmetz)
IN_NWB = names("recordings", having=lambda part: part.is_nwb)
ALLEN_SCRIPTS = os.path.join(SOURCE, "shapemetrics", "datasets", "allen", "sdk")
REGION_FACTS = [
    os.path.join(SOURCE, "shapemetrics", "datasets", "allen", "data", f"{name}.csv")
    for name in ("structures", "hierarchy_harris2019", "hierarchy_siegle2021")
]
# AllenSDK needs older packages than the rest: an environment of its own, built on demand.
ALLENSDK = os.path.join(BASE, ".venv-allensdk")
PYTHONS = [
    part.settings.python for part in OBSERVATORY.values() if part.settings.python
]


rule build_allensdk_environment:
    input:
        code=study.code("datasets.allen.environment", "study.jobs"),
        requirements=os.path.join(BASE, "envs", "allensdk.txt"),
    output:
        interpreter=layout["allensdk"],
    log:
        layout.log("build_allensdk_environment"),
    localrule: True
    params:
        folder=ALLENSDK,
        python=PYTHONS[0] if PYTHONS else None,
    script:
        "../scripts/build_allensdk_environment.py"


for part in SIMULATED.values():

    rule:
        name:
            rule_name("simulate_sessions", part, SIMULATED)
        input:
            code=study.code("datasets.allen.simulate", "study.jobs"),
            writer=os.path.join(ALLEN_SCRIPTS, "write_session.py"),
            interpreter=layout["allensdk"],
        output:
            manifest=part.simulated_files[0],
            sessions=part.simulated_files[1],
            truth=part.simulated_files[2],
        log:
            layout.log(f"simulate_sessions/{part.name}"),
        benchmark:
            layout.benchmark(f"simulate_sessions/{part.name}")
        threads: 2
        params:
            folder=part.folder,
            simulation=part.simulation,
            seed=study.seed("simulate_sessions"),
        script:
            "../scripts/simulate_sessions.py"


def session_source(wildcards, input):
    """What opens the source; the environment's interpreter is known once it is built."""
    part = OBSERVATORY[wildcards.dataset]
    interpreter = None
    if part.uses_allensdk:
        interpreter = os.path.join(ALLENSDK, "bin", "python")
    return {
        "name": part.settings.source,
        "folder": part.folder,
        "interpreter": interpreter,
        "url": part.settings.url,
    }


checkpoint fetch_sessions:
    input:
        code=study.code(
            "datasets.allen.expected", "datasets.allen.sources", "study.jobs"
        ),
        simulated=lambda w: OBSERVATORY[w.dataset].simulated_files,
    output:
        sessions=layout["sessions"],
        expected=layout["expected_regions"],
    log:
        layout.log("fetch_sessions", "dataset"),
    wildcard_constraints:
        dataset=IN_OBSERVATORY,
    localrule: True
    params:
        source=session_source,
        choice=lambda w: OBSERVATORY[w.dataset].choice,
        expectation=lambda w: OBSERVATORY[w.dataset].expectation,
    script:
        "../scripts/fetch_sessions.py"


rule locate_channels:
    input:
        code=study.code("datasets.allen.ccf", "datasets.allen.sources", "study.jobs"),
        sessions=rules.fetch_sessions.output.sessions,
    output:
        channels=layout["channel_structures"],
        annotation=layout["annotation"],
    log:
        layout.log("locate_channels", "dataset"),
    benchmark:
        layout.benchmark("locate_channels", "dataset")
    wildcard_constraints:
        dataset=names("recordings", having=lambda part: part.is_located),
    localrule: True
    params:
        source=session_source,
        annotation=lambda w: OBSERVATORY[w.dataset].settings.annotation,
        folder=layout["downloads"],
    script:
        "../scripts/locate_channels.py"


rule extract_session:
    input:
        code=study.code(
            "datasets.allen.sources",
            "datasets.allen.extraction",
            "datasets.allen.stimuli",
            "study.jobs",
        ),
        reader=os.path.join(ALLEN_SCRIPTS, "export_session.py"),
        sessions=rules.fetch_sessions.output.sessions,
        located=lambda w: (
            [layout["channel_structures"], layout["annotation"]]
            if OBSERVATORY[w.dataset].is_located
            else []
        ),
        interpreter=lambda w: (
            [layout["allensdk"]] if OBSERVATORY[w.dataset].uses_allensdk else []
        ),
    output:
        responses=layout["session"],
        units=layout["session_units"],
    log:
        layout.log("extract_session", "dataset", "session"),
    benchmark:
        layout.benchmark("extract_session", "dataset", "session")
    wildcard_constraints:
        dataset=IN_OBSERVATORY,
        session=r"\d+",
    retries: 1 if any(part.needs_network for part in OBSERVATORY.values()) else 0
    # On a cluster, where the network is: nodes often have none.
    localrule: any(part.needs_network for part in OBSERVATORY.values())
    resources:
        mem_mb=lambda w, attempt: (
            attempt * OBSERVATORY[w.dataset].session_memory(w.session)
        ),
    params:
        source=session_source,
        stimulus=lambda w: OBSERVATORY[w.dataset].settings.stimulus,
        bin_width=lambda w: OBSERVATORY[w.dataset].plain["bin_width"],
        unit_filters=lambda w: OBSERVATORY[w.dataset].plain["unit_filters"],
    script:
        "../scripts/extract_session.py"


rule extract_steinmetz_session:
    input:
        code=study.code("datasets.allen.steinmetz", "study.jobs"),
        session=lambda w: STEINMETZ[w.dataset][w.session],
    output:
        responses=layout["steinmetz_session"],
        units=layout["steinmetz_units"],
    log:
        layout.log("extract_steinmetz_session", "dataset", "session"),
    benchmark:
        layout.benchmark("extract_steinmetz_session", "dataset", "session")
    wildcard_constraints:
        dataset=IN_STEINMETZ,
    params:
        min_repeats=lambda w: RECORDINGS[w.dataset].settings.min_repeats,
    script:
        "../scripts/extract_steinmetz_session.py"


rule extract_nwb_session:
    input:
        code=study.code(
            "datasets.recordings.nwb", "datasets.recordings.trials", "study.jobs"
        ),
        session=lambda w: RECORDINGS[w.dataset].local_files.get(w.session, []),
    output:
        responses=layout["nwb_session"],
        units=layout["nwb_units"],
    log:
        layout.log("extract_nwb_session", "dataset", "session"),
    benchmark:
        layout.benchmark("extract_nwb_session", "dataset", "session")
    wildcard_constraints:
        dataset=IN_NWB,
    retries: 1 if any(RECORDINGS[name].needs_network for name in NWB) else 0
    # On a cluster, where the network is: nodes often have none.
    localrule: any(RECORDINGS[name].needs_network for name in NWB)
    params:
        place=lambda w: NWB[w.dataset][w.session],
        choice=lambda w: RECORDINGS[w.dataset].nwb_choice,
    script:
        "../scripts/extract_nwb_session.py"


def responses(wildcards):
    """Files of the sessions that were chosen, or of all of a folder."""
    dataset = wildcards.dataset
    if dataset in NWB:
        return expand(layout["nwb_session"], dataset=dataset, session=NWB[dataset])
    if dataset in STEINMETZ:
        return expand(
            layout["steinmetz_session"], dataset=dataset, session=STEINMETZ[dataset]
        )
    table = checkpoints.fetch_sessions.get(dataset=dataset).output.sessions
    with open(table) as stream:
        ids = [line.split(",")[0] for line in stream][1:]
    return expand(layout["session"], dataset=dataset, session=ids)


rule pool_regions:
    input:
        code=study.code("datasets.allen.regions", "datasets.allen.use", "study.jobs"),
        facts=REGION_FACTS,
        table=lambda w: RECORDINGS[w.dataset].table_files,
        responses=responses,
    output:
        index=layout["index"],
        dataset=layout["metadata"],
        regions=layout["regions"],
        data_use=layout["data_use"],
    log:
        layout.log("pool_regions", "dataset"),
    benchmark:
        layout.benchmark("pool_regions", "dataset")
    wildcard_constraints:
        dataset=names("recordings"),
    params:
        pooling=lambda w: RECORDINGS[w.dataset].pooling,
        source=lambda w: RECORDINGS[w.dataset].described_source,
        metadata=lambda w: {"settings": RECORDINGS[w.dataset].stored_settings},
    script:
        "../scripts/pool_regions.py"


rule measure_noise_floor:
    input:
        code=study.code("estimation.noise", "pairwise.matrix", "study.tables"),
        index=layout["index"],
        matrices=lambda w: expand(
            layout["matrix"], dataset=w.dataset, selection="halves", metric=w.metric
        ),
    output:
        table=layout["noise_floor"],
    log:
        layout.log("measure_noise_floor", "dataset", "metric"),
    benchmark:
        layout.benchmark("measure_noise_floor", "dataset", "metric")
    wildcard_constraints:
        dataset=names("recordings"),
    script:
        "../scripts/measure_noise_floor.py"


rule grow_recordings:
    input:
        code=study.code(
            "datasets.allen.regions",
            "learning.regression",
            "pairwise.engine",
            "study.fitting",
            "study.tables",
            "study.jobs",
        )
        + study.metric_code(study.growth_metric),
        facts=REGION_FACTS,
        table=lambda w: RECORDINGS[w.dataset].table_files,
        responses=responses,
    output:
        table=layout["growth"],
    log:
        layout.log("grow_recordings", "dataset"),
    benchmark:
        layout.benchmark("grow_recordings", "dataset")
    wildcard_constraints:
        dataset=names("recordings"),
    threads: study.settings.distances.threads
    resources:
        mem_mb=lambda w, attempt: attempt * 4000,
    params:
        pooling=lambda w: RECORDINGS[w.dataset].pooling,
        metric=study.metric_settings(study.growth_metric),
        units=study.settings.analyses.growth.units,
        n_permutations=study.settings.analyses.growth.n_permutations,
        n_bootstrap=study.settings.analyses.regression.n_bootstrap,
        target=lambda w: RECORDINGS[w.dataset].settings.target,
        seed=lambda w: study.seed("grow_recordings", w.dataset),
    script:
        "../scripts/grow_recordings.py"


rule simulate_signals:
    input:
        code=study.code("estimation.signal_checks", "study.jobs", "study.tables"),
        table=layout["signal"],
    output:
        table=layout["signal_bias"],
    log:
        layout.log("simulate_signals", "dataset"),
    benchmark:
        layout.benchmark("simulate_signals", "dataset")
    wildcard_constraints:
        dataset=IN_STEINMETZ,
    params:
        n_pairs=lambda w: RECORDINGS[w.dataset].settings.signal.n_pairs,
        n_resamples=lambda w: RECORDINGS[w.dataset].settings.signal.n_resamples,
        seed=lambda w: study.seed("simulate_signals", w.dataset),
    script:
        "../scripts/simulate_signals.py"


rule measure_signals:
    input:
        code=study.code(
            "datasets.allen.steinmetz",
            "estimation.signal_checks",
            "study.jobs",
            "study.tables",
        ),
        sessions=lambda w: list(STEINMETZ[w.dataset].values()),
    output:
        table=layout["signal"],
    log:
        layout.log("measure_signals", "dataset"),
    benchmark:
        layout.benchmark("measure_signals", "dataset")
    wildcard_constraints:
        dataset=IN_STEINMETZ,
    threads: study.settings.distances.threads
    resources:
        mem_mb=lambda w, attempt: attempt * 4000,
    params:
        signal=lambda w: RECORDINGS[w.dataset].plain["signal"],
        min_units=lambda w: RECORDINGS[w.dataset].settings.regions.min_units,
        level=lambda w: RECORDINGS[w.dataset].settings.regions.level,
        seed=lambda w: study.seed("measure_signals", w.dataset),
    script:
        "../scripts/measure_signals.py"


rule measure_windows:
    input:
        code=study.code(
            "datasets.allen.steinmetz",
            "datasets.allen.anatomy",
            "estimation.time_resolved",
            "estimation.noise",
            "learning.regression",
            "study.fitting",
            "study.jobs",
            "study.tables",
        )
        + study.metric_code(study.growth_metric),
        facts=REGION_FACTS,
        sessions=lambda w: list(STEINMETZ[w.dataset].values()),
    output:
        table=layout["windows"],
    log:
        layout.log("measure_windows", "dataset"),
    benchmark:
        layout.benchmark("measure_windows", "dataset")
    wildcard_constraints:
        dataset=IN_STEINMETZ,
    threads: study.settings.distances.threads
    resources:
        mem_mb=lambda w, attempt: attempt * 4000,
    params:
        n_windows=lambda w: RECORDINGS[w.dataset].settings.windows.n_windows,
        min_repeats=lambda w: RECORDINGS[w.dataset].settings.min_repeats,
        pooling=lambda w: RECORDINGS[w.dataset].pooling,
        metric=study.metric_settings(study.growth_metric),
        n_permutations=study.settings.analyses.growth.n_permutations,
        n_bootstrap=study.settings.analyses.regression.n_bootstrap,
        seed=lambda w: study.seed("measure_windows", w.dataset),
    script:
        "../scripts/measure_windows.py"
