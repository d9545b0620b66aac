"""The small study through a real SLURM: the same results, whatever happens to its jobs.

Snakemake looks after jobs at lengthening intervals, and each job starts it twice: every step of the
workflow costs a quarter of a minute. Hence one run, with small jobs in groups and in an array, in
which a job is cancelled, one has too little memory, and the node's daemon dies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from shapemetrics.pairwise import DistanceMatrix

pytestmark = [
    pytest.mark.slow,
    pytest.mark.workflow,
    pytest.mark.skipif(
        "SHAPEMETRICS_LONG" not in os.environ,
        reason="takes many minutes: set SHAPEMETRICS_LONG=1 to run it",
    ),
]

#: Laid over config/test.yaml: fewer analyses, and training long enough to be interrupted.
SMALLER = {
    "metrics": {"cca": None},
    "datasets": {
        "nasbench": {
            "n_networks": 12,
            "networks_per_job": 6,
            "layers": ["pool"],
            "training": {"epochs": 20},
        }
    },
}
#: Laid over profiles/slurm, as a site would: at this size no analysis deserves a job of its own.
#: Training needs some 600 MB.
SITE = {
    "groups": {
        "shift_layers": "samples",
        "vary_stimuli": "samples",
        **dict.fromkeys(
            ("audit_triangles", "classify_labels", "cluster_distances", "compare_measures"),
            "analyses",
        ),
        **dict.fromkeys(
            ("embed_distances", "explain_covariates", "measure_distortion", "regress_target"),
            "analyses",
        ),
    },
    "group-components": {"samples": 2, "analyses": 4},
    "set-resources": {
        "train_networks": {"mem_mb": "400 if wildcards.block == '0' and attempt == 1 else 2000"}
    },
    "jobs": "unlimited",
    "slurm-array-jobs": "compute_distances",
    "cores": 2,
    "latency-wait": 20,
    "slurm-status-command": "squeue",
    "slurm-init-seconds-before-status-checks": 1,
}
#: Twelve networks: two blocks of five and a rest of two.
TILED = {"distances": {"block_size": 5}}
MATRIX = Path("distances", "nasbench", "pool_trained", "procrustes", "distances.npz")
#: Below results: what tells times. (Networks' own files do; the store has what else is in them.)
TIMED = (
    *("logs", "benchmarks", "costs.csv", "report.html", "provenance.json"),
    "nasbench/networks/",
)


@dataclass
class Run:
    """A run of the study whose jobs SLURM got, and what happened to them."""

    checkout: Any
    process: subprocess.Popen
    slurm: Any
    cancelled: str = ""
    kept: dict[Path, int] | None = None
    outlived: str = ""
    killed: datetime | None = None

    @property
    def results(self) -> Path:
        return self.checkout.results

    def output(self) -> str:
        return (self.checkout.folder / "run.log").read_text()[-8000:] + self.slurm.logs()

    def until(self, find: Callable[[], Any], seconds: float = 300) -> Any:
        """What is found first; the run must go on meanwhile."""
        deadline = time.monotonic() + seconds
        while not (found := find()):
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.02)
        return found

    def finish(self, seconds: float = 1200) -> None:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(self.output())
        assert self.process.returncode == 0, self.output()

    def jobs(self, comment: str = "rule_") -> list[dict[str, str]]:
        """Jobs whose comment, rule and wildcards, begins so; in the order of their submission."""
        return [job for job in self.slurm.jobs() if job.get("Comment", "").startswith(comment)]

    def running(self, comment: str) -> dict[str, str] | None:
        return next((job for job in self.jobs(comment) if job["JobState"] == "RUNNING"), None)

    def trained(self, block: int) -> dict[Path, int]:
        """Files of a block's finished networks, and when they were written."""
        folder = self.results / "nasbench"
        names = list(pd.read_csv(folder / "networks.csv")["network"])[6 * block : 6 * block + 6]
        files = [path for path in (folder / "networks").rglob("*.npz") if path.name[0] != "."]
        return {
            path: path.stat().st_mtime_ns
            for path in files
            if any(name in str(path) for name in names)
        }


@pytest.fixture(scope="module")
def checkout(copied, tmp_path_factory) -> Callable[[str], Any]:
    """Makes checkouts with the smaller study and the site's profile."""

    def make(name: str):
        made = copied(tmp_path_factory.mktemp(name) / "study")
        lay_over(made.folder / "config" / made.config, SMALLER)
        lay_over(made.folder / "profiles" / "slurm" / "config.yaml", SITE)
        return made

    return make


def lay_over(file: Path, top: dict) -> None:
    merged = laid_over(yaml.safe_load(file.read_text()), top)
    file.write_text(yaml.safe_dump(merged, sort_keys=False))


