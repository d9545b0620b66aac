"""Distortion of embeddings of every selection against their dimension."""

import pandas as pd

from shapemetrics.geometry.distortions import distortion_curve
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import Selected, collect, read_selected, write_table

with job(snakemake) as log:

    def curve(part: Selected) -> pd.DataFrame:
        dimensions = [n for n in snakemake.params.dimensions if n < len(part.ids)]
        return distortion_curve(part.distances, dimensions, seed=snakemake.params.seed)

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, curve), snakemake.output.table)
