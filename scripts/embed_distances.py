"""Embed the distances of every selection by metric MDS, and rotate to principal axes."""

import pandas as pd

from shapemetrics.geometry.embedding import embed
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import Selected, collect, read_selected, write_table

with job(snakemake) as log:

    def coordinates(part: Selected) -> pd.DataFrame:
        found = embed(
            part.distances,
            min(snakemake.params.n_components, len(part.ids) - 1),
            seed=snakemake.params.seed,
        )
        log.info("%s: stress %.4g in %d steps", part.labels, found.stress, found.n_iter)
        fractions = found.variance / found.variance.sum()
        axes = {f"pc{i + 1}": axis for i, axis in enumerate(found.coordinates.T)}
        shares = {f"pc{i + 1}_fraction": share for i, share in enumerate(fractions)}
        return part.covariates.assign(**axes, **shares, stress=found.stress)

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, coordinates), snakemake.output.table)
