"""Distortion of embeddings of every selection against their dimension."""

import pandas as pd

from shapemetrics.geometry.distortions import distortion_curve
from shapemetrics.study.facts import all_items
from shapemetrics.study.fitting import fitted_analysis, fitted_dimensions
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import Selected, collect, log_notes, read_selected, write_table

with job(snakemake) as log:

    def curve(part: Selected) -> pd.DataFrame:
        dimensions, notes = fitted_dimensions(
            snakemake.params.dimensions, len(part.ids), fixed="dimensions" in snakemake.params.fixed
        )
        log_notes(log, part.labels, notes)
        fitted_analysis("distortion", {}, all_items(part.covariates, part.equal))
        return distortion_curve(part.distances, dimensions, seed=snakemake.params.seed)

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, curve, log), snakemake.output.table)
