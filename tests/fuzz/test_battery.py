"""The battery of cases: a few seeds on every run, minutes of them in the long tests."""

from __future__ import annotations

import os

import battery
import pytest

pytest.importorskip("torch", reason="containers and doors of the battery include PyTorch's")
pytest.importorskip("xarray", reason="containers of the battery include xarray's")
pytest.importorskip("ml_dtypes", reason="types of the battery include bfloat16")


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_no_case_disagrees(first):
    done, scripts = battery.run(first, cases=20)
    assert done == 20
    assert not scripts, "\n".join(scripts)


@pytest.mark.skipif(
    "SHAPEMETRICS_LONG" not in os.environ,
    reason="takes many minutes: set SHAPEMETRICS_LONG=1 to run it",
)
def test_no_case_of_a_long_run_disagrees():
    """The same ones everywhere, so that a red run can be run again; others are run by hand."""
    done, scripts = battery.run(2026112700000, cases=1200)
    assert done == 1200
    assert not scripts, "\n".join(scripts)


# The battery itself


def test_a_script_is_what_ran():
    case = battery.draw_case(0)
    text = battery.script(0, case, "an example")
    assert case.code in text
    compile(text, "script", "exec")


def test_every_door_and_container_and_type_is_drawn():
    drawn = [battery.draw_case(seed).labels for seed in range(3000)]
    assert {case["door"] for case in drawn} == set(battery.DOORS)
    assert {case["container"] for case in drawn} == set(battery.CONTAINERS) | set(battery.FRAMES)
    assert {case["kind"] for case in drawn} == {"float16", "bfloat16", "float32", "float64"}
    assert {case["metric"] for case in drawn} == set(battery.PARAMETERS)


def test_a_wrong_answer_is_found(monkeypatch):
    """A case whose reference is another metric's must disagree."""
    monkeypatch.setattr(battery, "draw_case", lambda seed: CASE)
    assert battery.run(0, cases=1) == (1, [])
    wrong = battery.reference.distance

    def shifted(metric, X, Y):
        answer = wrong(metric, X, Y)
        return answer._replace(value=answer.value + 1e-9)

    monkeypatch.setattr(battery.reference, "distance", shifted)
    done, scripts = battery.run(0, cases=1)
    assert done == 1
    assert "expected" in scripts[0]


CASE = battery.Case(
    "LinearMetric(alpha=0.3)",
    "rng = np.random.default_rng(0); X, Y, Z = rng.normal(size=(3, 12, 4))",
    "",
    "pairwise",
)
