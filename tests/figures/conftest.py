"""Synthetic tables of the study's real sizes, and a look at the text of drawn figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from learning_tables import (  # noqa: F401, fixtures
    agreement,
    audit,
    classification,
    predictions,
    region_predictions,
    scores,
)
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import linkage
from study_names import ATLAS, DIVISIONS, METRICS, REGIONS, each_selection, strength, words
from text_layout import overlaps, shown_texts


@pytest.fixture(scope="session")
def networks() -> pd.DataFrame:
    """240 networks: accuracies with low outliers, sizes and depths."""
    rng = np.random.default_rng(1)
    depth = rng.choice([1, 2, 3, 4, 5, 6], size=240, p=[0.02, 0.1, 0.28, 0.32, 0.2, 0.08])
    parameters = np.exp(rng.normal(11.6, 0.9, 240)).astype(int)
    error = np.exp(rng.normal(-2.9, 0.5, 240) - 0.12 * (np.log(parameters) - 11.6))
    error[rng.choice(240, 5, replace=False)] = rng.uniform(0.2, 0.6, 5)
    ids = [hashlib.md5(str(i).encode()).hexdigest() for i in range(240)]
    return pd.DataFrame(
        {
            "id": ids,
            "test_accuracy": 1 - error.clip(0.004, 0.9),
            "trainable_parameters": parameters,
            "depth": depth,
        }
    )


@pytest.fixture(scope="session")
def embedding(networks: pd.DataFrame) -> pd.DataFrame:
    """240 networks x 5 layers x 2 states in the plane, bent along accuracy."""
    rng = np.random.default_rng(2)
    rank = networks["test_accuracy"].rank(pct=True).to_numpy() - 0.5
    parts = []
    for s, state, depth, layer in each_selection():
        w, size = strength(s, depth), 0.1 + 0.15 * depth
        along = w * rank * 3 + (1 - w) * rng.normal(size=240)
        across = 0.6 * along**2 * w - 0.4 + 0.3 * rng.normal(size=240)
        part = networks.assign(
            selection=f"{layer}_{state}",
            layer=layer,
            state=state,
            pc1=size * along,
            pc2=size * across,
            pc1_fraction=0.3 + 0.2 * w,
            pc2_fraction=0.17 - 0.05 * w,
        )
        parts.append(part)
    # Alphabetical, as a glob would give them: the figure must put them in order itself.
    parts.sort(key=lambda part: part["selection"].iloc[0])
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def regions() -> pd.DataFrame:
    """48 regions in the plane, with atlas colours, and a hierarchy score for some."""
    rng = np.random.default_rng(3)
    division = np.repeat(list(DIVISIONS), list(DIVISIONS.values()))
    angle = pd.Series(division).map(dict(zip(DIVISIONS, (0.3, 2.0, 3.6, 5.2)))).to_numpy()
    xy = np.column_stack([np.cos(angle), np.sin(angle)]) * 0.35 + 0.13 * rng.normal(size=(48, 2))
    score = np.where(division == "Isocortex", rng.normal(0.2, 0.3, 48), np.nan)
    score[9:26] = rng.normal(-0.4, 0.2, 17)
    return pd.DataFrame(
        {
            "selection": "all",
            "layer": "",
            "state": "",
            "id": REGIONS,
            "division": division,
            "atlas_color": [ATLAS[d] for d in division],
            "hierarchy_score": score,
            "pc1": xy[:, 0],
            "pc2": xy[:, 1],
            "pc1_fraction": 0.31,
            "pc2_fraction": 0.14,
        }
    )


@pytest.fixture(scope="session")
def distortion() -> pd.DataFrame:
    """Distortions of 10 selections and two methods in up to 30 dimensions."""
    dims = np.array([1, 2, 3, 5, 7, 10, 14, 20, 25, 30])
    rows = []
    for s, state, depth, layer in each_selection():
        for m, method in enumerate(("metric", "classical")):
            mean = 1 + (0.55 + 0.1 * depth + 0.06 * m) * dims**-0.9 * (1.2 - 0.2 * s)
            for n, value in zip(dims, mean, strict=True):
                rows.append(
                    (f"{layer}_{state}", layer, state, method, n, 1 + 9 * (value - 1), value)
                )
    names = words("selection layer state method n_dimensions max_distortion mean_distortion")
    return pd.DataFrame(rows, columns=names)


def _tree(xy: np.ndarray) -> pd.DataFrame:
    merges = linkage(xy, "average")
    table = pd.DataFrame(merges, columns=["left", "right", "height", "size"])
    return table.assign(step=np.arange(len(table)))


@pytest.fixture(scope="session")
def network_tree(embedding: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Linkage and leaves of 240 networks."""
    part = embedding[embedding["selection"] == "stack3_trained"].reset_index(drop=True)
    return _tree(part[["pc1", "pc2"]].to_numpy()), part.assign(leaf=range(len(part)))


