"""Share of the variance of distances that each property of a cell explains, by selection."""

import pandas as pd

from shapemetrics.learning.covariates import variance_explained
from shapemetrics.study.covariates import nothing_explains, usable_covariates
from shapemetrics.study.facts import all_items
from shapemetrics.study.fitting import fitted_analysis
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.tables import Selected, collect, read_selected, write_table

with job(snakemake) as log:

    def explained(part: Selected) -> pd.DataFrame:
        facts = part.covariates[list(snakemake.params.covariates)]
        fitted_analysis("covariates", {}, all_items(part.covariates, part.equal))
        usable = usable_covariates(facts)
        for name in facts.columns.difference(usable):
            log.info("%s: %s does not vary, or too few networks do", part.labels, name)
        if not usable:
            where = snakemake.wildcards.dataset, part.labels["selection"]
            raise LeftOut(nothing_explains(*where, len(facts)))
        return variance_explained(
            part.distances,
            facts[usable],
            n_permutations=snakemake.params.n_permutations,
            seed=snakemake.params.seed,
        )

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, explained, log), snakemake.output.table)
