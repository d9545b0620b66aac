"""Choose the networks of the study: uniformly, by published accuracy, or by hash."""

from shapemetrics.datasets.nasbench.choice import ChoiceSettings, choose_networks
from shapemetrics.datasets.nasbench.published import read_published
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    published = list(snakemake.input.published)
    settings = ChoiceSettings.from_mapping(snakemake.params.choice)
    table = choose_networks(
        settings,
        snakemake.params.seed,
        read_published(published[0]) if published else None,
    )
    log.info("%d cells, %s, of up to %d vertices", len(table), settings.how, settings.max_vertices)
    write_table(table, snakemake.output.table)
