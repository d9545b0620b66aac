"""Embed the distances of every selection by metric MDS, and rotate to principal axes."""

import numpy as np
import pandas as pd

from shapemetrics.geometry.embedding import embed
from shapemetrics.study.facts import all_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import Selected, collect, log_notes, read_selected, write_table

with job(snakemake) as log:
    options = {"n_components": snakemake.params.n_components}

    def coordinates(part: Selected) -> pd.DataFrame:
        items = all_items(part.covariates, part.equal)
        fitted, notes = fitted_analysis("embedding", options, items, fixed=snakemake.params.fixed)
        log_notes(log, part.labels, notes)
        found = embed(
            part.distances,
            fitted["n_components"],
            n_init=snakemake.params.n_init,
            seed=snakemake.params.seed,
        )
        log.info("%s: stress %.4g in %d steps", part.labels, found.stress, found.n_iter)
        # Where all items are in one place no axis has a share.
        fractions = found.variance / max(found.variance.sum(), np.finfo(float).tiny)
        axes = {f"pc{i + 1}": axis for i, axis in enumerate(found.coordinates.T)}
        shares = {f"pc{i + 1}_fraction": share for i, share in enumerate(fractions)}
        return part.covariates.assign(**axes, **shares, stress=found.stress)

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, coordinates, log), snakemake.output.table)
