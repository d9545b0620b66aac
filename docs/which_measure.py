"""Six tests of measures on networks that differ by construction, for docs/which_measure.md.

    python docs/which_measure.py           # trains, measures, and rewrites table and figure
    python docs/which_measure.py --draw    # table and figure again, from the CSV

Networks are small and see real digits (scikit-learn's). The tests are those of the ReSi benchmark
(Klabunde et al. 2024, arXiv:2408.00531). Needs the extras torch, figures and transport.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from shapemetrics import pairwise_distances
from shapemetrics.figures.colors import ink_on
from shapemetrics.figures.style import DOUBLE, finish, new_figure, save_figure, styled
from shapemetrics.figures.tables import signed
from shapemetrics.files import atomic_path
from shapemetrics.learning import group_separation, layer_monotonicity, mantel, mean_of_directions
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    KernelMetric,
    LinearMetric,
    NeighborhoodMetric,
    PermutationMetric,
    SoftMatchingMetric,
)
from shapemetrics.metrics.base import Metric

if TYPE_CHECKING:
    import torch

HERE = Path(__file__).resolve().parent
PAGE = HERE / "which_measure.md"
TABLE = HERE / "images" / "which_measure.csv"
FIGURE = HERE / "images" / "which_measure.png"
BLOCK = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.DOTALL)

COMPONENTS = 20
#: Measures by what the table calls them: all that compare matrices of stimuli by units.
MEASURES: dict[str, Metric] = {
    "Procrustes": LinearMetric(alpha=1.0),
    "Normalised Bures": Comparison("normalized_bures"),
    "Partial whitening, α = 0.5": LinearMetric(alpha=0.5, scale_free=True),
    f"CCA, {COMPONENTS} components": LinearMetric(alpha=0.0, n_components=COMPONENTS),
    f"Mean CCA, {COMPONENTS} components": Comparison("mean_cca", n_components=COMPONENTS),
    f"PWCCA, {COMPONENTS} components": Comparison("pwcca", n_components=COMPONENTS),
    "Linear regression": Comparison("linear_regression"),
    "Angular CKA": AngularCKA(),
    "CKA": Comparison("cka"),
    "Angular debiased CKA": AngularCKA(debias="song"),
    "RBF kernel": KernelMetric("rbf"),
    "RSA correlation": Comparison("rsa_correlation"),
    "Permutation": PermutationMetric(),
    "Soft matching": SoftMatchingMetric(),
    "Partial soft matching": Comparison("partial_soft_matching"),
    "Mutual neighbours": NeighborhoodMetric(overlap="mutual"),
    "Jaccard": NeighborhoodMetric(overlap="jaccard"),
    "CKNNA": Comparison("cknna"),
}
#: Those that refuse units with one response to all stimuli, which are left out for them.
REFUSES_SILENT_UNITS = {"Partial soft matching"}
TESTS = {
    "accuracy": "Accuracy",
    "disagreement": "Disagree-\nment",
    "labels": "Random\nlabels",
    "shortcut": "Shortcut",
    "augmentation": "Augmen-\ntation",
    "layers": "Layer\norder",
}

# The networks ------------------------------------------------------------------------------------

N_TRAINING, N_STIMULI = 600, 150
WIDTH, DEPTH = 48, 5
STEPS, BATCH, RATE = 500, 64, 3e-3
SIZES = (40, 80, 150, 300, 600)


@dataclass(frozen=True)
class Setting:
    """How one network is trained, and which test it is for."""

    test: str
    group: str
    n_images: int = N_TRAINING
    random_labels: float = 0.0
    shortcut: float | None = None
    noise: float = 0.0
    shifts: bool = False


def settings(n_seeds: int = 5) -> list[Setting]:
    """All networks: of every group some, which differ in nothing but chance."""
    kinds = [Setting("outputs", f"{n} images", n_images=n) for n in SIZES]
    kinds += [Setting("labels", f"{p:.0%}", random_labels=p) for p in (0.0, 0.5, 1.0)]
    kinds += [Setting("shortcut", f"{p:.0%}", shortcut=p) for p in (0.0, 0.5, 0.75, 1.0)]
    kinds += [
        Setting("augmentation", name, noise=noise, shifts=shifts)
        for name, noise, shifts in [
            ("none", 0.0, False),
            ("noise", 0.3, False),
            ("shifts", 0.0, True),
            ("both", 0.3, True),
        ]
    ]
    kinds += [Setting("layers", "plain")]
    return [kind for kind in kinds for _ in range(n_seeds)]


@dataclass(frozen=True)
class Networks:
    """Trained networks.

    Attributes
    ----------
    settings : list of Setting
    hidden : ndarray of shape (networks, layers, stimuli, units)
        Responses of the hidden layers to stimuli that no network was trained on.
    predictions : ndarray of shape (networks, held-out images)
    digits : ndarray of shape (held-out images,)
    fitted : ndarray of shape (networks,)
        Accuracy on a network's own training labels.
    """

    settings: list[Setting]
    hidden: NDArray
    predictions: NDArray
    digits: NDArray
    fitted: NDArray


def train(networks: Sequence[Setting], *, n_steps: int = STEPS, seed: int = 0) -> Networks:
    """Train networks side by side, each on data, order and initial weights of its own."""
    import torch  # drawing again does without
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    chance = torch.Generator().manual_seed(seed)
    images, digits = (np.asarray(part) for part in load_digits(return_X_y=True))
    order = rng.permutation(len(images))
    images, digits = (images[order] / 16).astype(np.float32), digits[order]
    known, new = slice(0, N_TRAINING), slice(N_TRAINING, None)
    K = len(networks)

    # Labels, and the ten further inputs that name a digit: the label, or any digit.
    drawn = rng.integers(10, size=(2, K, N_TRAINING))
    falls = rng.uniform(size=(2, K, N_TRAINING))
    share = np.array([[s.random_labels] for s in networks])
    # Random labels are the same for all networks, so that those of a group learn the same.
    labels = np.where(falls[0, 0] < share, drawn[0, 0], digits[known])
    told = np.array([[s.shortcut or 0.0] for s in networks])
    named = np.eye(10, dtype=np.float32)[np.where(falls[1] < told, labels, drawn[1])]
    has_shortcut = np.array([s.shortcut is not None for s in networks])
    named *= has_shortcut[:, None, None]
    # Of new images the shortcut says nothing, and the same to every network.
    new_named = np.eye(10, dtype=np.float32)[rng.integers(10, size=len(images) - N_TRAINING)]
    new_named = new_named * has_shortcut[:, None, None]

    moved = torch.tensor(_moved(images[known]))  # (shift, image, pixel)
    extra, target = torch.tensor(named), torch.tensor(labels)
    n_images = torch.tensor([[s.n_images] for s in networks])
    noise = torch.tensor([[[s.noise]] for s in networks], dtype=torch.float32)
    shifts = torch.tensor([[s.shifts] for s in networks])
    rows = torch.arange(K)[:, None]

    widths = [74, *[WIDTH] * DEPTH, 10]
    weights = [
        (torch.randn(K, a, b, generator=chance) * np.sqrt(2 / a)).requires_grad_()
        for a, b in pairwise(widths)
    ]
    offsets = [torch.zeros(K, 1, b, requires_grad=True) for b in widths[1:]]

    def layers(X: torch.Tensor) -> Iterator[torch.Tensor]:
        for depth, (W, b) in enumerate(zip(weights, offsets)):
            X = torch.baddbmm(b, X, W)
            if depth < DEPTH:
                X = torch.nn.functional.gelu(X)
            yield X

    optimizer = torch.optim.Adam([*weights, *offsets], lr=RATE)
    for _ in range(n_steps):
        at = (torch.rand(K, BATCH, generator=chance) * n_images).long()
        to = torch.where(shifts, torch.randint(9, (K, BATCH), generator=chance), 4)
        X = moved[to, at] + noise * torch.randn(K, BATCH, 64, generator=chance)
        *_, output = layers(torch.cat([X, extra[rows, at]], dim=2))
        loss = torch.nn.functional.cross_entropy(output.flatten(0, 1), target[rows, at].flatten())
        optimizer.zero_grad()
        (loss * K).backward()
        optimizer.step()

    with torch.no_grad():
        # The images as they are: neither noise nor shifts.
        X = torch.tensor(images[new]).expand(K, -1, -1)
        *hidden, output = layers(torch.cat([X, torch.tensor(new_named)], dim=2))
        *_, own = layers(torch.cat([moved[4].expand(K, -1, -1), extra], dim=2))
    right = own.argmax(dim=2).numpy() == labels
    return Networks(
        list(networks),
        np.stack([layer[:, :N_STIMULI].double().numpy() for layer in hidden], axis=1),
        output.argmax(dim=2).numpy(),
        digits[new],
        np.array([row[: s.n_images].mean() for row, s in zip(right, networks)]),
    )


def _moved(images: NDArray) -> NDArray:
    """Images moved by up to one pixel each way, (9, n, 64); number 4 is not moved."""
    padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    return np.stack(
        [padded[:, i : i + 8, j : j + 8].reshape(-1, 64) for i in range(3) for j in range(3)]
    )


# The tests ---------------------------------------------------------------------------------------


def score(
    networks: Networks, measures: Mapping[str, Metric], *, n_permutations: int = 200, seed: int = 0
) -> pd.DataFrame:
    """One row per measure and test.

    Returns
    -------
    pandas.DataFrame
        measure, test, score (Spearman's rho; AUPRC; share of comparisons in order), chance,
        null_high (97.5% of permutations; nan for rho), p_value (one-sided), violations (nan for
        rho), n (networks).
    """
    tests = np.array([s.test for s in networks.settings])
    groups = np.array([s.group for s in networks.settings])
    rows = []
    for name, metric in measures.items():
        arrays = [list(layers) for layers in networks.hidden]
        if name in REFUSES_SILENT_UNITS:
            arrays = [[X[:, np.ptp(X, axis=0) > 0] for X in layers] for layers in arrays]

        which = np.flatnonzero(tests == "outputs")
        D = _last_layer_distances(arrays, which, metric)
        for test, difference in output_differences(networks, which).items():
            found = mantel(
                D, difference, method="spearman", n_permutations=n_permutations, seed=seed
            )
            rows.append(
                {
                    "test": test,
                    "score": found.correlation,
                    "chance": 0.0,
                    "p_value": found.p_value,
                    "n": len(which),
                }
            )
        for test in ("labels", "shortcut", "augmentation"):
            which = np.flatnonzero(tests == test)
            table = group_separation(
                _last_layer_distances(arrays, which, metric),
                groups[which],
                n_permutations=n_permutations,
                seed=seed,
            )
            kept = table.rename(columns={"auprc": "score"}).iloc[0]
            columns = ["score", "chance", "null_high", "p_value", "violations", "n"]
            rows.append({"test": test, **kept[columns]})
        which = np.flatnonzero(tests == "layers")
        rows.append(layer_order([arrays[k] for k in which], metric, n_permutations, seed))
        for row in rows[-6:]:
            row["measure"] = name
    columns = ["measure", "test", "score", "chance", "null_high", "p_value", "violations", "n"]
    return pd.DataFrame(rows, columns=columns).astype({"n": int})


def output_differences(networks: Networks, which: NDArray) -> dict[str, NDArray]:
    """How far outputs of networks differ: in accuracy, and image by image."""
    predictions = networks.predictions[which]
    accuracy = (predictions == networks.digits).mean(axis=1)
    return {
        "accuracy": np.abs(accuracy[:, None] - accuracy),
        "disagreement": (predictions[:, None] != predictions).mean(axis=2),
    }


def _last_layer_distances(
    arrays: Sequence[Sequence[NDArray]], which: NDArray, metric: Metric
) -> NDArray:
    return mean_of_directions(pairwise_distances([arrays[k][-1] for k in which], metric))


def layer_order(
    networks: Sequence[Sequence[NDArray]], metric: Metric, n_permutations: int, seed: int
) -> dict:
    """Mean share of comparisons in order, and that of layers in orders by chance."""
    matrices = [pairwise_distances(layers, metric) for layers in networks]
    found = np.mean([layer_monotonicity(D) for D in matrices])
    rng = np.random.default_rng(seed)
    null = np.array(
        [
            np.mean([layer_monotonicity(D, rng.permutation(len(D))) for D in matrices])
            for _ in range(n_permutations)
        ]
    )
    return {
        "test": "layers",
        "score": found,
        "chance": 0.5,
        "null_high": np.quantile(null, 0.975),
        "p_value": (1 + np.count_nonzero(null >= found - 1e-12)) / (1 + n_permutations),
        "violations": 1 - found,
        "n": len(matrices),
    }


# The page ----------------------------------------------------------------------------------------


def above_chance(table: pd.DataFrame) -> pd.Series:
    """Scores on one scale: 0 is chance, 1 is perfect."""
    return (table["score"] - table["chance"]) / (1 - table["chance"])


def mean_ranks(table: pd.DataFrame) -> pd.Series:
    """Mean rank of every measure over the tests; 1 is the best, equal scores share ranks."""
    scores = table.pivot(index="measure", columns="test", values="score").round(6)
    return scores.rank(ascending=False).mean(axis=1)


@styled
def plot_scores(table: pd.DataFrame) -> Figure:
    """Heat map of measures by tests; the last row is chance, greyed where p is 0.05 or more."""
    names, tests = list(dict.fromkeys(table["measure"])), list(TESTS)
    cells = table.assign(above=above_chance(table)).set_index(["measure", "test"])
    figure = new_figure(0.8 * DOUBLE, 0.24 * (len(names) + 1) + 0.7)
    ax = figure.subplots()
    norm, cmap = Normalize(0.0, 1.0, clip=True), matplotlib.colormaps["cividis"]
    shown = np.array([[cells.loc[(n, t), "above"] for t in tests] for n in names])
    image = ax.imshow(np.vstack([shown, np.zeros(len(tests))]), norm=norm, cmap=cmap, aspect="auto")
    for i, name in enumerate(names):
        for j, test in enumerate(tests):
            cell = cells.loc[(name, test)]
            text = signed(cell["score"]) + (" n.s." if cell["p_value"] >= 0.05 else "")
            ink = ink_on(cmap(norm(shown[i, j])))
            ax.text(j, i, text, ha="center", va="center", fontsize=6.5, color=ink)
    for j, test in enumerate(tests):
        text = signed(cells.loc[(names[0], test), "chance"])
        ink = ink_on(cmap(0.0))
        ax.text(j, len(names), text, ha="center", va="center", fontsize=6.5, color=ink)
    ax.axhline(len(names) - 0.5, color="white", linewidth=2)
    ax.axvline(1.5, color="white", linewidth=2)
    ax.axvline(4.5, color="white", linewidth=2)
    ax.set_xticks(range(len(tests)), [TESTS[test] for test in tests])
    ax.set_yticks(range(len(names) + 1), [*names, "Chance"])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=ax, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.set_label("(score − chance) / (1 − chance)")
    return finish(figure)


def markdown(table: pd.DataFrame) -> str:
    """The table of the page: scores, violations in brackets, and chance."""
    heads = [head.replace("-\n", "").replace("\n", " ") for head in TESTS.values()]
    ranks = mean_ranks(table)
    cells = table.set_index(["measure", "test"])
    names = list(dict.fromkeys(table["measure"]))
    lines = [["measure", *(head.lower() for head in heads), "mean rank"], ["---"] * 8]
    for name in names:
        texts = []
        for test in TESTS:
            cell = cells.loc[(name, test)]
            grouped = test in ("labels", "shortcut", "augmentation")
            texts.append(
                signed(cell["score"])
                + (f" ({cell['violations']:.2f})" if grouped else "")
                + (" n.s." if cell["p_value"] >= 0.05 else "")
            )
        lines.append([name, *texts, f"{ranks[name]:.1f}"])
    chance = [signed(cells.loc[(names[0], test), "chance"]) for test in TESTS]
    chance[2:5] = [f"{text} (0.50)" for text in chance[2:5]]
    lines.append(["chance", *chance, f"{(len(names) + 1) / 2:.1f}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(arguments: Sequence[str]) -> None:
    """Train, measure, draw, and rewrite the block of the page."""
    if list(arguments) not in ([], ["--draw"]):
        sys.exit(f"which_measure: found {list(arguments)}, expected nothing or --draw")
    if not arguments:
        import torch

        torch.set_num_threads(1)
        networks = train(settings())
        accuracy = (networks.predictions == networks.digits).mean(axis=1)
        kinds = [(s.test, s.group) for s in networks.settings]
        for kind in dict.fromkeys(kinds):
            own, new = (
                np.mean([v for v, k in zip(values, kinds) if k == kind])
                for values in (networks.fitted, accuracy)
            )
            print(f"{': '.join(kind)}: {own:.2f} of own labels, {new:.2f} of new images")
        found = score(networks, MEASURES)
        with atomic_path(TABLE) as path:
            found.to_csv(path, index=False, float_format="%.4f")
    table = pd.read_csv(TABLE)
    save_figure(plot_scores(table), FIGURE, dpi=150)
    Image.open(FIGURE).convert("RGB").quantize(128).save(FIGURE, optimize=True)
    text = PAGE.read_text(encoding="utf-8")
    with atomic_path(PAGE) as path:
        path.write_text(BLOCK.sub(lambda m: m[1] + markdown(table) + m[2], text), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
