"""Train one block of networks and record their layers, resuming where a run was interrupted."""

import pandas as pd

from shapemetrics.datasets.nasbench.blocks import train_block
from shapemetrics.datasets.nasbench.devices import resolve_device
from shapemetrics.datasets.nasbench.images import load_images
from shapemetrics.datasets.nasbench.probes import ProbeSettings, representation_bytes
from shapemetrics.datasets.nasbench.settings import TrainingSettings
from shapemetrics.datasets.nasbench.tables import parse_networks, read_networks
from shapemetrics.progress import ProgressLine
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    size, block = snakemake.params.networks_per_job, int(snakemake.wildcards.block)
    table = read_networks(snakemake.input.table).iloc[block * size : (block + 1) * size]
    images = load_images(snakemake.params.images)
    training = TrainingSettings.from_mapping(snakemake.params.training)
    probes = ProbeSettings.from_mapping(snakemake.params.probes)
    side = images.probe_x.shape[-1]
    needed = representation_bytes(len(table), len(images.probe_x), side, training, probes)
    log.info("%d networks, whose layers take %.2f GB", len(table), needed / 1e9)
    with ProgressLine(
        total=len(table), desc=f"training block {block}", unit="networks"
    ) as progress:
        report = train_block(
            parse_networks(table),
            images,
            training,
            snakemake.params.seed,
            snakemake.params.folder,
            progress,
            resolve_device(snakemake.params.device, block),
            probes=probes,
            checkpoint_epochs=snakemake.params.checkpoint_epochs,
        )
    log.info("%d trained, %d found from before", len(report.trained), len(report.reused))
    for network in report.diverged:
        log.warning("network %s diverged and is marked so", network)
    done = pd.DataFrame({"network": table["network"], "folder": report.folder.name})
    write_table(done, snakemake.output.done)
