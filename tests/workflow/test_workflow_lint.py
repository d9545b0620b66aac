"""Snakemake's own linter: every finding is argued in docs/lint.md, and nothing else is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.workflow

TITLE = re.compile(r"^\s+\* (.+?):?$", re.MULTILINE)


def plain(title: str) -> str:
    return title.rstrip(".:")


def test_findings_are_those_that_are_argued(root):
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint"], cwd=root, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert "Lints for" in said, said[-2000:]
    found = {plain(title) for title in TITLE.findall(said)}
    text = (root / "docs" / "lint.md").read_text(encoding="utf-8")
    argued = {plain(title) for title in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert found == argued
