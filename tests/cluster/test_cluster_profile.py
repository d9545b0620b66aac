"""profiles/slurm: what it asks of a cluster, told without one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml
from snakemake.cli import parse_args

VARIABLES = ("SBATCH_ACCOUNT", "SBATCH_PARTITION", "GPU_PARTITION", "SNAKEMAKE_PROFILE")


@pytest.fixture
def profile(root, monkeypatch) -> Callable[..., dict]:
    """What Snakemake makes of the profile where these variables are set."""

    def read(**variables: str) -> dict:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(root)
        return vars(parse_args(["--workflow-profile", "slurm"])[1])

    return read


@pytest.fixture(scope="module")
def checkout(copied, tmp_path_factory):
    return copied(tmp_path_factory.mktemp("profile") / "study", "paper.yaml")


def raw(resources: dict) -> dict:
    return {name: resource.raw for name, resource in resources.items()}


def test_every_key_of_the_profile_is_known(root, profile):
    keys = yaml.safe_load((root / "profiles" / "slurm" / "config.yaml").read_text())
    found = profile()
    assert {k.replace("-", "_") for k in keys if not k.startswith("__")} <= set(found)
    assert found["executor"] == "slurm"


def test_rules_that_the_profile_names_exist(root, profile):
    rules = "\n".join(path.read_text() for path in (root / "rules").glob("*.smk"))
    known = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):", rules, re.MULTILINE))
    known |= set(re.findall(r'rule_name\("(\w+)"', rules))
    assert set(profile()["groups"]) <= known
    assert set(profile()["set_resources"]) <= known


def test_account_and_partitions_come_from_the_environment(profile):
    without = raw(profile()["default_resources"])
    assert not {"slurm_account", "slurm_partition"} & set(without)
    found = profile(SBATCH_ACCOUNT="12-34", SBATCH_PARTITION="long", GPU_PARTITION="all")
    # Quoted, lest Snakemake takes them for sums or functions.
    assert raw(found["default_resources"])["slurm_account"] == "'12-34'"
    assert raw(found["default_resources"])["slurm_partition"] == "'long'"
    training = raw(found["set_resources"]["train_networks"])
    assert training == {"slurm_partition": "'all'", "gres": "'gpu:1'"}


@pytest.mark.workflow
def test_a_dry_run_plans_all_jobs_and_says_what_they_need(checkout, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GPU_PARTITION", "gpus")
    planned = checkout.planned("--workflow-profile", "slurm")
    assert planned == checkout.planned()
    assert planned["train_networks"] == 200
    output = checkout.run("--dry-run", "--workflow-profile", "slurm", "--quiet", "reason")
    needed = re.findall(r"rule train_networks:.*?resources: (.*?)\n", output, re.DOTALL)
    assert len(needed) == 200
    for text in ("mem_mb=6000", "slurm_partition=gpus", "gres=gpu:1"):
        assert text in needed[0]
    # Ten networks of 108 epochs are more than the hour that is the default.
    assert int(re.search(r"runtime=(\d+)", needed[0])[1]) > 600
