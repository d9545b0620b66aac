"""Share of the variance of distances that each property of a cell explains, by selection."""

import numpy as np
import pandas as pd

from shapemetrics.learning.covariates import variance_explained
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import Selected, collect, read_selected, write_table

with job(snakemake) as log:

    def explained(part: Selected) -> pd.DataFrame:
        facts = part.covariates[list(snakemake.params.covariates)]
        varying = facts.loc[:, facts.nunique() > 1]
        # A number takes one degree of freedom, text one less than it has values.
        taken = [
            1 if pd.api.types.is_numeric_dtype(values) else values.nunique() - 1
            for _, values in varying.items()
        ]
        varying = varying.loc[:, np.cumsum(taken) <= max(1, len(facts) - 3)]
        for name in facts.columns.difference(varying.columns):
            log.info("%s: %s does not vary, or too few networks do", part.labels, name)
        return variance_explained(
            part.distances,
            varying,
            n_permutations=snakemake.params.n_permutations,
            seed=snakemake.params.seed,
        )

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, explained), snakemake.output.table)
