"""The published study in small: CIFAR-10's own format, published results, end to end."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from shapemetrics import RepresentationStore

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture(scope="session")
def archives(root):
    """Functions that make CIFAR-10 archives, which tests of the loader have too."""
    file = root / "tests" / "datasets" / "nasbench" / "conftest.py"
    spec = importlib.util.spec_from_file_location("cifar_archives", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def cifar(tmp_path_factory, shared, archives, copy_workflow):
    """A checkout whose study of eight networks on real CIFAR-10 pictures is done."""
    folder = tmp_path_factory.mktemp("cifar")
    data = shared / "data"
    batches = {}
    pixels, classes = archives.real_pictures(data / "cifar10_train_10000_jpeg.tar", 30)
    for number, part in enumerate(np.array_split(np.arange(len(pixels)), 5), start=1):
        batches[f"cifar-10-batches-bin/data_batch_{number}.bin"] = archives.records(
            pixels[part], classes[part]
        )
    pixels, classes = archives.real_pictures(data / "cifar10_test_3000_jpeg.tar", 6)
    batches["cifar-10-batches-bin/test_batch.bin"] = archives.records(pixels, classes)
    archives.write_archive(folder / "downloads" / "cifar-10-binary.tar.gz", batches)
    checkout = copy_workflow(folder / "study", "smoke.yaml")
    file = checkout.folder / "config" / checkout.config
    settings = yaml.safe_load(file.read_text())
    settings["datasets"]["nasbench"] |= {
        "folder": str(folder / "downloads"),
        # Real results in the dataset's own format, of all cells of up to four vertices.
        "published_file": str(data / "ecnas_energy_4V9E.tfrecord"),
        "max_vertices": 4,
        "choice": {"how": "stratified", "n_strata": 4, "budget": 12},
    }
    file.write_text(yaml.safe_dump(settings))
    checkout.run()
    return checkout


def test_networks_are_chosen_by_published_results_and_held_against_them(cifar):
    networks = pd.read_csv(cifar.results / "nasbench" / "trained_networks.csv")
    assert len(networks) == 8
    assert networks["stratum"].nunique() == 4
    assert networks["published_test_accuracy"].between(0.1, 1).all()
    assert networks["test_accuracy"].between(0, 1).all()
    assert (cifar.results / "figures" / "nasbench" / "published.png").is_file()
    table = pd.read_parquet(cifar.results / "nasbench" / "published.parquet")
    assert len(table) == 91


def test_store_holds_thinned_layers_of_colour_pictures(cifar):
    store = RepresentationStore(cifar.results / "nasbench" / "store")
    store.verify()
    assert len(store) == 8 * 5 * 2
    stem = store.select(layer="stem", state="trained")
    assert stem.load(stem.ids[0]).shape == (30, 8, 8, 4)
    assert set(store.index["dtype"]) == {"float16"}
    facts = json.loads((cifar.results / "nasbench" / "store" / "dataset.json").read_text())
    assert facts["simulated"] is False
    assert facts["images"] == "cifar10"


def test_all_figures_are_drawn_and_nothing_is_left_to_do(cifar):
    figures = list((cifar.results / "figures" / "nasbench").rglob("*.png"))
    assert len(figures) == 9 + 1 + 2 * 5
    assert "Nothing to be done" in cifar.run()


@pytest.mark.parametrize("config", ["pilot.yaml", "paper.yaml"])
def test_published_scale_is_planned_without_a_network(fresh, config):
    fresh.config = config
    jobs = fresh.planned()
    settings = yaml.safe_load((fresh.folder / "config" / config).read_text())["datasets"]
    n = settings["nasbench"]["n_networks"] // settings["nasbench"]["networks_per_job"]
    assert jobs["train_networks"] == n
    assert {"fetch_cifar10", "fetch_published", "fetch_sessions"} <= set(jobs)
    assert not fresh.results.exists()
