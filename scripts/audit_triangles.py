"""Check every triple of every selection for the triangle inequality."""

import pandas as pd

from shapemetrics.geometry.audit import triangle_audit
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import Selected, collect, read_selected, write_table

with job(snakemake) as log:

    def audit(part: Selected) -> pd.DataFrame:
        found = triangle_audit(part.distances, ids=part.ids, name=part.labels["metric"])
        return pd.DataFrame([{**found.row(), "is_metric": snakemake.params.is_metric}])

    selected = read_selected(snakemake.input.matrices, snakemake.input.index)
    write_table(collect(selected, audit), snakemake.output.table)
