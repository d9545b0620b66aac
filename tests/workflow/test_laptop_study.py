"""Real networks on a laptop: the configuration in small, on real cells and real pictures."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import yaml
from published_files import read_cells, write_cifar10, write_records

from shapemetrics import RepresentationStore

pytestmark = [pytest.mark.workflow, pytest.mark.slow]
pytest.importorskip("crc32c")

LONG = pytest.mark.skipif(
    "SHAPEMETRICS_LONG" not in os.environ,
    reason="takes many minutes: set SHAPEMETRICS_LONG=1 to run it",
)


@pytest.fixture(scope="module")
def published(tmp_path_factory, shared):
    """Folder of the two downloads, made of real cells and pictures, on a loopback server."""
    pytest.importorskip("PIL.Image")
    folder, data = tmp_path_factory.mktemp("published"), shared / "data"
    for name in ("nasbench101_2000_cells.json", "cifar10_train_10000_jpeg.tar"):
        if not (data / name).is_file():
            pytest.skip(f"needs {name} in the data folder beside the checkout, which is absent")
    jpegs = [data / f"cifar10_{part}_jpeg.tar" for part in ("train_10000", "test_3000")]
    write_cifar10(folder / "cifar.tar.gz", *jpegs, (400, 120))
    write_records(folder / "cells.tfrecord", read_cells(data / "nasbench101_2000_cells.json", 2000))
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/", data
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def small(root) -> dict:
    """Settings of analyses that take seconds."""
    settings = yaml.safe_load((root / "config" / "test.yaml").read_text())
    settings["metrics"] = {"cca": None}
    return {name: settings[name] for name in ("metrics", "comparisons", "analyses")}


@pytest.mark.parametrize("config", ["laptop.yaml", "laptop_untrained.yaml", "paper_light.yaml"])
def test_the_real_scale_is_planned_without_a_network(fresh, config):
    fresh.config = config
    jobs = fresh.planned()
    networks = yaml.safe_load((fresh.folder / "config" / config).read_text())["datasets"][
        "nasbench"
    ]
    assert jobs["train_networks"] == networks["n_networks"] // networks["networks_per_job"]
    assert {"fetch_cifar10", "fetch_published", "regress_baselines"} <= set(jobs)
    assert not fresh.results.exists()


def prepare(checkout, published, n_networks: int, **changes):
    """Point a checkout at the loopback server, and at that many of the cells that it has."""
    folder, url, data = published
    sources = checkout.folder / "src" / "shapemetrics" / "datasets" / "nasbench"
    archive, records = folder / "cifar.tar.gz", folder / "cells.tfrecord"
    # The pinned digests become those of these files.
    swap(sources / "cifar10.py", "SHA256 = ", repr(digest(archive, "sha256")))
    swap(sources / "cifar10.py", "MD5 = ", repr(digest(archive, "md5")))
    swap(sources / "cifar10.py", "SIZE = ", str(archive.stat().st_size))
    text = (sources / "published.py").read_text()
    pinned = "4c39c3936e36a85269881d659e44e61a245babcb72cb374eacacf75d0e5f4fd1"
    assert pinned in text
    (sources / "published.py").write_text(text.replace(pinned, digest(records, "sha256")))
    cells = read_cells(data / "nasbench101_2000_cells.json", n_networks)
    file = checkout.folder / "config" / checkout.config
    settings = yaml.safe_load(file.read_text())
    networks = settings["datasets"]["nasbench"]
    networks |= {
        "n_networks": n_networks,
        "choice": {"how": "explicit", "networks": [cell["hash"] for cell in cells]},
        "mirrors": {
            "cifar10": [f"{url}absent.tar.gz", f"{url}cifar.tar.gz"],
            "published": [f"{url}cells.tfrecord"],
        },
    }
    for name, value in changes.pop("nasbench", {}).items():
        networks[name] = {**networks.get(name, {}), **value} if isinstance(value, dict) else value
    file.write_text(yaml.safe_dump({**settings, **changes, "results": "results"}, sort_keys=False))
    return checkout


def swap(file: Path, start: str, value: str) -> None:
    lines = file.read_text().splitlines(keepends=True)
    found = [k for k, line in enumerate(lines) if line.startswith(start)]
    assert len(found) == 1
    lines[found[0]] = f"{start}{value}\n"
    file.write_text("".join(lines))


def digest(path: Path, kind: str) -> str:
    return hashlib.new(kind, path.read_bytes()).hexdigest()


TINY = {
    "n_train": 100,
    "n_test": 40,
    "n_probe": 30,
    "networks_per_job": 6,
    "layers": ["stack3"],
    "training": {"stem_channels": 4, "epochs": 1, "calibration_images": 50},
}


@pytest.fixture(scope="module")
def laptop(tmp_path_factory, published, copy_workflow, small):
    """A checkout whose laptop study of twelve networks is done; results are kept outside too."""
    folder = tmp_path_factory.mktemp("laptop")
    checkout = copy_workflow(folder / "study", "laptop.yaml")
    cache = {"trained_folder": str(folder / "trained")}
    prepare(checkout, published, 12, nasbench={**TINY, **cache}, **small)
    checkout.run()
    return checkout


def test_both_targets_have_scores_baselines_and_figures(laptop):
    folder = laptop.results / "figures" / "nasbench"
    for name in ("regression", "baselines", "procrustes/predictions"):
        assert (folder / f"{name}.png").is_file()
        assert (folder / f"{name}_log_error.png").is_file()
    assert (folder / "published.png").is_file()
    table = pd.read_csv(laptop.results / "learning" / "nasbench" / "baselines.csv")
    assert set(table["target"]) == {"published_log_error", "log_error"}
    described = {
        target: set(part["description"].dropna()) for target, part in table.groupby("target")
    }
    assert described["published_log_error"] == {
        *("trainable_parameters", "published_training_seconds", "log_error"),
        *("cell", "cell_and_numbers"),
    }
    assert "log_error" not in described["log_error"]
    scores = pd.read_csv(laptop.results / "learning" / "nasbench" / "procrustes" / "regression.csv")
    alone = table[table["description"].isna()]
    assert sorted(alone["r2"]) == pytest.approx(sorted(scores["r2"]))


def test_published_accuracies_are_those_of_the_file(laptop, shared):
    networks = pd.read_csv(laptop.results / "nasbench" / "trained_networks.csv")
    cells = read_cells(shared / "data" / "nasbench101_2000_cells.json", 12)
    expected = {cell["hash"]: cell["validation_accuracy_108"] for cell in cells}
    found = dict(zip(networks["network"], networks["published_test_accuracy"]))
    assert found == pytest.approx(expected)
    assert networks["published_training_seconds"].gt(0).all()


@LONG
def test_nothing_is_trained_where_epochs_are_none(tmp_path, published, copy_workflow, small):
    checkout = copy_workflow(tmp_path / "study", "laptop_untrained.yaml")
    tiny = {**TINY, "training": {**TINY["training"], "epochs": 0}}
    prepare(checkout, published, 12, nasbench=tiny, **small)
    checkout.run()
    store = RepresentationStore(checkout.results / "nasbench" / "store")
    assert set(store.index["state"]) == {"untrained"}
    folder = checkout.results / "figures" / "nasbench"
    assert (folder / "regression.png").is_file()
    assert not (folder / "accuracies.png").exists()
    table = pd.read_csv(
        checkout.results / "learning" / "nasbench" / "procrustes" / "classification.csv"
    )
    assert set(table["task"]) == {"layer"}


@LONG
def test_distances_of_sixty_networks_predict_the_published_error(
    tmp_path, published, copy_workflow, small
):
    checkout = copy_workflow(tmp_path / "study", "laptop.yaml")
    analyses = {**small["analyses"]}
    analyses.pop("regression")
    prepare(checkout, published, 60, **{**small, "analyses": analyses})
    checkout.run()
    scores = pd.read_csv(
        checkout.results / "learning" / "nasbench" / "procrustes" / "regression.csv"
    )
    scores = scores[scores["target"] == "published_log_error"].set_index("selection")
    for name in ("stack3_untrained", "stack3_trained"):
        assert scores.loc[name, "r2"] > scores.loc[name, "null_r2_high"]
        assert scores.loc[name, "p_value"] < 0.05
