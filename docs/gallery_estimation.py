"""The figures of estimation.md."""

from __future__ import annotations

import numpy as np
import pandas as pd
from gallery_tools import BLUE, RED, digit_layer, level, lines, pair_of_cosine, panels
from matplotlib.figure import Figure

from shapemetrics.estimation import null_distances
from shapemetrics.figures.style import INK, SINGLE, finish, plain_log_axis
from shapemetrics.geometry import (
    bootstrap_distances,
    distance_vs_samples,
    moment_angle,
    split_half_floor,
)
from shapemetrics.metrics import Comparison, LinearMetric


def sample_size() -> Figure:
    """Distances against the number of stimuli, fitted and held out."""
    networks = [digit_layer(1, 32), digit_layer(4, 32)]
    sizes = [40, 60, 100, 200, 400, 800]
    figure, axes = panels(2, 5.4, 2.0)
    for ax, alpha in zip(axes, (1.0, 0.0)):
        metric = LinearMetric(alpha)
        table = distance_vs_samples(networks, metric, sizes, n_repeats=10, heldout=True)
        groups = table.groupby("n_stimuli")
        curves = {
            "left-out stimuli": groups["distance_heldout"].mean(),
            "fitted stimuli": groups["distance"].mean(),
        }
        lines(ax, sizes, curves)
        level(ax, metric.distance(*networks), "all 1,797")
        ax.set_xscale("log")
        plain_log_axis(ax.xaxis, [50, 100, 200, 400, 800])
        ax.set(xlabel="stimuli", ylabel=f"angle, alpha = {alpha:g}", ylim=(0.5, 1.6))
    axes[0].legend(loc="upper right")
    return finish(figure, "Digits through two random layers, 32 units each")


def bootstrap() -> Figure:
    """Intervals of both kinds on eight samples of 200 stimuli."""
    networks = [digit_layer(1, 32), digit_layer(4, 32)]
    figure, axes = panels(2, 5.4, 2.0)
    for ax, alpha in zip(axes, (1.0, 0.0)):
        metric = LinearMetric(alpha)
        order = np.random.default_rng(0).permutation(1797)
        rows = []
        for seed, part in enumerate(order[:1600].reshape(8, 200)):
            chosen = [X[part] for X in networks]
            rows.append(bootstrap_distances(chosen, metric, n_bootstrap=60, seed=seed))
        table = pd.concat(rows)
        at = np.arange(len(table))
        ax.vlines(at - 0.15, table["low"], table["high"], color=RED, label="percentile")
        ax.vlines(at + 0.15, table["basic_low"], table["basic_high"], color=BLUE, label="basic")
        ax.plot(at, table["distance"], "o", markersize=3, color=INK, label="distance")
        level(ax, metric.distance(*networks), "all 1,797")
        ax.set(xlabel="eight samples of 200", ylabel=f"angle, alpha = {alpha:g}", xticks=[])
    axes[0].legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.1))
    axes[0].set_ylim(None, 0.98)
    return finish(figure, "Digits through two random layers, 32 units each")


def noise_floor() -> Figure:
    """Noise alone sets networks apart."""
    rng = np.random.default_rng(1)
    X, Y = pair_of_cosine(0.9, 200, 20, seed=0)
    counts = [2, 4, 8, 16, 32, 64]
    curves: dict[str, list[float]] = {"other network": [], "same network": [], "split halves": []}
    for r in counts:
        first, again, other = (
            Z[:, None, :] + 2.0 * rng.normal(size=(200, r, 20)) for Z in (X, X, Y)
        )
        metric = LinearMetric()
        curves["other network"].append(metric.distance(first.mean(1), other.mean(1)))
        curves["same network"].append(metric.distance(first.mean(1), again.mean(1)))
        curves["split halves"].append(split_half_floor(first, metric)["floor"].item())
    figure, (ax,) = panels(1, SINGLE, 2.0)
    lines(ax, counts, curves)
    level(ax, LinearMetric().distance(X, Y), "other, free of noise")
    ax.set_xscale("log")
    plain_log_axis(ax.xaxis, counts)
    ax.set(xlabel="trials a stimulus", ylabel="angle (rad)", ylim=(0, 1.5))
    ax.legend(loc="upper right")
    return finish(figure, "Noise floor", simulated=True)


def moments() -> Figure:
    """The moment estimator where it helps, and where it does not."""
    sizes, cosines, seeds = [80, 120, 200, 320], (0.0, 0.9), range(8)
    figure, axes = panels(2, 5.4, 2.0)
    for ax, cosine in zip(axes, cosines):
        for shift, color, label in ((0.97, RED, "plug_in_angle"), (1.03, BLUE, "angle")):
            draws = [
                [
                    getattr(moment_angle(*pair_of_cosine(cosine, m, 40, s), n_orders=3), label)
                    for s in seeds
                ]
                for m in sizes
            ]
            mean, deviation = np.mean(draws, axis=1), np.std(draws, axis=1)
            x = shift * np.array(sizes)
            ax.errorbar(x, mean, deviation, fmt="o", markersize=3, color=color, label=label)
        level(ax, float(np.arccos(cosine)), "truth")
        ax.set_xscale("log")
        plain_log_axis(ax.xaxis, sizes)
        ax.set(xlabel="stimuli", ylabel="angle (rad)", ylim=(0, 1.7))
        ax.set_title("unrelated" if cosine == 0 else "alike", fontsize=8)
    axes[0].legend(loc="lower right")
    return finish(figure, "Two networks of 40 units", simulated=True)


def width() -> Figure:
    """Unrelated networks of growing width: biased and debiased measures, and chance."""
    widths = [4, 16, 64, 256, 1024]
    measures = {
        "CKA": Comparison("cka"),
        "debiased CKA": Comparison("debiased_cka"),
        "Procrustes (NBS)": Comparison("normalized_bures"),
    }
    tables = {
        (name, n): null_distances(
            [np.random.default_rng([n, k]).normal(size=(30, n)) for k in range(6)],
            measure,
            n_nulls=20,
        )
        for name, measure in measures.items()
        for n in widths
    }
    figure, axes = panels(2, 5.4, 2.0)
    similarity = {
        name: [1.0 - tables[name, n]["distance"].mean() for n in widths] for name in measures
    }
    effect = {name: [tables[name, n]["effect"].mean() for n in widths] for name in measures}
    for ax, curves, label in zip(
        axes, (similarity, effect), ("similarity", "effect above chance"), strict=True
    ):
        lines(ax, widths, curves)
        level(ax, 0.0, "unrelated")
        ax.set_xscale("log")
        plain_log_axis(ax.xaxis, widths)
        ax.set(xlabel="units", ylabel=label, ylim=(-0.15, 1.05))
    axes[1].legend(loc="upper left")
    return finish(figure, "Unrelated random networks, 30 stimuli", simulated=True)
