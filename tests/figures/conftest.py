"""Synthetic tables of the study's real sizes, and a look at the text of drawn figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy.cluster.hierarchy import linkage


def _words(text: str) -> list[str]:
    return text.split()


LAYERS = ("stem", "stack1", "stack2", "stack3", "pool")
STATES = ("untrained", "trained")
METRICS = {
    "procrustes_angular": True,
    "ridge_angular": True,
    "cca_angular": True,
    "angular_cka": True,
    "one_minus_cka": False,
    "one_minus_mean_cca": False,
    "linear_regression": False,
    "rsa_correlation": False,
}
REGIONS = _words(
    "VISp VISl VISrl VISal VISpm VISam VISmma VISmmp VISli LGd LGv LP MGd MGv MGm PO POL PoT PP "
    "SGN TH VPL VPM VL Eth IntG CA1 CA2 CA3 DG ProS SUB PRE POST HPF APN NOT MB MRN PPT SCig SCiw "
    "SCop SCsg SCzo ZI RPF OLF"
)
DIVISIONS = {"Isocortex": 9, "Thalamus": 17, "Hippocampus": 9, "Midbrain": 13}
ATLAS = {
    "Isocortex": "#08858C",
    "Thalamus": "#FF90AD",
    "Hippocampus": "#7ED04B",
    "Midbrain": "#FF64FF",
}


def _each_selection() -> Iterator[tuple[int, str, int, str]]:
    for s, state in enumerate(STATES):
        for depth, layer in enumerate(LAYERS):
            yield s, state, depth, layer


def _strength(s: int, depth: int) -> float:
    """How much a layer knows about accuracy: nothing in the stem, more with depth and training."""
    return (0.0, 0.42, 0.62, 0.66, 0.6)[depth] + s * (0.0, 0.06, 0.05, 0.1, 0.2)[depth]


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
    for s, state, depth, layer in _each_selection():
        w, size = _strength(s, depth), 0.1 + 0.15 * depth
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
    for s, state, depth, layer in _each_selection():
        for m, method in enumerate(("metric", "classical")):
            mean = 1 + (0.55 + 0.1 * depth + 0.06 * m) * dims**-0.9 * (1.2 - 0.2 * s)
            for n, value in zip(dims, mean, strict=True):
                rows.append(
                    (f"{layer}_{state}", layer, state, method, n, 1 + 9 * (value - 1), value)
                )
    names = _words("selection layer state method n_dimensions max_distortion mean_distortion")
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
def scores() -> pd.DataFrame:
    """Regression scores of four metrics: depth predicts accuracy, the stem does not."""
    rng = np.random.default_rng(4)
    rows = []
    for m, metric in enumerate(list(METRICS)[:4]):
        for s, state, depth, layer in _each_selection():
            r2 = _strength(s, depth) * (1 - 0.08 * m) - 0.02 + 0.02 * rng.normal()
            rows.append(
                {
                    "selection": f"{layer}_{state}",
                    "layer": layer,
                    "state": state,
                    "metric": metric,
                    "target": "test_accuracy",
                    "r2": r2,
                    "r2_low": r2 - 0.07,
                    "r2_high": r2 + 0.05,
                    "spearman": np.sqrt(max(r2, 0.0)) + 0.03 * rng.normal(),
                    "null_r2_mean": -0.03,
                    "null_r2_low": -0.09,
                    "null_r2_high": 0.03,
                    "p_value": 0.01 if r2 > 0.04 else 0.4,
                    "n": 240,
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def predictions(embedding: pd.DataFrame) -> pd.DataFrame:
    """Held-out predictions of one metric."""
    rng = np.random.default_rng(5)
    parts = []
    for s, state, depth, layer in _each_selection():
        part = embedding[embedding["selection"] == f"{layer}_{state}"]
        observed = np.log10(1 - part["test_accuracy"])
        r2 = _strength(s, depth)
        noise = observed.std() * np.sqrt(r2 * (1 - r2)) * rng.normal(size=len(part))
        predicted = r2 * observed + (1 - r2) * observed.mean() + noise
        parts.append(
            part[["selection", "layer", "state", "id"]].assign(
                metric="procrustes_angular",
                target="test_accuracy",
                observed=observed,
                predicted=predicted,
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def region_predictions(regions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions and scores of the hierarchy score for regions, by two metrics."""
    rng = np.random.default_rng(6)
    known = regions.dropna(subset=["hierarchy_score"])
    parts, rows = [], []
    for metric, noise in (("procrustes_angular", 0.15), ("cca_angular", 0.3)):
        observed = known["hierarchy_score"]
        parts.append(
            known[["selection", "layer", "state", "id"]].assign(
                metric=metric,
                target="hierarchy_score",
                observed=observed,
                predicted=0.7 * observed + noise * rng.normal(size=len(known)),
            )
        )
        rows.append(
            {
                **dict.fromkeys(("layer", "state"), ""),
                "selection": "all",
                "metric": metric,
                "target": "hierarchy_score",
                "r2": 0.8 - noise,
                "r2_low": 0.55 - noise,
                "r2_high": 0.9 - noise,
                "spearman": 0.85 - noise,
                "null_r2_mean": -0.05,
                "null_r2_low": -0.2,
                "null_r2_high": 0.1,
                "p_value": 0.01,
                "n": len(known),
            }
        )
    return pd.concat(parts, ignore_index=True), pd.DataFrame(rows)


