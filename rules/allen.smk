# Sessions of the Allen Brain Observatory: tables, responses of each session, regions.

from shapemetrics.datasets.allen.costs import reading_memory

ALLEN = study.dataset("allen")
ALLEN_SOURCE = ALLEN["source"]
SIMULATED = ALLEN_SOURCE == "simulated"
WITH_ALLENSDK = ALLEN_SOURCE in ("simulated", "allensdk")
ALLEN_FOLDER = ALLEN["folder"] or study.path("allen", "sessions")
ALLEN_SCRIPTS = os.path.join(SOURCE, "shapemetrics", "datasets", "allen", "sdk")
ALLEN_CODE = study.code(
    "datasets.allen.sources",
    "datasets.allen.extraction",
    "datasets.allen.stimuli",
    "study.jobs",
)


if WITH_ALLENSDK:

    include: "environments.smk"


if SIMULATED:

    rule simulate_sessions:
        input:
            code=study.code("datasets.allen.simulate", "study.jobs"),
            writer=os.path.join(ALLEN_SCRIPTS, "write_session.py"),
            interpreter=rules.build_allensdk_environment.output.interpreter,
        output:
            manifest=os.path.join(ALLEN_FOLDER, "manifest.json"),
            sessions=os.path.join(ALLEN_FOLDER, "sessions.csv"),
            truth=os.path.join(ALLEN_FOLDER, "truth", "structures.csv"),
        log:
            study.path("logs", "simulate_sessions.log"),
        benchmark:
            study.path("benchmarks", "simulate_sessions", "all.tsv")
        threads: 2
        params:
            folder=ALLEN_FOLDER,
            simulation={"stimulus": ALLEN["stimulus"], **ALLEN["simulation"]},
            seed=study.seed("simulate_sessions"),
        script:
            "../scripts/simulate_sessions.py"


def allen_source(wildcards, input):
    """What opens the source; the environment's interpreter is known once it is built."""
    interpreter = None
    if WITH_ALLENSDK:
        interpreter = os.path.join(ALLENSDK, "bin", "python")
    return {
        "name": ALLEN_SOURCE,
        "folder": ALLEN_FOLDER,
        "interpreter": interpreter,
        "url": ALLEN["url"],
    }


checkpoint fetch_sessions:
    input:
        code=study.code(
            "datasets.allen.sessions", "datasets.allen.sources", "study.jobs"
        ),
        simulated=rules.simulate_sessions.output if SIMULATED else [],
    output:
        sessions=study.path("allen", "sessions.csv"),
    log:
        study.path("logs", "fetch_sessions.log"),
    localrule: True
    params:
        source=allen_source,
        choice={
            "ids": ALLEN["sessions"]["ids"],
            "session_types": ALLEN["sessions"]["types"],
            "stimulus": ALLEN["stimulus"],
            "limit": ALLEN["sessions"]["limit"],
        },
    script:
        "../scripts/fetch_sessions.py"


def allen_memory(wildcards, attempt):
    """Megabytes that reading a session takes, by the size of its file where that is known."""
    name = f"session_{wildcards.session}"
    path = os.path.join(ALLEN_FOLDER, name, f"{name}.nwb")
    size = os.path.getsize(path) if os.path.isfile(path) else None
    if size is None and SIMULATED:
        size = 300_000_000  # not written yet, and far smaller than a real one
    return attempt * reading_memory(ALLEN_SOURCE, size)


rule extract_session:
    input:
        code=ALLEN_CODE,
        reader=os.path.join(ALLEN_SCRIPTS, "export_session.py"),
        sessions=rules.fetch_sessions.output.sessions,
        interpreter=rules.build_allensdk_environment.output if WITH_ALLENSDK else [],
    output:
        responses=study.path("allen", "responses", "session_{session}.npz"),
        units=study.path("allen", "responses", "session_{session}.csv"),
    log:
        study.path("logs", "extract_session", "{session}.log"),
    benchmark:
        study.path("benchmarks", "extract_session", "{session}.tsv")
    wildcard_constraints:
        session=r"\d+",
    retries: 0 if WITH_ALLENSDK else 1
    # On a cluster, where the network is: nodes often have none.
    localrule: ALLEN_SOURCE in ("stream", "download")
    resources:
        mem_mb=allen_memory,
    params:
        source=allen_source,
        stimulus=ALLEN["stimulus"],
        bin_width=ALLEN["bin_width"],
        unit_filters=ALLEN["unit_filters"],
    script:
        "../scripts/extract_session.py"


def allen_responses(wildcards):
    """Files of the sessions that were chosen."""
    table = checkpoints.fetch_sessions.get().output.sessions
    with open(table) as stream:
        ids = [line.split(",")[0] for line in stream][1:]
    return expand(rules.extract_session.output.responses, session=ids)
