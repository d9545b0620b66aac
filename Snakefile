"""The study: datasets become representations, metrics turn them into distances, learning turns
distances into figures. `snakemake` runs it; config.yaml says what; rules/ holds the steps.
"""

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")

# This file's own folder; that of another workflow's which uses this one as a module is elsewhere.
BASE = str(workflow.current_basedir)
# Jobs use the package of this checkout, whatever else is installed.
SOURCE = os.path.join(BASE, "src")
sys.path.insert(0, SOURCE)
os.environ["PYTHONPATH"] = SOURCE
# A profile that counts cores may have loaded an installed one.
for name in [name for name in sys.modules if name.partition(".")[0] == "shapemetrics"]:
    del sys.modules[name]

from shapemetrics.study import Study, default_config, validated
from shapemetrics.study.layout import check_writable
from shapemetrics.study.preflight import examined
from shapemetrics.study.settings.reading import over_default, with_line


configfile: os.path.join(BASE, "config.yaml")


report: "report/workflow.rst"


# The default is beneath all others, wherever Snakemake lists it.
default = os.path.join(BASE, "config.yaml")
files = sorted(workflow.configfiles, key=lambda file: str(file) != default)
try:
    # As a module of another workflow, with what that one's configuration gives.
    if default not in map(str, files):
        config.update(over_default(config, BASE))
    config.update(validated(config, files))
    study = Study(config, default_config(BASE))
    check_writable(study.results)
    here = workflow.is_main_process and workflow.local_exec
    study = study.knowing(examined(study, local=here))
except ValueError as error:
    raise WorkflowError(with_line(str(error), files)) from None

# Where every result lies: layout["index"] is a pattern with the wildcards of the rules.
layout = study.layout


def names(*kinds, having=lambda dataset: True):
    """A wildcard constraint: names of the datasets of these kinds, or of all."""
    found = [name for name, part in study.of_kind(*kinds).items() if having(part)]
    return "|".join(found) or "(?!)"  # without any, nothing matches


def rule_name(rule, part, parts):
    """Name of a dataset's own rule: further datasets have theirs behind it."""
    return rule if part is next(iter(parts.values())) else f"{rule}_{part.name}"


wildcard_constraints:
    dataset="[A-Za-z0-9]+",
    metric="[A-Za-z0-9_]+",
    selection="[A-Za-z0-9_]+",


include: "rules/networks.smk"
include: "rules/recordings.smk"
include: "rules/user.smk"
include: "rules/distance_tables.smk"
include: "rules/distances.smk"
include: "rules/geometry.smk"
include: "rules/learning.smk"
include: "rules/comparison.smk"
include: "rules/figures.smk"
include: "rules/explorer.smk"
include: "rules/report.smk"


onstart:
    print(*study.announcements(), sep="\n", file=sys.stderr)


rule all:
    default_target: True
    input:
        FIGURES,
        rules.write_explorer.output,
        rules.write_report.output,
    localrule: True
