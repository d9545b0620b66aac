"""Read a matrix of distances that others computed, and what is known about its items."""

import hashlib
import sys
from pathlib import Path

import numpy as np

from shapemetrics import __version__
from shapemetrics.pairwise.matrix import DistanceMatrix
from shapemetrics.store.reader import RepresentationStore
from shapemetrics.store.writer import StoreWriter
from shapemetrics.study import Study, default_config
from shapemetrics.study.datasets.distances import read_table
from shapemetrics.study.jobs import job
from shapemetrics.study.preflight import examine_store

with job(snakemake) as log:
    params = snakemake.params
    table = read_table(params.reading, params.downloads)
    log.info("distances between %d items: %s", len(table), table.provenance)
    folder = Path(snakemake.output.index).parent
    facts = {"settings": params.reading, "version": __version__, "provenance": table.provenance}
    simulated = bool(params.reading.get("simulated", False))
    with StoreWriter(
        folder, source=params.reading["source"], simulated=simulated, stimuli=[], metadata=facts
    ) as writer:
        for row, id, values in zip(table.covariates.to_dict("records"), table.ids, table.values):
            digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
            writer.add_item(id, digest, **row)
    store = RepresentationStore(folder)
    provenance = {
        "dataset": params.dataset,
        "selection": "all",
        "metric": params.parameters["metric"],
        "parameters": params.parameters,
        "representations": store.digest,
        "source": table.provenance,
    }
    matrix = DistanceMatrix(table.values, table.ids, provenance)
    matrix.save(snakemake.output.matrix)
    matrix.save_table(snakemake.output.table)
    study = Study(snakemake.config, default_config(Path(snakemake.scriptdir).parent))
    for line in examine_store(study, params.dataset, store.index):
        log.info(line)
        print(line, file=sys.stderr)
