"""Draw the small figures of metrics.md and estimation.md.

    python docs/gallery.py [OUTDIR]

OUTDIR is docs/images/metrics by default. Everything is made from seeds and from scikit-learn's
digits; figures from simulated numbers say so on their face.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from gallery_estimation import bootstrap, moments, noise_floor, sample_size, width
from gallery_tools import BLUE, RED, Array, digit_layer, digit_maps, level, lines, panels
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from shapemetrics import pairwise_distances
from shapemetrics.figures.style import (
    MUTED,
    SINGLE,
    figure_style,
    finish,
    plain_log_axis,
    save_figure,
)
from shapemetrics.metrics import (
    AngularCKA,
    Comparison,
    ConvolutionMetric,
    EnergyStochasticMetric,
    GaussianStochasticMetric,
    KernelMetric,
    LinearMetric,
    PermutationMetric,
    SoftMatchingMetric,
)

FOLDER = Path(__file__).resolve().parent / "images" / "metrics"
DPI = 200
COLORS = 256


def linear() -> Figure:
    """Alpha, units of measurement, and the number of units."""
    rng = np.random.default_rng(0)
    X, unrelated = rng.normal(size=(2, 200, 10))
    Q = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    mixed = X @ rng.normal(size=(10, 10))
    figure, (left, middle, right) = panels(3)
    alphas = np.linspace(0, 1, 11)
    pairs = {"unrelated": unrelated, "invertible map": mixed, "rotation": X @ Q}
    curves = {k: [LinearMetric(a).distance(X, Y) for a in alphas] for k, Y in pairs.items()}
    lines(left, alphas, curves)
    left.set(xlabel="alpha", ylabel="angle (rad)", ylim=(-0.05, 1.6))
    left.legend(loc="center right", bbox_to_anchor=(1.0, 0.63))

    factors = np.logspace(-2, 2, 9)
    for label, free, color in (("as given", False, RED), ("scale_free=True", True, BLUE)):
        metric = LinearMetric(0.5, scale_free=free)
        y = [metric.distance(c * X, c * mixed) for c in factors]
        middle.plot(factors, y, "o-", markersize=3, color=color, label=label)
    middle.set_xscale("log")
    plain_log_axis(middle.xaxis, [0.01, 0.1, 1, 10, 100])
    middle.set(xlabel="both networks scaled by", ylabel="angle at alpha = 0.5", ylim=(0, None))
    middle.legend(loc="lower right")

    units = np.array([5, 15, 25, 35, 45, 55, 65, 75, 85, 95])
    spectrum = 1.0 / np.arange(1, 96)
    X, Y = rng.normal(size=(2, 100, 95)) * spectrum
    curves = {
        f"alpha = {a:g}": [
            LinearMetric(a, scale_free=True).distance(X[:, :n], Y[:, :n]) for n in units
        ]
        for a in (1.0, 0.5, 0.0)
    }
    lines(right, units, curves)
    right.set(xlabel="units (of 100 stimuli)", ylabel="angle, unrelated pair", ylim=(0, 1.6))
    right.legend(loc="lower left")
    return finish(figure, "Linear metrics", simulated=True)


def convolution() -> Figure:
    """A map of shifts, and what shifting is worth."""
    X = digit_maps(0, 6)
    figure, (left, right) = panels(2, 5.0, 2.0)
    shifts = ConvolutionMetric().shift_map(X, digit_maps(1, 6, shift=2))
    image = left.imshow(shifts, extent=(-4.5, 3.5, 3.5, -4.5))
    left.set(xlabel="columns shifted", ylabel="rows shifted")
    bar = figure.colorbar(image, ax=left, shrink=0.9)
    bar.set_label("angle (rad)")
    bar.outline.set_visible(False)
    moved = [0, 1, 2, 3, 4]
    others = [digit_maps(1, 6, shift=s) for s in moved]
    curves = {
        label: [ConvolutionMetric(shifts=shifts).distance(X, Y) for Y in others]
        for label, shifts in (("best shift", True), ("shifts=False", False))
    }
    lines(right, moved, curves)
    right.set(xlabel="images moved by (columns)", ylabel="angle (rad)", ylim=(0, None))
    right.legend(loc="lower right")
    return finish(figure, "Digits through two banks of random filters")


def permutation() -> Figure:
    """Correlations between units, before and after matching."""
    rng = np.random.default_rng(0)
    X = digit_layer(0, 12)
    Y = X[:, rng.permutation(12)] + 0.5 * rng.normal(size=X.shape)
    found = PermutationMetric().align(X, Y).permutation
    figure, axes = panels(2, 4.2, 1.9)
    for ax, order, label in zip(axes, (np.arange(12), found), ("as stored", "as matched")):
        C = np.corrcoef(X, Y[:, order], rowvar=False)[:12, 12:]
        image = ax.imshow(C, cmap="PuOr_r", vmin=-1, vmax=1)
        ax.set(xlabel=f"units of Y, {label}", ylabel="units of X", xticks=[], yticks=[])
    bar = figure.colorbar(image, ax=axes, shrink=0.9)
    bar.set_label("correlation")
    bar.outline.set_visible(False)
    return finish(figure, "Digits, one layer shuffled, with noise")


def soft_matching() -> Figure:
    """A plan between unequal networks, and copies of units."""
    rng = np.random.default_rng(0)
    X = digit_layer(0, 6)
    Y = X[:, [0, 1, 1, 2, 3, 4, 4, 4, 5]] + 0.3 * rng.normal(size=(len(X), 9))
    figure, (left, right) = panels(2, 5.0, 1.9)
    image = left.imshow(SoftMatchingMetric().align(X, Y).plan, cmap="Blues", vmin=0)
    left.set(xlabel="9 units of Y", ylabel="6 units of X", xticks=[], yticks=[])
    bar = figure.colorbar(image, ax=left, shrink=0.8)
    bar.set_label("weight")
    bar.outline.set_visible(False)
    copies = [1, 2, 3, 4]
    metrics = {
        "PermutationMetric": PermutationMetric(),
        "SoftMatchingMetric": SoftMatchingMetric("angular"),
    }
    curves = {k: [M.distance(X, np.tile(X, (1, c))) for c in copies] for k, M in metrics.items()}
    lines(right, copies, curves)
    right.set(xlabel="copies of every unit", ylabel="angle to the original", xticks=copies)
    right.legend(loc="center right")
    return finish(figure, "Digits through 6 random units")


def kernel() -> Figure:
    """The bandwidth, and an approximation."""
    X, Y = (digit_layer(k, 32)[:300] for k in (1, 4))
    figure, (left, right) = panels(2, 5.0, 1.9)
    fractions = [0.1, 0.2, 0.5, 1, 2, 5, 10]
    angles = [KernelMetric("rbf", median_fraction=f).distance(X, Y) for f in fractions]
    left.plot(fractions, angles, "o-", markersize=3, color=BLUE, label="rbf")
    level(left, LinearMetric().distance(X, Y), "linear")
    left.set_xscale("log")
    plain_log_axis(left.xaxis, [0.1, 1, 10])
    left.set(xlabel="median_fraction", ylabel="angle (rad)", ylim=(0, None))
    left.legend(loc="lower right")
    sizes = [25, 50, 100, 200, 300]
    approximate = [
        KernelMetric("rbf", approximation=kind, n_components=q)
        for kind in ("nystroem", "random_features")
        for q in sizes
    ]
    exact = KernelMetric("rbf").distance(X, Y)
    errors = np.reshape([M.distance(X, Y) - exact for M in approximate], (2, -1))
    lines(right, sizes, dict(zip(("nystroem", "random_features"), errors)))
    level(right, 0.0, "exact")
    right.set(xlabel="n_components (300 stimuli)", ylabel="error of the angle (rad)")
    right.legend()
    return finish(figure, "Digits through two random layers")


def angular_cka() -> Figure:
    """What the directions of small variance count for."""
    X = digit_layer(3, 64)
    centred = X - X.mean(axis=0)
    U, values, _ = np.linalg.svd(centred, full_matrices=False)
    kept = [1, 2, 4, 8, 16, 32, 48, 64]
    metrics = {
        "LinearMetric(alpha=0)": LinearMetric(0.0),
        "LinearMetric(alpha=1)": LinearMetric(1.0),
        "AngularCKA": AngularCKA(),
    }
    figure, (ax,) = panels(1, SINGLE, 1.9)
    curves = {k: [M.distance(X, U[:, :q] * values[:q]) for q in kept] for k, M in metrics.items()}
    lines(ax, kept, curves)
    ax.set_xscale("log")
    plain_log_axis(ax.xaxis, [*kept[:-2], 64])
    ax.set(
        xlabel="principal components kept, of 64", ylabel="angle to the whole (rad)", ylim=(0, 2.1)
    )
    ax.legend(loc="upper right")
    return finish(figure, "Digits through a random layer")


def gaussian_stochastic() -> Figure:
    """From noise alone to means alone."""
    rng = np.random.default_rng(0)
    means, others = rng.normal(size=(2, 20, 4))
    ball, needle = (np.tile(np.diag(v), (20, 1, 1)) for v in ([0.1] * 4, [0.37, 0.01, 0.01, 0.01]))
    pairs = {
        "other means": ((means, ball), (others, ball)),
        "other noise": ((means, ball), (means, needle)),
    }
    alphas = np.linspace(0, 2, 9)
    figure, (ax,) = panels(1, SINGLE, 1.7)
    curves = {
        k: [GaussianStochasticMetric(alpha=a).distance(*pair) for a in alphas]
        for k, pair in pairs.items()
    }
    lines(ax, alphas, curves)
    ax.set(xlabel="alpha (0: noise only, 2: means only)", ylabel="distance")
    ax.legend(loc="upper left")
    return finish(figure, "Means and noise", simulated=True)


def energy_stochastic() -> Figure:
    """Noise of equal covariance and another form."""
    signal = np.random.default_rng(0).normal(size=(15, 1, 3))

    def trials(seed: int, split: float) -> Array:
        rng = np.random.default_rng(seed)
        sides, smooth = rng.choice([-1.0, 1.0], size=(15, 30, 3)), rng.normal(size=(15, 30, 3))
        return signal + np.sqrt(split) * sides + np.sqrt(1.0 - split) * smooth

    splits = [0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0]
    figure, axes = panels(2, 5.0, 1.8)
    metrics = (GaussianStochasticMetric(n_starts=4), EnergyStochasticMetric("orth", "empirical", 4))
    for ax, metric, color in zip(axes, metrics, (RED, BLUE)):
        floor = [metric.distance(trials(1, 0.0), trials(seed, 0.0)) for seed in range(11, 21)]
        ax.axhspan(min(floor), max(floor), color="#DDDDDD", label="two samples of one network")
        y = [metric.distance(trials(1, 0.0), trials(2, s)) for s in splits]
        ax.plot(splits, y, "o-", markersize=3, color=color, label=type(metric).__name__)
        ax.set(xlabel="share of noise in two lumps", ylabel="distance", ylim=(0, max(y) * 1.6))
        ax.legend(loc="upper left")
    return finish(figure, "Gaussian noise against two-lumped noise", simulated=True)


def comparisons() -> Figure:
    """How far a direct way may exceed a detour."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(200, 8))
    networks = []
    for _ in range(24):  # each sees some of 8 latent variables
        seen = rng.choice(8, int(rng.integers(2, 6)), replace=False)
        mixing = rng.normal(size=(len(seen), len(seen)))
        networks.append(latent[:, seen] @ mixing + 0.2 * rng.normal(size=(200, len(seen))))
    measures = {
        "LinearMetric(alpha=1)": LinearMetric(1.0),
        "LinearMetric(alpha=0)": LinearMetric(0.0),
        "AngularCKA": AngularCKA(),
        "SoftMatchingMetric": SoftMatchingMetric(),
        **{f"Comparison({name!r})": Comparison(name) for name in Comparison.names()},
    }
    figure, (ax,) = panels(1, 4.6, 2.0)
    for row, metric in enumerate(measures.values()):
        D = pairwise_distances(networks, metric)
        detours = (D[:, :, None] + D[None, :, :]).min(axis=1, where=_between(24), initial=np.inf)
        ratio = np.max(D[~np.eye(24, dtype=bool)] / detours[~np.eye(24, dtype=bool)])
        color = BLUE if metric.is_metric else RED
        ax.plot([1, ratio], [row, row], color=color, linewidth=0.8)
        ax.plot(ratio, row, "o", color=color)
        ax.annotate(
            f"{ratio:.2g}", (max(ratio, 1.0), row), (5, 0), textcoords="offset points", va="center"
        )
    ax.axvline(1.0, color=MUTED, linewidth=0.8, linestyle="--")
    ax.set(xscale="log", xlabel="direct distance / shortest detour, worst triple")
    plain_log_axis(ax.xaxis, [1, 2, 5, 10])
    ax.set_yticks(range(len(measures)), measures)
    ax.invert_yaxis()
    return finish(figure, "24 overlapping networks", simulated=True)


def _between(n: int) -> NDArray[np.bool_]:
    """Which (i, j, k) are three different items."""
    other = ~np.eye(n, dtype=bool)
    return other[:, :, None] & other[None, :, :] & other[:, None, :]


FIGURES: dict[str, Callable[[], Figure]] = {
    function.__name__: function
    for function in (
        *(linear, convolution, permutation, soft_matching, kernel, angular_cka),
        *(gaussian_stochastic, energy_stochastic, comparisons),
        *(sample_size, bootstrap, noise_floor, moments, width),
    )
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw every figure into one folder."""
    parser = argparse.ArgumentParser(description="Draw the figures of the guides.")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, metavar="OUTDIR")
    folder = parser.parse_args(arguments).folder
    for name, draw in FIGURES.items():
        with figure_style():
            (path,) = save_figure(draw(), folder / f"{name}.png", dpi=DPI)
        with Image.open(path) as image:  # a palette takes a third of the space
            small = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


if __name__ == "__main__":
    main()
