"""Training that is interrupted: the same numbers as without; looks at the loss; devices."""

from __future__ import annotations

import dataclasses
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from shapemetrics.datasets.nasbench import (  # noqa: E402
    TrainingSettings,
    load_images,
    sample_cells,
    train_block,
    train_network,
)
from shapemetrics.datasets.nasbench.checkpoints import Checkpoint  # noqa: E402
from shapemetrics.datasets.nasbench.devices import numerics, resolve_device  # noqa: E402
from shapemetrics.datasets.nasbench.results import read_result  # noqa: E402

SIZES = {"n_train": 200, "n_probe": 20}
IMAGES = load_images(SIZES)
CELL = sample_cells(1, seed=21)[0]
SETTINGS = TrainingSettings(
    stem_channels=4, epochs=6, batch_size=30, crop_padding=1, flip=True, shards=2
)


@pytest.fixture(autouse=True)
def one_thread():
    with numerics(SETTINGS, "cpu"):
        yield


def weights_of(trained) -> dict[str, np.ndarray]:
    return {name: v.numpy().copy() for name, v in trained.network.state_dict().items()}


def assert_same(found, expected) -> None:
    one, other = weights_of(found), weights_of(expected)
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert np.array_equal(values, other[name]), name
    for fact in ("train_accuracy", "test_accuracy", "steps", "final_loss", "diverged"):
        assert getattr(found, fact) == getattr(expected, fact)


class Killed(Exception):
    """What a test raises where a real run would be killed."""


@pytest.mark.parametrize("kills", [(1,), (2, 4), (1, 2, 3, 4, 5)])
def test_an_interrupted_training_goes_on_to_the_same_numbers(tmp_path, monkeypatch, kills):
    expected = train_network(CELL, IMAGES, SETTINGS, seed=3)
    checkpoint = Checkpoint(tmp_path / "state.npz", 0.9)
    save, written = Checkpoint._save, []

    def kill(self, fit):
        save(self, fit)
        written.append(fit.step)
        if len(written) in kills:
            raise Killed

    monkeypatch.setattr(Checkpoint, "_save", kill)
    for _ in kills:
        with pytest.raises(Killed):
            train_network(CELL, IMAGES, SETTINGS, 3, checkpoint=checkpoint)
    found = train_network(CELL, IMAGES, SETTINGS, 3, checkpoint=checkpoint)
    assert_same(found, expected)
    # No step was taken twice between two writings.
    assert written == sorted(set(written))
    assert written[0] == 6


BLOCK = """
from shapemetrics.datasets.nasbench import TrainingSettings, load_images, sample_cells, train_block
train_block(
    sample_cells(1, seed=21), load_images({sizes}), TrainingSettings(**{settings}), 3, {folder!r},
    checkpoint_epochs=1,
)
"""


