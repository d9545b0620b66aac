"""What is kept of the responses, how large it is, and CIFAR-10 from archive to store."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from shapemetrics.datasets.nasbench import (  # noqa: E402
    TrainingSettings,
    assemble_store,
    initial_network,
    layer_activations,
    load_images,
    networks_table,
    sample_cells,
    train_block,
)
from shapemetrics.datasets.nasbench.probes import (  # noqa: E402
    ProbeSettings,
    representation_bytes,
    representation_shapes,
)
from shapemetrics.datasets.nasbench.results import read_result, result_path  # noqa: E402

CELLS = sample_cells(8, seed=4, max_vertices=5)
SMALL = TrainingSettings(stem_channels=4, epochs=1, batch_size=50)


def test_the_published_shapes():
    shapes = representation_shapes(2000, 32, TrainingSettings.published())
    assert shapes == {
        "stem": (2000, 32, 32, 128),
        "stack1": (2000, 32, 32, 128),
        "stack2": (2000, 16, 16, 256),
        "stack3": (2000, 8, 8, 512),
        "pool": (2000, 512),
    }


@pytest.mark.parametrize(
    "probes",
    [
        ProbeSettings(),
        ProbeSettings(max_side=3),
        ProbeSettings(max_samples=500, dtype="float16"),
        ProbeSettings(layers=("pool", "stack2"), max_samples=10),
    ],
)
def test_shapes_are_those_of_the_network(probes):
    images = load_images({"n_train": 100, "n_probe": 20})
    network = initial_network(CELLS[0], images, SMALL, seed=0)
    found = layer_activations(network, images.probe_x, 7, probes)
    shapes = representation_shapes(20, 8, SMALL, probes)
    assert {name: values.shape for name, values in found.items()} == shapes
    assert {str(values.dtype) for values in found.values()} == {probes.dtype}
    size = sum(values.nbytes for values in found.values())
    assert representation_bytes(3, 20, 8, SMALL, probes) == 3 * 2 * size
    # What is kept is a part of the whole, at the same places.
    whole = layer_activations(network, images.probe_x, 7)
    for name, values in found.items():
        expected = whole[name]
        if values.ndim == 4:
            places = probes.positions(expected.shape[1], expected.shape[2], 20)
            expected = expected[:, places][:, :, places]
        np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 32])
@pytest.mark.parametrize("side", [1, 2, 3, 7, 40])
def test_positions_are_evenly_spaced(size, side):
    places = ProbeSettings(max_side=side).positions(size, size, 10)
    assert len(places) == min(size, side)
    assert places[0] >= 0
    assert places[-1] < size
    assert np.ptp(np.diff(places)) <= 1 if len(places) > 1 else True
    # As far from one end as from the other, but for one row where they cannot be.
    assert abs(places[0] - (size - 1 - places[-1])) <= 1


def test_samples_are_bounded():
    probes = ProbeSettings(max_samples=1000)
    for shape in representation_shapes(40, 32, TrainingSettings.published(), probes).values():
        assert np.prod(shape[:-1]) <= 1000
    assert len(ProbeSettings(max_samples=5).positions(8, 8, 40)) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dtype": "float64"}, "dtype: found 'float64', expected 'float32' or 'float16'"),
        ({"max_side": 0}, "max_side: found 0, expected at least 1"),
        ({"max_samples": -1}, "max_samples: found -1, expected at least 1"),
        ({"side": 3}, r"unknown probe settings \['side'\]"),
    ],
)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ProbeSettings.from_mapping(values)


def test_unknown_layers_are_refused():
    with pytest.raises(ValueError, match=r"layers \['stack4'\] are unknown, expected some of"):
        representation_shapes(10, 8, SMALL, ProbeSettings(layers=["stack4"]))


def test_values_beyond_float16_are_left_out_of_the_store(tmp_path, monkeypatch, caplog):
    images = load_images({"n_train": 100, "n_probe": 20})
    probes = ProbeSettings(dtype="float16", layers=("stack3", "pool"))
    report = train_block(CELLS[:1], images, SMALL, 0, tmp_path, probes=probes)
    path = result_path(tmp_path, report.folder.name, CELLS[0].hash)
    result = read_result(path, CELLS[0].hash)
    large = result.activations["stack3_trained"].astype(np.float32) + 7e4
    from shapemetrics.datasets.nasbench.activations import _stored
    from shapemetrics.datasets.nasbench.results import write_result

    result.activations["stack3_trained"] = _stored(large, "float16")
    write_result(path, result)
    table = networks_table(CELLS[:1])
    store = assemble_store(table, tmp_path, tmp_path / "store", images, SMALL, 0, probes=probes)
    name = f"stack3_trained_{CELLS[0].hash[:12]}"
    assert store.metadata["left_out"] == [name]
    assert name in caplog.text
    assert len(store) == 3
    assert store.metadata["probes"]["dtype"] == "float16"


def test_cifar10_from_archive_to_store(real_cifar, tmp_path):
    images = load_images(
        {"name": "cifar10", "folder": str(real_cifar), "n_train": None, "n_probe": 30}
    )
    settings = TrainingSettings.published(
        1, stem_channels=4, cells_per_stack=1, batch_size=32, batch_norm="calibrated"
    )
    probes = ProbeSettings(dtype="float16", max_side=8)
    seen = []
    report = train_block(
        CELLS,
        images,
        settings,
        0,
        tmp_path / "networks",
        lambda *counts: seen.append(counts),
        probes=probes,
        checkpoint_epochs=1,
    )
    assert report.trained == [cell.hash for cell in CELLS]
    assert seen[-1] == (8, 8)
    store = assemble_store(
        networks_table(CELLS),
        tmp_path / "networks",
        tmp_path / "store",
        images,
        settings,
        0,
        probes=probes,
    )
    assert len(store) == 8 * 5 * 2
    assert store.metadata["source"] == "nasbench/cifar10"
    assert not store.simulated
    assert store.metadata["stimuli"] == list(images.probe_ids)
    kept = sum(store.load(id).nbytes for id in store.ids)
    assert kept == representation_bytes(8, 30, 32, settings, probes)
    assert store.index["validation_accuracy"].between(0, 1).all()
    # A second run finds everything.
    again = train_block(CELLS, images, settings, 0, tmp_path / "networks", probes=probes)
    assert (again.trained, len(again.reused)) == ([], 8)
    # Kept differently, nothing is found: results of other probes are others.
    other = train_block(CELLS[:1], images, settings, 0, tmp_path / "networks")
    assert other.trained == [CELLS[0].hash]
