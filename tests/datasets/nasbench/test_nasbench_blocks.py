"""Blocks of networks: files, resumption, damage; and the store made of them."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from shapemetrics import RepresentationStore  # noqa: E402
from shapemetrics.datasets.nasbench import (  # noqa: E402
    TrainingSettings,
    assemble_store,
    load_images,
    parse_networks,
    results,
    sample_networks,
    train_block,
)
from shapemetrics.datasets.nasbench.assembly import log_error  # noqa: E402

IMAGES = load_images({"n_train": 200, "n_probe": 12})
SETTINGS = TrainingSettings(stem_channels=8, epochs=1, batch_size=50)
TABLE = sample_networks(3, seed=5)
CELLS = parse_networks(TABLE)
LAYERS = ["stem", "stack1", "stack2", "stack3", "pool"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with the results of all three networks."""
    folder = tmp_path_factory.mktemp("finished")
    train_block(CELLS, IMAGES, SETTINGS, 0, folder)
    return folder


@pytest.fixture
def folder(finished, tmp_path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "results"))


def run(folder, cells=CELLS, **options):
    return train_block(cells, IMAGES, SETTINGS, 0, folder, **options)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.npz"))}


def numbers_in(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files if name != "facts"}


def assert_same_results(first: Path, second: Path) -> None:
    assert files_in(first).keys() == files_in(second).keys()
    for path in sorted(first.rglob("*.npz")):
        expected = numbers_in(path)
        found = numbers_in(second / path.relative_to(first))
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            assert np.array_equal(values, found[name]), (path, name)


def test_one_file_a_network_under_the_key(finished):
    key = results.result_key(IMAGES, SETTINGS, 0)
    assert {path.name for path in (finished / key).iterdir()} == {
        f"{cell.hash}.npz" for cell in CELLS
    }
    values = numbers_in(finished / key / f"{CELLS[0].hash}.npz")
    assert set(values) == {f"{layer}_{s}" for layer in LAYERS for s in ("untrained", "trained")}
    assert values["stack2_trained"].shape == (12, 4, 4, 16)


def test_an_interrupted_run_trains_only_what_is_missing(finished, tmp_path):
    def interrupt(done, total):
        assert total == 3
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, progress=interrupt)
    before = files_in(tmp_path)
    assert len(before) == 2
    calls = []
    report = run(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert report.reused == [cell.hash for cell in CELLS[:2]]
    assert report.trained == [CELLS[2].hash]
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert {name: files_in(tmp_path)[name] for name in before} == before
    assert_same_results(finished, tmp_path)


def test_results_do_not_depend_on_order_or_company(finished, tmp_path):
    run(tmp_path, cells=CELLS[::-1])
    assert_same_results(finished, tmp_path)


def test_a_failing_network_leaves_no_file(tmp_path, monkeypatch):
    from shapemetrics.datasets.nasbench import blocks

    def fail(*_):
        raise RuntimeError("the power went out")

    monkeypatch.setattr(blocks, "layer_activations", fail)
    with pytest.raises(RuntimeError, match="the power went out"):
        run(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-300])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def drop_the_facts(path: Path) -> None:
    np.savez(path, **numbers_in(path))


def drop_a_layer(path: Path) -> None:
    with np.load(path) as archive:
        values = {name: archive[name] for name in archive.files if name != "pool_trained"}
    np.savez(path, **values)


def put_another_network(path: Path) -> None:
    shutil.copy(path.with_name(f"{CELLS[0].hash}.npz"), path)


@pytest.mark.parametrize(
    "damage",
    [truncate, empty, flip_a_bit, drop_the_facts, drop_a_layer, put_another_network],
)
def test_a_damaged_file_is_reported_and_remade(finished, folder, damage, caplog):
    (path,) = folder.rglob(f"{CELLS[1].hash}.npz")
    damage(path)
    with caplog.at_level(logging.WARNING):
        report = run(folder)
    assert report.remade == report.trained == [CELLS[1].hash]
    assert report.reused == [CELLS[0].hash, CELLS[2].hash]
    assert str(path) in caplog.text
    assert "is trained again" in caplog.text
    assert_same_results(finished, folder)


def test_key_changes_with_all_that_decides_a_result(tmp_path, monkeypatch):
    key = results.result_key(IMAGES, SETTINGS, 0)
    assert key == results.result_key(load_images({"n_train": 200, "n_probe": 12}), SETTINGS, 0)
    others = {
        results.result_key(IMAGES, SETTINGS, 1),
        results.result_key(load_images({"n_train": 201, "n_probe": 12}), SETTINGS, 0),
        results.result_key(IMAGES, dataclasses.replace(SETTINGS, epochs=2), 0),
    }
    source = Path(results.__file__).parent
    copy = Path(shutil.copytree(source, tmp_path / "nasbench"))
    monkeypatch.setattr(results, "__file__", str(copy / "results.py"))
    assert results.result_key(IMAGES, SETTINGS, 0) == key
    for name in ("cells", "networks", "images", "training", "activations", "optimizer"):
        text = (copy / f"{name}.py").read_text()
        (copy / f"{name}.py").write_text(text + "\n# edited\n")
        others.add(results.result_key(IMAGES, SETTINGS, 0))
        (copy / f"{name}.py").write_text(text)
    assert len(others) == 9
    assert key not in others


def test_threads_are_given_back(tmp_path):
    before = torch.get_num_threads()
    seen = []
    run(tmp_path, CELLS[:1], progress=lambda *_: seen.append(torch.get_num_threads()))
    assert seen == [1]
    assert torch.get_num_threads() == before


