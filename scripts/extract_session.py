"""Responses of one session's units to the study's stimulus."""

from contextlib import nullcontext

from shapemetrics.datasets.allen.extraction import extract
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.sources import open_source
from shapemetrics.datasets.allen.stimuli import bins, stimulus
from shapemetrics.datasets.download import byte_progress
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    kind = stimulus(snakemake.params.stimulus)
    session = int(snakemake.wildcards.session)
    fetched = snakemake.params.source["name"] == "download"
    with byte_progress(f"session {session}") if fetched else nullcontext() as progress:
        source = open_source(**snakemake.params.source, progress=progress)
        recording = source.recording(session, kind, UnitFilters(**snakemake.params.unit_filters))
    acronyms = source.structures()
    responses = extract(
        recording,
        kind,
        bins(kind, snakemake.params.bin_width),
        acronyms=acronyms,
        annotation=source.annotation,
        simulated=source.simulated,
    )
    if responses.annotation.startswith("session files"):
        log.warning("session %d: structures of %s", session, responses.annotation)
    if responses.unknown_structures:
        log.warning(
            "session %d: found structures that are in no ontology, left out: %s",
            session,
            responses.unknown_structures,
        )
    log.info(
        "session %d: %d units, %d stimuli, left out: %s",
        session,
        len(responses.units),
        len(responses.stimuli),
        responses.dropped,
    )
    write_table(responses.table(), snakemake.output.units)
    responses.save(snakemake.output.responses)
