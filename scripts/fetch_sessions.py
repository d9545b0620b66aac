"""Get the tables of sessions from the chosen source, and choose the sessions."""

from shapemetrics.datasets.allen.sessions import (
    choose_sessions,
    read_probes,
    read_sessions,
    recorded_structures,
)
from shapemetrics.datasets.allen.sources import open_source
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    source = open_source(**snakemake.params.source)
    table = read_sessions(source.table("sessions.csv"))
    probes = read_probes(source.table("probes.csv"))
    ids = choose_sessions(table, **snakemake.params.choice)
    chosen = table.loc[ids].reset_index()[["id", "session_type"]]
    chosen["n_probes"] = [int((probes["ecephys_session_id"] == i).sum()) for i in ids]
    log.info("%d of %d sessions", len(chosen), len(table))
    listed = recorded_structures(table, ids)
    log.info(
        "at most %d regions: structures that these sessions list, but for %s",
        int((listed["left_out"] == "").sum()),
        ", ".join(listed.loc[listed["left_out"] != "", "structure_acronym"]) or "none",
    )
    write_table(chosen, snakemake.output.sessions)
