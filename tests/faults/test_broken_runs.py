"""Runs that are killed, starved of disk or kept from writing: nothing is lost or half-done."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.workflow,
    pytest.mark.skipif(
        "SHAPEMETRICS_LONG" not in os.environ,
        reason="takes many minutes: set SHAPEMETRICS_LONG=1 to run it",
    ),
]


def killed_at_work(checkout, seed: int) -> bool:
    """Run until some jobs have begun and a moment more, then kill the whole group of processes.

    Returns whether it was still at work: a job had begun, and the run had not ended.
    """
    rng = np.random.default_rng(seed)
    wanted, later = int(rng.integers(1, 7)), float(rng.uniform(0.0, 1.5))
    before = begun(checkout)
    process = checkout.start()
    while process.poll() is None and begun(checkout) < before + wanted:
        time.sleep(0.05)
    time.sleep(later)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(0.2)
    return alive


def begun(checkout) -> int:
    """Jobs that have opened a log: a job that is repeated counts once."""
    return sum(1 for path in (checkout.results / "logs").rglob("*.log"))


@pytest.mark.parametrize(
    ("first_seed", "reference"),
    [(0, "unbroken"), (10, "unbroken_in_tiles")],
    ids=["whole", "in tiles"],
)
def test_ten_kills_at_random_moments_change_no_byte(
    request, broken_in, differences, first_seed, reference
):
    expected = request.getfixturevalue(reference)
    checkout = broken_in(extra=expected.extra)
    kills = sum(killed_at_work(checkout, seed) for seed in range(first_seed, first_seed + 10))
    assert kills >= 5
    checkout.run()
    assert differences(checkout.results, expected.results) == []
    assert checkout.planned() == {}


def test_one_core_gives_the_same_bytes_as_all(unbroken, broken_in, differences):
    checkout = broken_in()
    checkout.run("--cores", "1")
    assert differences(checkout.results, unbroken.results) == []


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_when_there_is_room(
    unbroken, broken_in, small_disk, differences
):
    checkout = broken_in()
    small_disk(checkout.results, "size=300k")
    output = checkout.run(expect=1)
    lines = [line for line in output.splitlines() if line.startswith("error in ")]
    assert lines, output[-3000:]
    assert all("no space left on the disk of" in line and "MB free" in line for line in lines)
    assert "Traceback" not in output
    half = [p for p in checkout.results.rglob("*") if p.name.startswith(".") and p.is_file()]
    assert half == []
    assert os.system(f"mount -o remount,size=200m '{checkout.results}'") == 0
    checkout.run()
    assert differences(checkout.results, unbroken.results) == []


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_computed(
    broken_in, small_disk
):
    checkout = broken_in()
    small_disk(checkout.results, "ro")
    output = checkout.run(expect=1)
    assert f"{checkout.results} is not writable" in output
    assert "Execute" not in output


def test_a_results_folder_that_is_a_file_is_named(broken_in):
    checkout = broken_in()
    checkout.results.write_text("mine")
    assert f"{checkout.results} is a file, expected a folder" in checkout.run(expect=1)
    assert checkout.results.read_text() == "mine"
