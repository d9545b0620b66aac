"""Datasets of a user's own in the workflow: files and a class, what reruns, what is refused."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

N = 16
MODULE = """
import numpy as np
from shapemetrics.datasets import Dataset, Representation


class Waves(Dataset):
    source, simulated, stimuli = "waves", True, range(12)

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        for k in range(self.n):
            phase = np.linspace(0, 1 + k, 12)[:, None] * np.arange(1, 4)
            yield Representation(f"wave{k}", np.sin(phase), {"k": k})
"""


def write_files(folder: Path) -> None:
    """Networks whose one parameter bends their responses, and is the target."""
    folder.mkdir()
    x = np.linspace(-1, 1, 20)[:, None] * np.linspace(1, 2, 5)
    rows = []
    for k in range(N):
        np.savetxt(folder / f"net é {k}.csv", np.tanh(x * (1 + k / 4)), delimiter=",")
        score = "" if k == 3 else k / 4
        rows.append({"id": f"net é {k}", "score": score, "kind": "steep" if k > 7 else "flat"})
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)


def configured(checkout, **changes) -> None:
    config = yaml.safe_load((checkout.folder / "config" / "test.yaml").read_text())
    own = {"kind": "files", "folder": "my files", "metadata": "table.csv"}
    own |= {"targets": ["score", "kind"], **changes}
    waves = {"kind": "python", "class": "waves:Waves", "options": {"n": 8}, "regression": ["k"]}
    config["datasets"] = {
        "nasbench": {"enabled": False},
        "allen": {"enabled": False},
        "mine": own,
        "waves": waves,
    }
    (checkout.folder / "config" / "own.yaml").write_text(yaml.safe_dump(config))
    checkout.config = "own.yaml"


SCORES = "results/learning/mine/procrustes/regression.csv"
CLASSES = "results/learning/mine/procrustes/classification.csv"
EMBEDDING = "results/figures/mine/procrustes/embedding.png"
WAVES = "results/waves/store/index.csv"
# After an option, since the one before in a dry run takes any number of words.
TARGETS = ("--cores", "2", SCORES, CLASSES, EMBEDDING, WAVES)


@pytest.fixture(scope="module")
def own(tmp_path_factory, copy_workflow):
    """A checkout with two datasets of its own, some of their results made."""
    checkout = copy_workflow(tmp_path_factory.mktemp("own") / "my study")
    write_files(checkout.folder / "my files")
    (checkout.folder / "waves.py").write_text(MODULE)
    configured(checkout)
    checkout.output = checkout.run(*TARGETS)
    return checkout


@pytest.fixture
def edited(own, tmp_path):
    return own.copy(tmp_path / "study")


def later(path: Path) -> None:
    now = time.time() + 5
    os.utime(path, (now, now))


def test_plan_has_what_applies_and_nothing_else(own) -> None:
    planned = own.planned("--forceall")
    assert planned["import_files"] == 2
    drawing = {rule for rule in planned if rule.startswith("draw_")}
    chapters = ("geometry", "learning", "measures")
    assert drawing == {f"draw_{name}_{mine}" for name in chapters for mine in ("mine", "waves")}
    assert not {"train_networks", "pool_regions", "shift_layers"} & set(planned)


def test_unknown_targets_are_left_out_and_said(own) -> None:
    assert "mine: score: unknown for 1 of 16 representations" in own.output
    scores = pd.read_csv(own.folder / SCORES)
    assert scores["n"].tolist() == [N - 1]
    assert scores["r2"].item() > 0.5


def test_digests_of_the_inputs_are_in_the_provenance(own) -> None:
    found = json.loads((own.results / "mine" / "store" / "dataset.json").read_text())
    assert len(found["inputs"]) == N + 1
    assert found["settings"]["metadata"] == "table.csv"
    assert found["simulated"] is False


def test_a_class_is_found_in_the_working_directory(own) -> None:
    index = pd.read_csv(own.folder / WAVES)
    assert index["k"].tolist() == list(range(8))
    assert json.loads((own.results / "waves/store/dataset.json").read_text())["simulated"] is True


def test_an_edited_file_reruns_what_rests_on_it_alone(edited) -> None:
    assert edited.planned(*TARGETS) == {}
    file = edited.folder / "my files" / "net é 5.csv"
    file.write_text(file.read_text().replace("-", "-0"))
    later(file)
    planned = edited.planned(*TARGETS)
    assert planned["import_files"] == 1
    assert {"compute_distances", "regress_target", "draw_geometry_mine"} <= set(planned)
    module = edited.folder / "waves.py"
    module.write_text(module.read_text().replace("1 + k", "2 + k"))
    later(module)
    assert edited.planned(*TARGETS)["import_files"] == 2


def test_another_colour_redraws_only(edited) -> None:
    configured(edited, color="kind")
    assert set(edited.planned(*TARGETS)) == {"draw_geometry_mine"}


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (lambda c: configured(c, targets=["scroe"]), "there is no column 'scroe'"),
        (lambda c: (c.folder / "my files/net é 2.csv").unlink(), "no file for 'net é 2'"),
        (lambda c: shutil.rmtree(c.folder / "my files"), "there is no such folder"),
        (lambda c: (c.folder / "waves.py").unlink(), "there is no module waves"),
    ],
)
def test_mistakes_stop_the_study_before_it_starts(edited, mistake, expected: str) -> None:
    mistake(edited)
    output = edited.run("--dry-run", expect=1)
    assert expected in output
    assert "Traceback" not in output


def test_a_bad_file_is_one_line_of_its_job(edited) -> None:
    file = edited.folder / "my files" / "net é 5.csv"
    file.write_text(file.read_text().replace("-", "x", 1))
    later(file)
    output = edited.run("results/mine/store/index.csv", expect=1)
    assert "my files/net é 5.csv: line" in output
    assert "Traceback" not in output