def test_a_diverged_network_is_marked_and_kept(tmp_path):
    wild = dataclasses.replace(SETTINGS, learning_rate=1e30)
    report = train_block(CELLS[:1], IMAGES, wild, 0, tmp_path / "results")
    assert report.diverged == report.trained == [CELLS[0].hash]
    again = train_block(CELLS[:1], IMAGES, wild, 0, tmp_path / "results")
    assert again.diverged == again.reused == [CELLS[0].hash]
    store = assemble_store(
        TABLE.iloc[:1], tmp_path / "results", tmp_path / "store", IMAGES, wild, 0
    )
    assert store.index["diverged"].all()
    assert len(store.select(state="untrained")) == 5


def test_store_has_every_network_layer_and_state(finished, tmp_path):
    table = TABLE.assign(published_accuracy=[0.9, 0.91, 0.92])
    store = assemble_store(table, finished, tmp_path / "store", IMAGES, SETTINGS, 0)
    assert isinstance(store, RepresentationStore)
    assert len(store) == 3 * 5 * 2
    store.verify()
    assert store.metadata["source"] == "nasbench/digits"
    assert store.metadata["simulated"] is False
    assert store.metadata["stimuli"] == list(IMAGES.probe_ids)
    assert store.metadata["training"]["stem_channels"] == 8
    assert store.metadata["left_out"] == []
    assert store.metadata["torch"] == [torch.__version__]
    for row, cell in zip(TABLE.itertuples(), CELLS):
        (path,) = finished.rglob(f"{cell.hash}.npz")
        values = numbers_in(path)
        for state in ("untrained", "trained"):
            for layer in LAYERS:
                id = f"{layer}_{state}_{cell.hash[:12]}"
                assert np.array_equal(store.load(id), values[f"{layer}_{state}"])
                found = store.index.loc[id]
                assert (found["network"], found["layer"], found["state"]) == (
                    cell.hash,
                    layer,
                    state,
                )
                assert found["trainable_parameters"] == cell.trainable_parameters(1, 8, 1)
                assert found["depth"] == row.depth
                assert found["n_conv3x3"] == row.n_conv3x3
                assert not found["diverged"]
                assert found["error"] == pytest.approx(1 - found["test_accuracy"])
                assert found["log_error"] == pytest.approx(np.log10(found["error"]))
                assert found["published_accuracy"] == 0.9 + 0.01 * row.Index
    accuracy = store.select(layer="pool", state="trained").index["test_accuracy"]
    wrong = accuracy * len(IMAGES.test_x)
    assert np.allclose(wrong, np.rint(wrong))


def test_store_of_some_layers(finished, tmp_path):
    path = tmp_path / "store"
    store = assemble_store(TABLE, finished, path, IMAGES, SETTINGS, 0, layers=["pool", "stack3"])
    assert len(store) == 3 * 2 * 2
    assert set(store.index["layer"]) == {"pool", "stack3"}
    with pytest.raises(ValueError, match=r"layers \['stack4'\] are unknown"):
        assemble_store(TABLE, finished, path, IMAGES, SETTINGS, 0, layers=["stack4"])


def test_a_store_needs_every_result(folder, tmp_path):
    (path,) = folder.rglob(f"{CELLS[2].hash}.npz")
    flip_a_bit(path)
    with pytest.raises(ValueError, match=f"{CELLS[2].hash}.npz is damaged"):
        assemble_store(TABLE, folder, tmp_path / "store", IMAGES, SETTINGS, 0)
    path.unlink()
    with pytest.raises(ValueError, match=f"network {CELLS[2].hash} has no result"):
        assemble_store(TABLE, folder, tmp_path / "store", IMAGES, SETTINGS, 0)
    assert not (tmp_path / "store").exists()


def test_values_that_are_not_finite_are_left_out_and_named(folder, tmp_path, caplog):
    (path,) = folder.rglob(f"{CELLS[0].hash}.npz")
    result = results.read_result(path, CELLS[0].hash)
    broken = result.activations | {"pool_trained": np.full((12, 32), np.inf)}
    results.write_result(path, dataclasses.replace(result, activations=broken, diverged=True))
    with caplog.at_level(logging.WARNING):
        store = assemble_store(TABLE, folder, tmp_path / "store", IMAGES, SETTINGS, 0)
    name = f"pool_trained_{CELLS[0].hash[:12]}"
    assert store.metadata["left_out"] == [name]
    assert name in caplog.text
    assert len(store) == 3 * 5 * 2 - 1


def test_error_has_a_floor():
    assert log_error(1.0, 869) == pytest.approx(np.log10(0.5 / 869))
    assert log_error(1 - 1 / 869, 869) == pytest.approx(np.log10(1 / 869))
    assert log_error(0.0, 869) == 0


def test_without_epochs_the_untrained_state_alone_is_recorded(finished, tmp_path):
    settings = dataclasses.replace(SETTINGS, epochs=0)
    report = train_block(CELLS, IMAGES, settings, 0, tmp_path / "networks")
    assert report.trained == [cell.hash for cell in CELLS]
    assert not report.diverged
    store = assemble_store(
        TABLE, tmp_path / "networks", tmp_path / "store", IMAGES, settings, seed=0
    )
    assert set(store.index["state"]) == {"untrained"}
    assert len(store) == len(CELLS) * len(LAYERS)
    assert not {"test_accuracy", "log_error", "train_accuracy"} & set(store.index)
    assert store.index["trainable_parameters"].gt(0).all()
    # It is what a network is before its training.
    trained = assemble_store(TABLE, finished, tmp_path / "trained", IMAGES, SETTINGS, seed=0)
    for id in store.ids:
        assert np.array_equal(store.load(id), trained.load(id))
