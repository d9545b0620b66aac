"""Responses of one session of the multi-region recordings of Steinmetz et al. 2019."""

from shapemetrics.datasets.allen.steinmetz import read_session
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    responses = read_session(snakemake.input.session, min_repeats=snakemake.params.min_repeats)
    log.info(
        "%s: %d units, %d stimuli, left out: %s",
        snakemake.input.session,
        len(responses.units),
        len(responses.stimuli),
        responses.dropped,
    )
    write_table(responses.table(), snakemake.output.units)
    responses.save(snakemake.output.responses)
