"""Cluster every selection hierarchically."""

import pandas as pd

from shapemetrics.geometry.clustering import cluster_distances
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import labelled, read_selected, write_table

with job(snakemake) as log:
    merges, leaves = [], []
    for part in read_selected(snakemake.input.matrices, snakemake.input.index):
        tree = cluster_distances(part.distances, **dict(snakemake.params.items()))
        merges.append(labelled(tree.table, part.labels))
        leaves.append(labelled(part.covariates.assign(leaf=range(len(part.ids))), part.labels))
        log.info("%s: cophenetic correlation %.3f", part.labels, tree.cophenetic)
    write_table(pd.concat(merges), snakemake.output.table)
    write_table(pd.concat(leaves), snakemake.output.leaves)
