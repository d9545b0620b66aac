"""The small study through a real SLURM: the same results, whatever happens to its jobs.

Snakemake looks after jobs at lengthening intervals, so that each step of the workflow costs some
fifteen seconds here: small jobs are put into groups, and faults are provoked in few runs.
"""

from __future__ import annotations

import importlib.util
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

#: Laid over config/test.yaml: fewer analyses, and training long enough to be interrupted.
SMALLER = {
    "metrics": {"cca": None},
    "datasets": {
        "nasbench": {
            "n_networks": 12,
            "networks_per_job": 6,
            "layers": ["pool"],
            "training": {"epochs": 12},
        }
    },
}
#: Further groups: at this size no rule after training deserves a job of its own.
GROUPS = {
    "distances": ("compute_distances", "shift_layers", "vary_stimuli"),
    "analyses": (
        *("audit_triangles", "classify_labels", "cluster_distances", "compare_measures"),
        *("embed_distances", "explain_covariates", "measure_distortion", "regress_target"),
    ),
}
#: What a site, or a test, sets on top of the profile.
SITE = (
    *("--workflow-profile", "slurm", "--cores", "2", "--latency-wait", "20"),
    *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"),
)
#: Below results: times, and what is made of them.
TIMED = ("logs", "benchmarks", "costs.csv", "report.html", "provenance.json")


@dataclass
class Run:
    """A run of the study whose jobs SLURM gets."""

    checkout: Any
    log: Path
    process: subprocess.Popen
    #: What SLURM said of jobs at moments that matter.
    seen: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        return self.checkout.results

    def text(self) -> str:
        return self.log.read_text()

    def until(self, holds: Callable[[], object], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.text()[-6000:]
            assert time.monotonic() < deadline, self.text()[-6000:]
            time.sleep(0.02)

    def finish(self, seconds: float = 600) -> None:
        try:
            self.process.wait(seconds)
        except Exception:
            print(self.checkout.SL.logs())
            raise
        assert self.process.returncode == 0, self.text()[-8000:]

    def trained(self) -> dict[Path, int]:
        """Files of finished networks, and when they were written."""
        files = (self.results / "nasbench" / "networks").rglob("*.npz")
        return {p: p.stat().st_mtime_ns for p in files if not p.name.startswith(".")}


@pytest.fixture(scope="module")
def tools(root):
    """The checkouts of the workflow's tests."""
    file = root / "tests" / "workflow" / "conftest.py"
    spec = importlib.util.spec_from_file_location("workflow_checkouts", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def checkout(tools, tmp_path_factory) -> Callable[[str], Any]:
    """Makes checkouts with the smaller study and, in their profile, the further groups."""

    def make(name: str):
        made = tools.copied(tmp_path_factory.mktemp(name) / "study")
        file = made.folder / "config" / made.config
        file.write_text(yaml.safe_dump(laid_over(yaml.safe_load(file.read_text()), SMALLER)))
        file = made.folder / "profiles" / "slurm" / "config.yaml"
        profile = yaml.safe_load(file.read_text())
        for group, rules in GROUPS.items():
            profile["groups"] |= dict.fromkeys(rules, group)
        profile["group-components"] |= {"distances": 4, "analyses": 4, "figures": 7}
        file.write_text(yaml.safe_dump(profile, sort_keys=False))
        return made

    return make


def laid_over(base: Any, top: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return {**base, **{key: laid_over(base.get(key), value) for key, value in top.items()}}


@pytest.fixture(scope="module")
def submit(slurm) -> Iterator[Callable[..., Run]]:
    """Starts Snakemake in a checkout, on the cluster."""
    runs = []

    def start(checkout: Any, *options: str) -> Run:
        environment = slurm.environment
        environment.pop("PYTHONPATH", None)
        log = checkout.folder / "run.log"
        with open(log, "w") as output:
            process = subprocess.Popen(
                checkout.command(*SITE, *options),
                cwd=checkout.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        checkout.SL = slurm
        runs.append(Run(checkout, log, process))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def running(slurm, comment: str) -> dict[str, str] | None:
    """The job under way whose comment, rule and wildcards, begins so."""
    for job in slurm.jobs():
        if job.get("Comment", "").startswith(comment) and job["JobState"] == "RUNNING":
            return job
    return None


def jobs_of(slurm, run: Run, comment: str = "") -> list[dict[str, str]]:
    return [
        job
        for job in slurm.jobs()
        if job["WorkDir"] == str(run.checkout.folder) and job.get("Comment", "").startswith(comment)
    ]


@pytest.fixture(scope="module")
def whole(slurm, checkout, submit) -> Iterator[tuple[Run, Any]]:
    """The whole study on SLURM, whose node daemon dies while networks are trained, and locally."""
    reference = checkout("local")
    local = reference.start("--cores", "1")
    try:
        run = submit(checkout("cluster"))
        run.until(lambda: len(run.trained()) >= 2)
        job = running(slurm, "rule_train_networks")
        slurm.kill_node()
        run.seen["before"] = job
        time.sleep(1.0)
        slurm.start_node()
        run.seen["after"] = slurm.job(job["JobId"])
        run.finish(240)
        output, _ = local.communicate(timeout=600)
        assert local.returncode == 0, output[-6000:]
        yield run, reference
    finally:
        local.kill()
        local.communicate()


def test_results_are_those_of_a_local_run(whole):
    run, reference = whole
    here, there = (digests(checkout.results) for checkout in (reference, run.checkout))
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name]} == set()
    kinds = {Path(name).suffix for name in here}
    assert {".npz", ".npy", ".csv", ".png", ".pdf"} <= kinds


def digests(results: Path) -> dict[str, bytes]:
    files = [path for path in results.rglob("*") if path.is_file()]
    names = {str(path.relative_to(results)): path for path in files}
    return {n: p.read_bytes() for n, p in names.items() if not n.startswith(TIMED)}


def test_every_job_but_light_ones_ran_on_the_cluster(whole, slurm):
    run, _ = whole
    jobs = jobs_of(slurm, run)
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    comments = sorted(job["Comment"] for job in jobs)
    print(comments)
    assert len(jobs) >= 5