def laid_over(base: Any, top: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return {**base, **{key: laid_over(base.get(key), value) for key, value in top.items()}}


@pytest.fixture(scope="module")
def reference(checkout) -> Iterator[Callable[[], Any]]:
    """The same study run on this machine, meanwhile; a function that waits for its end."""
    made = checkout("local")
    process = made.start("--cores", "1")

    def finished() -> Any:
        output, _ = process.communicate(timeout=1200)
        assert process.returncode == 0, output[-6000:]
        return made

    yield finished
    if process.poll() is None:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def run(slurm, checkout, reference) -> Iterator[Run]:
    """The whole study on SLURM, with all faults."""
    made = checkout("cluster")
    process = submitted(made, slurm)
    run = Run(made, process, slurm)
    try:
        cancel_training(run)
        restart_daemon(run)
        run.finish()
        yield run
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def submitted(checkout: Any, slurm: Any, *targets: str) -> subprocess.Popen:
    """The study, or these files of it, under way on SLURM."""
    with open(checkout.folder / "run.log", "w") as log:
        return subprocess.Popen(
            checkout.command(*targets, "--workflow-profile", "slurm"),
            cwd=checkout.folder,
            env={name: value for name, value in slurm.environment.items() if name != "PYTHONPATH"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def cancel_training(run: Run) -> None:
    """Cancel a job when it has trained one of its six networks."""
    run.until(lambda: (run.results / "nasbench" / "networks.csv").exists())
    run.until(lambda: run.trained(block=1))
    run.cancelled = run.running("rule_train_networks_wildcards_nasbench_1")["JobId"]
    run.slurm.answer("scancel", run.cancelled)
    run.until(lambda: run.slurm.job(run.cancelled)["JobState"] == "CANCELLED")
    run.kept = run.trained(block=1)


def restart_daemon(run: Run) -> None:
    """Kill the node's daemon while distances are computed, and start it again."""
    run.until(lambda: list((run.results / "logs" / "compute_distances").glob("*.log")))
    run.outlived = run.running("rule_compute_distances")["JobId"]
    run.killed = datetime.now().replace(microsecond=0)
    run.slurm.kill_node()
    time.sleep(1.0)
    run.slurm.start_node()


def test_results_are_those_of_a_local_run(run, reference):
    here, there = contents(reference().results), contents(run.results)
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name]} == set()
    assert {".npz", ".npy", ".csv", ".png", ".pdf"} <= {Path(name).suffix for name in here}


def contents(results: Path) -> dict[str, bytes]:
    files = {str(p.relative_to(results)): p for p in results.rglob("*") if p.is_file()}
    return {name: p.read_bytes() for name, p in files.items() if not name.startswith(TIMED)}


def test_a_cancelled_job_is_tried_again_and_goes_on_where_it_was(run):
    first, *_, last = run.jobs("rule_train_networks_wildcards_nasbench_1")
    assert first["JobId"] == run.cancelled
    assert (first["JobState"], last["JobState"]) == ("CANCELLED", "COMPLETED")
    assert 1 <= len(run.kept) < 6
    assert run.trained(block=1).items() >= run.kept.items()  # not trained again
    assert len(run.trained(block=1)) == 6


def test_a_job_out_of_memory_is_tried_again_with_more(run):
    first, *_, last = run.jobs("rule_train_networks_wildcards_nasbench_0")
    assert (first["JobState"], last["JobState"]) == ("FAILED", "COMPLETED")
    assert (first["MinMemoryNode"], last["MinMemoryNode"]) == ("400M", "2000M")
    assert "exceeded memory limit" in Path(first["StdOut"]).read_text()


def test_jobs_outlive_the_daemon_of_their_node(run, slurm):
    job = slurm.job(run.outlived)
    assert job["JobState"] == "COMPLETED"
    assert datetime.fromisoformat(job["EndTime"]) >= run.killed
    assert (slurm.folder / "slurmd.log").read_text().count("slurmd started") == 2


def test_distances_are_an_array_and_small_jobs_share_one(run):
    matrices = list((run.results / "distances").rglob("distances.npz"))
    array = [job for job in run.jobs("rule_compute_distances") if "ArrayTaskId" in job]
    assert len({job["ArrayJobId"] for job in array}) == 1
    assert len(array) == len(matrices) == 5
    groups = run.jobs("rule_analyses")
    assert len(groups) < len(list((run.results / "benchmarks").glob("regress_target/*"))) * 8
    # One after another: the cores and memory of one, the time of all.
    assert {(job["NumCPUs"], job["MinMemoryNode"]) for job in groups} == {("1", "2000M")}
    assert max(job["TimeLimit"] for job in groups) > "04:00:00"
    assert len(run.jobs("rule_draw_geometry_nasbench")) == 1


def test_a_matrix_in_tiles_is_that_of_one_job(run, slurm):
    """Last of all, since it makes one of the run's results anew."""
    whole = DistanceMatrix.load(run.results / MATRIX)
    shutil.rmtree((run.results / MATRIX).parent)
    lay_over(run.checkout.folder / "config" / run.checkout.config, TILED)
    again = Run(run.checkout, submitted(run.checkout, slurm, f"results/{MATRIX}"), slurm)
    again.finish()
    parts = DistanceMatrix.load(run.results / MATRIX)
    assert parts.ids == whole.ids
    np.testing.assert_allclose(parts.values, whole.values, rtol=0, atol=1e-9)
    assert len(list((run.results / MATRIX).parent.rglob("tile_*.npz"))) == 6
    # Blocks are one SLURM job, tiles another, and the gathering a third.
    for group in ("rule_blocks", "rule_tiles", "rule_gather_tiles"):
        assert [job["JobState"] for job in run.jobs(group)] == ["COMPLETED"]
