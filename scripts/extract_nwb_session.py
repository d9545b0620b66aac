"""Responses of one session in an NWB file, by the study's rules for trials."""

from shapemetrics.datasets.recordings.choices import Intervals, UnitColumns
from shapemetrics.datasets.recordings.nwb import read_nwb
from shapemetrics.datasets.recordings.trials import TrialRules, session_responses
from shapemetrics.study.jobs import job
from shapemetrics.study.tables import write_table

with job(snakemake) as log:
    choice = snakemake.params.choice
    trials = read_nwb(
        snakemake.params.place,
        Intervals(**choice["intervals"]),
        UnitColumns(**choice["units"]),
        session=snakemake.wildcards.session,
    )
    for remark, number in trials.remarks.items():
        log.warning("%s: %s: %d", snakemake.params.place, remark, number)
    responses = session_responses(
        trials,
        TrialRules(**choice["rules"]),
        atlas=choice["atlas"],
        simulated=choice["simulated"],
    )
    if not len(responses.units) or not responses.stimuli:
        log.warning("%s: no unit or no condition is left", snakemake.params.place)
    log.info(
        "%s: %d units, %d stimuli, left out: %s",
        snakemake.params.place,
        len(responses.units),
        len(responses.stimuli),
        responses.fates,
    )
    write_table(responses.table(), snakemake.output.units)
    responses.save(snakemake.output.responses)
