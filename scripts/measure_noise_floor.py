"""Distance of each region to itself from other repeats, against distances to other regions."""

import pandas as pd

from shapemetrics.estimation.noise import half_distances
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, read_selected, write_table

with job(snakemake) as log:
    (part,) = read_selected(snakemake.input.matrices, snakemake.input.index)
    regions = part.covariate("structure_acronym").tolist()
    found = half_distances(part.distances, regions, part.covariate("half").tolist())
    facts = part.covariates.drop_duplicates("structure_acronym").set_index("structure_acronym")
    table = pd.concat(
        [found, facts.loc[found["item"], ["division", "ccf_color", "n_units"]].reset_index()],
        axis=1,
    )
    log.info("identified %.3f, chance %.3f", found["identified"].mean(), 1 / len(found))
    write_table(labelled(table, {"metric": part.labels["metric"]}), snakemake.output.table)
