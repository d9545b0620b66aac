"""Results that change on disk: found by their digest, removed, made anew with the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shapemetrics.study.run import main

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


def flip(file: Path) -> bytes:
    """Change one bit in the middle; return what was there."""
    whole = file.read_bytes()
    content = bytearray(whole)
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    return whole


def heals(study, damaged: Path, result: Path) -> str:
    """Damage a file and ask for a result that rests on it: the run fails, saying why (returned),
    and the next one makes both as they were."""
    whole, expected = flip(damaged), result.read_bytes()
    result.unlink()
    wanted = str(result.relative_to(study.folder))
    output = study.run(wanted, expect=1)
    assert not damaged.exists()
    study.run(wanted)
    assert damaged.read_bytes() == whole
    assert result.read_bytes() == expected
    return output


def test_a_damaged_array_of_a_store_is_made_anew(study):
    array = sorted((study.results / "nasbench" / "store").glob("pool_trained_*.npy"))[3]
    folder = study.results / "distances" / "nasbench" / "pool_trained" / "procrustes"
    output = heals(study, array, folder / "distances.npz")
    assert f"{array.name}: found sha256" in output
    assert "it was removed: run the same command again to make it anew" in output


@pytest.mark.parametrize("name", ["index.csv", "dataset.json"])
def test_a_damaged_table_of_a_store_is_made_anew(study, name):
    file = study.results / "nasbench" / "store" / name
    table = study.results / "learning" / "nasbench" / "procrustes" / "regression.csv"
    output = heals(study, file, table)
    assert f"{name}: " in output
    assert "it was removed: run the same command again to make it anew" in output


def test_a_damaged_matrix_is_made_anew(study):
    folder = study.results / "distances" / "nasbench" / "pool_trained" / "procrustes"
    table = study.results / "geometry" / "nasbench" / "procrustes" / "audit.csv"
    output = heals(study, folder / "distances.npz", table)
    assert "distances.npz: not a readable matrix of distances" in output


def test_provenance_names_what_is_damaged_or_missing(study, capsys):
    assert main(["--verify", str(study.results)]) == 0
    figure = study.results / "figures" / "nasbench" / "audit.pdf"
    table = study.results / "learning" / "nasbench" / "procrustes" / "regression.csv"
    flip(figure)
    table.unlink()
    capsys.readouterr()
    assert main(["--verify", str(study.results)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert any(str(figure) in line and "found sha256" in line for line in lines)
    assert any(str(table) in line and "missing" in line for line in lines)
    assert main(["--verify", str(study.results / "figures")]) == 1


def test_provenance_says_where_results_come_from(unbroken):
    facts = json.loads((unbroken.results / "provenance.json").read_text())
    assert len(facts["config_sha256"]) == len(facts["code_sha256"]) == 64
    assert facts["config"]["seed"] == 20211014
    assert facts["versions"]["numpy"]
    assert facts["datasets"]["nasbench"]["simulated"] is False
    assert facts["git"]["revision"] == "unknown" or len(facts["git"]["revision"]) == 40
    assert "figures/nasbench/audit.pdf" in facts["files"]
    figure = (unbroken.results / "figures" / "nasbench" / "audit.pdf").read_bytes()
    assert f"configuration sha256 {facts['config_sha256']}: draw_audit nasbench".encode() in figure
    assert not [name for name in facts["files"] if name.startswith(("logs", "benchmarks"))]
    assert "provenance.json" in (unbroken.results / "report.html").read_text()
