# Multi-region recordings of Steinmetz et al. 2019: responses of each session, regions.

from shapemetrics.datasets.allen.steinmetz import session_files

STEINMETZ = study.dataset("steinmetz")
STEINMETZ_SESSIONS = {
    path.stem: str(path) for path in session_files(STEINMETZ["folder"])
}


rule extract_steinmetz_session:
    input:
        code=study.code("datasets.allen.steinmetz", "study.jobs"),
        session=lambda w: STEINMETZ_SESSIONS[w.session],
    output:
        responses=study.path("steinmetz", "responses", "{session}.npz"),
        units=study.path("steinmetz", "responses", "{session}.csv"),
    log:
        study.path("logs", "extract_steinmetz_session", "{session}.log"),
    benchmark:
        study.path("benchmarks", "extract_steinmetz_session", "{session}.tsv")
    params:
        min_repeats=STEINMETZ["min_repeats"],
    script:
        "../scripts/extract_steinmetz_session.py"


def steinmetz_responses(wildcards):
    """Files of all sessions of the folder."""
    return expand(
        rules.extract_steinmetz_session.output.responses,
        session=STEINMETZ_SESSIONS,
    )
