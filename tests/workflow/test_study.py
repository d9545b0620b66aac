"""The whole study on the small configuration: complete, idempotent, resumable, honest."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from shapemetrics import RepresentationStore
from shapemetrics.files import sha256_of
from shapemetrics.pairwise import DistanceMatrix

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

FIGURES = [
    *("accuracies", "audit", "baselines", "classification", "regression"),
    *("agreement", "samples", "shift_maps", "shift_gain"),
    *(
        f"{metric}/{figure}"
        for metric in ("procrustes", "cca")
        for figure in ("covariates", "dendrogram", "distortion", "embedding", "predictions")
    ),
]


def test_every_figure_is_there_in_every_form(finished):
    folder = finished.results / "figures" / "nasbench"
    for name in FIGURES:
        assert (folder / f"{name}.pdf").read_bytes()[:5] == b"%PDF-"
        assert (folder / f"{name}.png").read_bytes()[1:4] == b"PNG"
        assert len(pd.read_csv(folder / f"{name}.csv")) > 0
    assert len(list(folder.rglob("*.pdf"))) == len(FIGURES)


def test_report_holds_every_figure_and_its_caption(finished):
    report = (finished.results / "report.html").read_text(encoding="utf-8")
    for name in FIGURES:
        assert name.split("/")[-1] in report
    assert report.count("data:image/png;base64") >= len(FIGURES) or "image/png" in report


def test_store_holds_five_layers_before_and_after_training(finished):
    store = RepresentationStore(finished.results / "nasbench" / "store")
    store.verify()
    counts = store.index.groupby(["layer", "state"]).size()
    assert set(counts) == {24}
    assert len(counts) == 10
    assert not store.simulated
    assert store.load(store.select(layer="stem", state="trained").ids[0]).shape == (32, 8, 8, 4)
    assert store.load(store.select(layer="pool", state="trained").ids[0]).shape[0] == 32


def test_distances_carry_their_provenance(finished):
    folder = finished.results / "distances" / "nasbench"
    matrix = DistanceMatrix.load(folder / "pool_trained" / "procrustes" / "distances.npz")
    assert matrix.values.shape == (24, 24)
    assert matrix.provenance["parameters"]["alpha"] == 1.0
    assert matrix.provenance["selection"] == "pool_trained"
    table = pd.read_csv(folder / "pool_trained" / "procrustes" / "distances.csv", index_col="id")
    np.testing.assert_allclose(table.to_numpy(), matrix.values, rtol=1e-8)
    assert list(table.index) == matrix.ids


def test_metrics_violate_no_triangle(finished):
    for metric in ("procrustes", "cca"):
        audit = pd.read_csv(finished.results / "geometry" / "nasbench" / metric / "audit.csv")
        assert len(audit) == 4
        assert (audit["n_triples"] == 24 * 23 * 22).all()
        assert (audit["n_violations"] == 0).all()


def test_a_second_run_does_nothing(finished):
    before = {p: p.stat().st_mtime_ns for p in finished.results.rglob("*.npz")}
    output = finished.run()
    assert "Nothing to be done" in output
    assert {p: p.stat().st_mtime_ns for p in finished.results.rglob("*.npz")} == before


@pytest.mark.parametrize(
    ("module", "rerun", "kept"),
    [
        ("learning/regression.py", "regress_target", "classify_labels"),
        ("figures/distortion.py", "draw_geometry_nasbench", "measure_distortion"),
        ("metrics/linear.py", "compute_distances", "train_networks"),
        ("datasets/nasbench/training.py", "train_networks", "choose_networks"),
        ("geometry/audit.py", "audit_triangles", "embed_distances"),
    ],
)
def test_editing_a_module_reruns_its_dependants_and_nothing_else(
    finished, tmp_path, module, rerun, kept
):
    checkout = finished.copy(tmp_path / "edited")
    file = checkout.folder / "src" / "shapemetrics" / module
    file.write_text(file.read_text() + "\n# An edit.\n")
    planned = checkout.planned()
    assert rerun in planned
    assert kept not in planned


def test_editing_one_setting_reruns_what_uses_it(finished, tmp_path):
    checkout = finished.copy(tmp_path / "edited")
    file = checkout.folder / "config" / "test.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["analyses"]["regression"]["n_permutations"] += 1
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    assert set(checkout.planned()) == {
        *("regress_target", "regress_baselines", "explain_covariates"),
        *("draw_learning_nasbench", "gather_costs", "write_provenance", "write_report", "all"),
    }


def test_killed_run_resumes_at_the_missing_networks_with_equal_results(fresh, finished):
    fresh.runner = "shapemetrics.study.run"  # what `make run` calls
    process = fresh.start("--until", "store_activations")
    networks = fresh.results / "nasbench" / "networks"
    deadline = time.monotonic() + 120
    while len(list(networks.rglob("*.npz"))) < 5:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(0.2)
    done = {p: p.stat().st_mtime_ns for p in networks.rglob("*.npz") if not p.name.startswith(".")}
    assert 5 <= len(done) < 24
    output = fresh.run("--until", "store_activations")
    assert "a run was cut off here; taking it up where it stopped" in output
    assert {p: p.stat().st_mtime_ns for p in done} == done
    assert (
        RepresentationStore(fresh.results / "nasbench" / "store").digest
        == RepresentationStore(finished.results / "nasbench" / "store").digest
    )


def test_a_second_run_at_the_same_time_is_refused(fresh):
    fresh.runner = "shapemetrics.study.run"
    process = fresh.start("--until", "store_activations")
    try:
        deadline = time.monotonic() + 60
        while not any((fresh.folder / ".snakemake" / "locks").glob("*")):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "is at work in" in fresh.run(expect=1)
        # A bare snakemake's own lock refuses as well.
        fresh.runner = "snakemake"
        assert "cannot be locked" in fresh.run(expect=1)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_figures_of_real_data_do_not_say_simulated(finished):
    dataset = json.loads((finished.results / "nasbench" / "store" / "dataset.json").read_text())
    assert dataset["simulated"] is False
    assert len(dataset["stimuli"]) == 32


# ---------------------------------------------------------------- bad input


def merged(base: dict, change: dict) -> dict:
    found = dict(base)
    for key, value in change.items():
        found[key] = merged(found.get(key, {}), value) if isinstance(value, dict) else value
    return found


def overlaid(checkout, settings: dict) -> str:
    file = checkout.folder / "config" / "test.yaml"
    base = yaml.safe_load(file.read_text())
    for key, value in settings.items():
        base[key] = merged(base.get(key, {}), value) if isinstance(value, dict) else value
    file.write_text(yaml.safe_dump(base, sort_keys=False))
    return checkout.run(expect=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": {"m": {"family": "linaer"}}}, "did you mean 'linear'"),
        ({"metrics": {"m": {"family": "linear", "alpha": 2}}}, "metrics.m.alpha"),
        ({"metrics": {"m": {"family": "linear", "alhpa": 1}}}, "did you mean 'alpha'?"),
        ({"sede": 1}, "configuration key 'sede' is unknown; did you mean 'seed'?"),
    ],
)
def test_bad_configuration_stops_before_anything_is_made(fresh, settings, message):
    output = overlaid(fresh, settings)
    assert message in output
    assert "Traceback" not in output
    assert not fresh.results.exists()


def test_unknown_target_is_named_and_nothing_half_written(finished, tmp_path):
    checkout = finished.copy(tmp_path / "edited")
    table = checkout.results / "learning" / "nasbench" / "procrustes" / "regression.csv"
    before = table.read_bytes()
    output = overlaid(checkout, {"datasets": {"nasbench": {"target": "acuracy"}}})
    assert "'datasets.nasbench.target': found 'acuracy', expected one of log_error" in output
    assert "Traceback" not in output
    # What an earlier run made is whole, or gone.
    assert not table.exists() or table.read_bytes() == before
    assert [p for p in table.parent.iterdir() if p.name.startswith(".")] == []


def broken_store(finished, tmp_path, change):
    """A finished study whose store is changed, its distances asked for again."""
    checkout = finished.copy(tmp_path / "broken")
    store = RepresentationStore(checkout.results / "nasbench" / "store")
    id = store.select(layer="pool", state="trained").ids[3]
    file = checkout.results / "nasbench" / "store" / f"{id}.npy"
    before = sha256_of(file)
    change(file)
    if file.exists():  # written wrong, not damaged since: the index says what is there
        index, facts = file.with_name("index.csv"), file.with_name("dataset.json")
        index.write_text(index.read_text().replace(before, sha256_of(file)))
        unsealed = json.loads(facts.read_text())
        del unsealed["index_sha256"], unsealed["sha256"]
        facts.write_text(json.dumps(unsealed))
    target = "results/distances/nasbench/pool_trained/procrustes/distances.npz"
    (checkout.folder / target).unlink()
    output = checkout.run(target, expect=1)
    assert "Traceback" not in output
    assert not (checkout.folder / target).exists()
    return id, output


def test_nan_in_the_store_is_named(finished, tmp_path):
    def change(file):
        array = np.load(file)
        array[1, 2] = np.nan
        np.save(file, array)

    id, output = broken_store(finished, tmp_path, change)
    assert f"{id!r}: found 1 values that are NaN or infinite, expected none" in output


def test_zero_variance_is_named(finished, tmp_path):
    id, output = broken_store(
        finished, tmp_path, lambda file: np.save(file, np.ones_like(np.load(file)))
    )
    assert f"{id!r}: found zero variance across stimuli" in output


def test_differing_numbers_of_stimuli_are_named(finished, tmp_path):
    id, output = broken_store(finished, tmp_path, lambda file: np.save(file, np.load(file)[:-1]))
    assert f"{id}.npy: found shape 31x" in output


def test_missing_file_is_named(finished, tmp_path):
    id, output = broken_store(finished, tmp_path, lambda file: file.unlink())
    assert f"{id}.npy: missing, though the index of the store lists it" in output
