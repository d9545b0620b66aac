"""Responses of one session's units to the study's stimulus."""

import json
from contextlib import nullcontext
from pathlib import Path

from shapemetrics.datasets.allen.ccf import read_channel_table
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
    located = list(snakemake.input.located)
    if located:
        acronyms = read_channel_table(located[0])
        facts = json.loads(Path(located[1]).read_text(encoding="utf-8"))
        annotation = f"{facts['volume']} (sha256 {facts['sha256']}) at coordinates of channels.csv"
    else:
        acronyms = source.structures()
        annotation = source.annotation
    responses = extract(
        recording,
        kind,
        bins(kind, snakemake.params.bin_width),
        acronyms=acronyms,
        by_coordinates=bool(located),
        annotation=annotation,
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