@pytest.fixture(scope="session")
def region_tree(regions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Linkage and leaves of 48 regions."""
    return _tree(regions[["pc1", "pc2"]].to_numpy()), regions.assign(leaf=range(48))


@pytest.fixture(scope="session")
def samples() -> pd.DataFrame:
    """Distances of four metrics on 50 to 1,600 stimuli, fitted and held out."""
    rows = []
    for k, metric in enumerate(list(METRICS)[:4]):
        for m in (50, 100, 200, 400, 800, 1600):
            for held_out in (False, True):
                bias = (0.3 + 0.2 * k) * (50 / m) ** 0.6
                d = 0.9 + 0.05 * k + (bias * 0.6 if held_out else -bias)
                rows.append((metric, m, d, d - 0.6 / np.sqrt(m), d + 0.6 / np.sqrt(m), held_out))
    names = ["metric", "n_stimuli", "distance", "low", "high", "held_out"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="session")
def shift_maps(networks: pd.DataFrame) -> pd.DataFrame:
    """Distances of six pairs of networks at all shifts of a 16 x 16 layer."""
    parts = []
    for k in range(6):
        shifts = np.arange(-8, 8)
        y, x = (a.ravel() for a in np.meshgrid(shifts, shifts, indexing="ij"))
        at = (1, 0) if k == 4 else (0, 0)
        r2 = (y - at[0]) ** 2 + (x - at[1]) ** 2
        pair = f"{networks['id'][2 * k]} – {networks['id'][2 * k + 1]}"
        distance = 1.25 - (0.55 - 0.05 * k) * np.exp(-r2 / (12 + 3 * k))
        parts.append(pd.DataFrame({"pair": pair, "shift_y": y, "shift_x": x, "distance": distance}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def shift_gain() -> pd.DataFrame:
    """Distances of 435 pairs without and with the best shift, in two layers."""
    rng = np.random.default_rng(10)
    plain = rng.beta(6, 4, 435) * 1.1 + 0.1
    gain = np.where(rng.random(435) < 0.8, 0.0, rng.gamma(1.5, 0.02, 435))
    return pd.DataFrame(
        {
            "pair": [f"pair {i}" for i in range(435)],
            "layer": np.where(np.arange(435) % 2, "stack1", "stack2"),
            "distance_no_shift": plain,
            "distance_shift": plain * (1 - gain),
        }
    )


@pytest.fixture(scope="session")
def noise() -> pd.DataFrame:
    """Split-half distances of 34 regions by two metrics."""
    n = 34
    floor = np.random.default_rng(2).uniform(0.5, 0.9, n)
    return pd.concat(
        pd.DataFrame(
            {
                "metric": metric,
                "item": [f"R{i}" for i in range(n)],
                "floor": floor,
                "nearest": floor + 0.1,
                "median": floor + 0.4,
                "identified": 0.75,
            }
        )
        for metric in ("procrustes", "cca")
    )


@pytest.fixture(scope="session")
def growth() -> pd.DataFrame:
    """Scores at four numbers of units and two shares of the repeats."""
    rows = [
        {
            "median_units": units,
            "repeats": share,
            "mean_distance": 1.2 - 0.1 * share,
            "r2": 0.4 + 0.1 * i + 0.1 * share,
            "r2_low": 0.3 + 0.1 * i,
            "r2_high": 0.6 + 0.1 * i,
            "null_r2_low": -0.1,
            "null_r2_high": 0.1,
        }
        for i, units in enumerate((20, 40, 80, 117))
        for share in (0.5, 1.0)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def signal() -> pd.DataFrame:
    """Identification of 33 regions, of which 14 are reliable, by two measures."""
    rows = [
        {
            "measure": measure,
            "estimate": estimate,
            "among": among,
            "item": f"R{i}",
            "n": n,
            "identified": rate,
        }
        for measure in ("cka", "rsa")
        for among, n in (("all", 33), ("reliable", 14))
        for estimate, rate in (("plug_in", 0.75), ("corrected", 0.5), ("noise", 0.25))
        if among == "reliable" or estimate != "corrected"
        for i in range(n)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def signal_simulation() -> pd.DataFrame:
    """Simulated pairs of known distance, hardly any of which is estimated at low reliability."""
    rng = np.random.default_rng(8)
    rows = [
        {
            "measure": measure,
            "reliability": reliability,
            "shared": shared,
            "truth": 1.4 - shared,
            "plug_in": 1.1 - 0.2 * shared + 0.02 * rng.normal(),
            "corrected": np.nan if pair > 20 * reliability else 1.4 - shared + 0.1 * rng.normal(),
        }
        for measure in ("cka", "rsa")
        for reliability in (0.03, 0.1, 0.3)
        for shared in (0.0, 0.5, 0.9)
        for pair in range(5)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def windows() -> pd.DataFrame:
    """Distances and scores in ten windows of four bins."""
    start = 4 * np.arange(10)
    return pd.DataFrame(
        {
            "start": start,
            "stop": start + 4,
            "own": np.linspace(1.2, 0.9, 10),
            "others": np.linspace(1.3, 1.2, 10),
            "r2": np.linspace(-0.1, 0.4, 10),
            "r2_low": np.linspace(-0.3, 0.2, 10),
            "r2_high": np.linspace(0.1, 0.6, 10),
            "null_r2_low": -0.2,
            "null_r2_high": 0.1,
        }
    )


@pytest.fixture(scope="session")
def clashes() -> Callable[[Figure], list[str]]:
    """Function listing texts of a drawn figure that overlap or leave the page."""
    return overlaps


@pytest.fixture(scope="session")
def texts() -> Callable[[Figure], list[str]]:
    """Function listing all texts that a figure shows."""
    return lambda figure: [text.get_text() for text in shown_texts(figure)]
