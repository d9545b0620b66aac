"""What the study's jobs cost, rule by rule, and what they would cost at the published scale."""

from shapemetrics.study import Study, load_config
from shapemetrics.study.costs import extrapolated_costs, measured_costs, write_costs
from shapemetrics.study.jobs import job

with job(snakemake) as log:
    paper = load_config(snakemake.params.default, snakemake.input.paper)
    costs = measured_costs(snakemake.params.benchmarks)
    costs = extrapolated_costs(costs, Study(snakemake.config), Study(paper))
    write_costs(costs, snakemake.output.table)
    log.info("%d rules, %.2f hours of jobs", len(costs), costs["hours"].sum())
