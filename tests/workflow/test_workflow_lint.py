"""Snakemake's own linter, with the findings that are allowed and why."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.workflow

#: Title of a finding, and why it stands.
ALLOWED = {
    # The environment is made once by the Makefile from envs/study.txt; nothing of Snakemake's
    # deployment methods (conda, containers, modules) is needed to run the study.
    "Specify a conda environment or container for each rule.": "environment made by make",
    # Lambdas read the one study object; the rules stay one screen each.
    "Do not access input and output files individually by index in shell commands": "no shell",
}


def test_no_finding_that_is_not_allowed(root):
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint", "json"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout[done.stdout.index("{") :]) if "{" in done.stdout else {}
    titles = {
        (lint["title"], rule["for"].get("rule") if isinstance(rule["for"], dict) else rule["for"])
        for rule in [*found.get("rules", []), *found.get("snakefiles", [])]
        for lint in rule["lints"]
    }
    assert {pair for pair in titles if pair[0] not in ALLOWED} == set()