TASKS = {
    "layer": [f"{layer}" for layer in LAYERS],
    "training_state": list(STATES),
    "division": list(DIVISIONS),
}


@pytest.fixture(scope="session")
def classification() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracies of three tasks, two classifiers and eight measures, and their confusions."""
    rng = np.random.default_rng(7)
    rows, counts = [], []
    for t, (task, classes) in enumerate(TASKS.items()):
        n, k = (1200, 480, 48)[t], len(classes)
        chance = (0.2, 0.5, 17 / 48)[t]
        width = 1.0 / np.sqrt(n)
        for c, classifier in enumerate(("knn", "svm")):
            for m, metric in enumerate(METRICS):
                accuracy = min(chance + (0.55 - 0.06 * m + 0.03 * c) * (1 - chance) * 1.6, 0.985)
                if metric == "rsa_correlation" and task == "division":
                    accuracy = chance - 0.04
                rows.append(
                    {
                        "task": task,
                        "classifier": classifier,
                        "metric": metric,
                        "accuracy": accuracy,
                        "accuracy_low": accuracy - width,
                        "accuracy_high": min(accuracy + width, 1.0),
                        "chance": chance,
                        "null_mean": chance - 0.03,
                        "null_low": chance - 0.03 - 1.7 * width,
                        "null_high": chance - 0.03 + 1.7 * width,
                        "p_value": 0.01 if accuracy > chance + 2 * width else 0.3,
                        "n": n,
                        "n_classes": k,
                    }
                )
                shares = np.full((k, k), (1 - accuracy) / max(k - 1, 1))
                np.fill_diagonal(shares, accuracy)
                for i, true in enumerate(classes):
                    drawn = rng.multinomial(n // k, shares[i] / shares[i].sum())
                    for predicted, count in zip(classes, drawn, strict=True):
                        counts.append((task, classifier, metric, true, predicted, count))
    names = ["task", "classifier", "metric", "true", "predicted", "count"]
    return pd.DataFrame(rows), pd.DataFrame(counts, columns=names)


@pytest.fixture(scope="session")
def audit() -> pd.DataFrame:
    """Audits of eight measures on ten selections: true metrics break nothing."""
    rng = np.random.default_rng(8)
    n_triples = 240 * 239 * 238
    rows = []
    for m, (metric, is_metric) in enumerate(METRICS.items()):
        for _, state, _depth, layer in _each_selection():
            share = 0.0 if is_metric else float(10 ** rng.normal(-5.5 + 0.7 * (m - 4), 0.5))
            bad = int(share * n_triples)
            rows.append(
                {
                    "selection": f"{layer}_{state}",
                    "layer": layer,
                    "state": state,
                    "metric": metric,
                    "is_metric": is_metric,
                    "n": 240,
                    "n_triples": n_triples,
                    "n_violations": bad,
                    "fraction": bad / n_triples,
                    "max_violation": 0.1 * (bad > 0),
                    "max_relative_violation": float(10 ** rng.normal(-1, 0.3)) * (bad > 0),
                    "worst": "a, b, c",
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def agreement() -> pd.DataFrame:
    """Agreement of the eight measures, each pair once."""
    rng = np.random.default_rng(9)
    rows = []
    for i, j in combinations(range(len(METRICS)), 2):
        rho = 0.97 - 0.1 * (j - i) + 0.04 * rng.normal()
        rows.append((list(METRICS)[i], list(METRICS)[j], rho, 0.001 if rho > 0.35 else 0.2))
    return pd.DataFrame(rows, columns=["metric_a", "metric_b", "spearman", "p_value"])


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


def _rectangle(text: Text, renderer: object) -> np.ndarray:
    """Corners of a text's own, possibly turned, box in pixels."""
    centre = np.mean(text.get_window_extent(renderer).get_points(), axis=0)
    angle = text.get_rotation()
    text.set_rotation(0)
    w, h = text.get_window_extent(renderer).bounds[2:]
    text.set_rotation(angle)
    corners = 0.5 * np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return centre + corners @ np.array([[c, s], [-s, c]])


