"""Structures of all channels, from the annotation volume at their coordinates."""

import json

from shapemetrics.datasets.allen.ccf import channel_structures, channel_table, open_annotation
from shapemetrics.datasets.allen.sources import open_source
from shapemetrics.datasets.download import byte_progress
from shapemetrics.files import atomic_path, sha256_of
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    with byte_progress("annotation volume") as progress:
        volume = open_annotation(
            snakemake.params.annotation, snakemake.params.folder, progress=progress
        )
    channels = open_source(**snakemake.params.source).table("channels.csv")
    structures = channel_structures(channels, volume)
    facts = {
        "region_by": "ccf",
        "volume": volume.name,
        "sha256": sha256_of(volume),
        "channels": len(structures),
        "without_coordinates": int(structures.isna().sum()),
        "outside_of_the_brain": int((structures == "").sum()),
    }
    log.info("%s", facts)
    write_table(channel_table(structures), snakemake.output.channels)
    with atomic_path(snakemake.output.annotation) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
