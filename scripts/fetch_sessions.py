"""Get the tables of sessions from the chosen source, and choose the sessions."""

import sys

from shapemetrics.datasets.allen.expected import expected_from_tables
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.sessions import choose_sessions, read_probes, read_sessions
from shapemetrics.datasets.allen.settings import Pooling
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
    # Said before any session is fetched.
    expectation = snakemake.params.expectation
    expected = expected_from_tables(
        source.table,
        ids,
        Pooling(**expectation["pooling"]),
        UnitFilters(**expectation["filters"]),
        region_by=expectation["region_by"],
    )
    for line in expected.lines():
        log.info(line)
        print(f"{snakemake.wildcards.dataset}: {line}", file=sys.stderr)
    write_table(expected.table, snakemake.output.expected)
    write_table(chosen, snakemake.output.sessions)