def _gap(a: np.ndarray, b: np.ndarray) -> float:
    """Largest separation of two rectangles along their sides; negative where they overlap."""
    best = -np.inf
    for corners in (a, b):
        for side in (corners[1] - corners[0], corners[2] - corners[1]):
            if (length := np.hypot(*side)) == 0:
                return np.inf
            along_a, along_b = a @ side / length, b @ side / length
            apart = max(along_a.min() - along_b.max(), along_b.min() - along_a.max())
            best = max(best, apart)
    return best


def _shown_texts(figure: Figure) -> list[Text]:
    kept = {}
    for text in figure.findobj(lambda artist: isinstance(artist, Text)):
        if text.get_visible() and text.get_text().strip():
            kept[id(text)] = text
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = min(low, high), max(low, high)
            slack = 1e-9 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                outside = not low - slack <= tick.get_loc() <= high + slack
                for label in (tick.label1, tick.label2):
                    if outside or not axes.axison or not axis.get_visible():
                        hidden.add(id(label))
    return [text for key, text in kept.items() if key not in hidden]


@pytest.fixture(scope="session")
def clashes() -> Callable[[Figure], list[str]]:
    """Function listing texts of a drawn figure that overlap or leave the page."""

    def find(figure: Figure) -> list[str]:
        figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()
        texts = _shown_texts(figure)
        boxes = [_rectangle(text, renderer) for text in texts]
        width, height = figure.bbox.size
        found = []
        tight = figure.get_tightbbox(renderer).extents * figure.dpi
        if min(tight[:2]) < -1.0 or tight[2] > width + 1.0 or tight[3] > height + 1.0:
            found.append(f"artists reach {tight.round()} on a page of {width} by {height}")
        for i, (text, box) in enumerate(zip(texts, boxes, strict=True)):
            if (box < -1.0).any() or (box > np.array([width, height]) + 1.0).any():
                found.append(f"{text.get_text()!r} leaves the page")
            for other, box2 in zip(texts[i + 1 :], boxes[i + 1 :], strict=True):
                if _gap(box, box2) < -1.0:
                    found.append(f"{text.get_text()!r} over {other.get_text()!r}")
        return found

    return find


@pytest.fixture(scope="session")
def texts() -> Callable[[Figure], list[str]]:
    """Function listing all texts that a figure shows."""

    def shown(figure: Figure) -> list[str]:
        return [text.get_text() for text in _shown_texts(figure)]

    return shown


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