@pytest.mark.slow
def test_a_killed_process(tmp_path, caplog):
    settings = dataclasses.replace(SETTINGS, epochs=25)
    whole = train_block([CELL], IMAGES, settings, 3, tmp_path / "whole")
    code = BLOCK.format(
        sizes=SIZES, settings=dataclasses.asdict(settings), folder=str(tmp_path / "killed")
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    state = tmp_path / "killed" / whole.folder.name / f"{CELL.hash}.checkpoint.npz"
    deadline = time.monotonic() + 60
    while not state.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state.exists()
    with caplog.at_level(logging.INFO, "shapemetrics"):
        report = train_block([CELL], IMAGES, settings, 3, tmp_path / "killed", checkpoint_epochs=1)
    assert report.trained == [CELL.hash]
    assert "training goes on at step" in caplog.text
    assert not state.exists()
    one, other = (
        read_result(folder / f"{CELL.hash}.npz", CELL.hash)
        for folder in (whole.folder, report.folder)
    )
    assert one.final_loss == other.final_loss
    for name, values in one.activations.items():
        assert np.array_equal(values, other.activations[name])


@pytest.mark.parametrize("damage", ["cut", "other", "flipped", "incomplete"])
def test_a_damaged_state_starts_over(tmp_path, monkeypatch, caplog, damage):
    expected = train_network(CELL, IMAGES, SETTINGS, 3)
    checkpoint = Checkpoint(tmp_path / "state.npz", 2)
    train_network(CELL, IMAGES, SETTINGS, 3, checkpoint=checkpoint)
    content = bytearray(checkpoint.path.read_bytes())
    if damage == "cut":
        checkpoint.path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        checkpoint.path.write_bytes(content)
    else:
        with np.load(checkpoint.path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if damage == "incomplete":
            del arrays["progress"]
        else:
            arrays["square.0"] = np.ones(3)
        np.savez(checkpoint.path, **arrays)
    found = train_network(CELL, IMAGES, SETTINGS, 3, checkpoint=checkpoint)
    assert "state.npz is damaged" in caplog.text
    assert_same(found, expected)


def test_a_finished_state_is_not_trained_further(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.npz", 5)
    first = train_network(CELL, IMAGES, SETTINGS, 3, checkpoint=checkpoint)
    assert checkpoint.path.exists()
    assert_same(train_network(CELL, IMAGES, SETTINGS, 3, checkpoint=checkpoint), first)
    with pytest.raises(ValueError, match="checkpoint epochs must be positive, found 0"):
        Checkpoint(Path("x.npz"), 0)


@pytest.mark.parametrize("steps", [3, 25])
def test_rare_looks_at_the_loss_change_nothing(monkeypatch, steps):
    expected = train_network(CELL, IMAGES, SETTINGS, 3)
    monkeypatch.setitem(
        sys.modules["shapemetrics.datasets.nasbench.fitting"].STEPS_A_LOOK, "cpu", steps
    )
    assert_same(train_network(CELL, IMAGES, SETTINGS, 3), expected)


@pytest.mark.parametrize("steps", [1, 4])
def test_divergence_goes_back_to_a_sound_state(monkeypatch, steps):
    # The rate of step 0 is 0, so that step 1 breaks the weights and step 2 shows it.
    settings = dataclasses.replace(SETTINGS, learning_rate=1e36)
    monkeypatch.setitem(
        sys.modules["shapemetrics.datasets.nasbench.fitting"].STEPS_A_LOOK, "cpu", steps
    )
    trained = train_network(CELL, IMAGES, settings, 3)
    assert trained.diverged
    assert trained.steps == 2
    assert np.isfinite(trained.final_loss)
    for values in weights_of(trained).values():
        assert np.isfinite(values).all()


def test_mixed_precision_trains_too():
    settings = TrainingSettings(stem_channels=8, epochs=4, batch_size=50)
    exact = train_network(CELL, IMAGES, settings, 0)
    mixed = train_network(CELL, IMAGES, dataclasses.replace(settings, precision="bfloat16"), 0)
    assert all(weight.dtype == torch.float32 for weight in mixed.network.parameters())
    one, other = (
        np.concatenate([w.detach().numpy().ravel() for w in trained.network.parameters()])
        for trained in (exact, mixed)
    )
    assert not np.array_equal(one, other)
    assert np.corrcoef(one, other)[0, 1] > 0.95
    assert mixed.test_accuracy > exact.test_accuracy - 0.15
    with pytest.raises(ValueError, match=r"precision: found 'float16', expected"):
        dataclasses.replace(settings, precision="float16")


def test_devices(monkeypatch):
    assert resolve_device("cpu", 7) == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert [resolve_device("cuda", job) for job in range(4)] == [
        "cuda:0",
        "cuda:1",
        "cuda:2",
        "cuda:0",
    ]
    assert resolve_device("cuda:2", 0) == "cuda:2"
    with pytest.raises(ValueError, match=r"device 'cuda:3' is not there: PyTorch .* finds 3"):
        resolve_device("cuda:3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"device 'cuda' is not there: PyTorch .* finds 0"):
        resolve_device("cuda")
    for name in ("tpu", "cpu:0", "cuda:x", ""):
        with pytest.raises(ValueError, match="is unknown, expected 'cpu', 'cuda'"):
            resolve_device(name)
