"""Bring figures and numbers of finished laptop studies into docs/laptop.md.

    python docs/gallery_laptop.py results/laptop_untrained results/laptop

draws how held-out R² grows with networks and pictures, copies the figures of baselines, and
rewrites the block of measured numbers in the page. The second folder may be left out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from shapemetrics import RepresentationStore, pairwise_distances
from shapemetrics.datasets.nasbench import cell_paths, parse_networks, read_networks
from shapemetrics.figures.style import (
    DOUBLE,
    MUTED,
    OKABE_ITO,
    STATE_COLORS,
    finish,
    new_figure,
    plain_log_axis,
    save_figure,
    styled,
)
from shapemetrics.learning import nested_baselines, nested_regression
from shapemetrics.metrics import LinearMetric
from shapemetrics.pairwise import DistanceMatrix

HERE = Path(__file__).resolve().parent
PAGE = HERE / "laptop.md"
IMAGES = HERE / "images" / "laptop"
TARGET = "published_log_error"
WIDTH = 1000
SIZES = (50, 100, 200, 300, 600)
PICTURES = (5, 10, 20, 50, 100)
DRAWS = 4
COUNTS = [*("n_vertices", "n_edges", "n_conv3x3", "n_conv1x1", "n_maxpool", "depth", "width")]
BLOCK = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.DOTALL)


def main(folders: list[Path]) -> None:
    """Draw, copy, and rewrite the block."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    curves = pd.concat([*map(curves_of, folders)], ignore_index=True)
    predictions = pd.read_csv(folders[0] / "figures/nasbench/procrustes/predictions.csv")
    save_figure(plot_curves(curves, predictions), IMAGES / "curves.png", dpi=150)
    for folder in folders:
        copy(folder / "figures/nasbench/baselines.png", f"{folder.name}_baselines")
    copy(folders[-1] / "figures/nasbench/procrustes/embedding.png", "embedding")
    text = PAGE.read_text(encoding="utf-8")
    rows = [row for folder in folders for row in measured(folder)]
    head = "| run | predictor | R² | Spearman ρ | null R², 95% |\n| --- | --- | --- | --- | --- |\n"
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    names = [*(f"{folder.name}_baselines" for folder in folders), "embedding"]
    images = "".join(f"\n![{name.replace('_', ' ')}](images/laptop/{name}.png)\n" for name in names)
    block = head + lines + images
    PAGE.write_text(BLOCK.sub(lambda m: m[1] + block + m[2], text), encoding="utf-8")


def copy(source: Path, name: str) -> None:
    """A figure of a study, in the page's size."""
    picture = Image.open(source).convert("RGB")
    size = WIDTH, round(picture.height * WIDTH / picture.width)
    small = picture.resize(size, Image.Resampling.LANCZOS).quantize(128)
    small.save(IMAGES / f"{name}.png", optimize=True)


def curves_of(results: Path) -> pd.DataFrame:
    """R² by number of networks and by number of pictures."""
    store = RepresentationStore(results / "nasbench" / "store")
    states = [s for s in ("untrained", "trained") if s in set(store.index["state"])]
    rows: list[dict[str, Any]] = []
    for state in states:
        matrix = DistanceMatrix.load(
            results / f"distances/nasbench/stack3_{state}/procrustes/distances.npz"
        )
        facts = store.index.set_index("id").loc[matrix.ids]
        y = facts[TARGET].to_numpy(float)
        for n, draw, which in subsets(len(y)):
            scores = r2_of(matrix.values[np.ix_(which, which)], y[which])
            rows.append({"by": "networks", "what": state, "size": n, "draw": draw, **scores})
        arrays = {id: store.load(id) for id in matrix.ids}
        for m in PICTURES:
            some = {id: a[:m].reshape(-1, a.shape[-1]) for id, a in arrays.items()}
            D = pairwise_distances(some, LinearMetric(alpha=1.0), n_jobs=2)
            rows.append(
                {"by": "pictures", "what": state, "size": m, "draw": 0, **r2_of(np.asarray(D), y)}
            )
    if len(states) == 1:
        X = description(results, facts)
        for n, draw, which in subsets(len(y)):
            found = nested_baselines(
                y[which], {"cell": X[which]}, n_permutations=0, n_bootstrap=0
            ).summary.iloc[0]
            scores = {name: found[name] for name in ("r2", "spearman")}
            rows.append({"by": "networks", "what": "cell", "size": n, "draw": draw, **scores})
    return pd.DataFrame(rows).assign(run=results.name)


def subsets(n_items: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Random networks, several draws of each number of them, and all."""
    rng = np.random.default_rng(0)
    for n in [size for size in SIZES if size < n_items]:
        for draw in range(DRAWS):
            yield n, draw, np.sort(rng.permutation(n_items)[:n])
    yield n_items, 0, np.arange(n_items)


def r2_of(D: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Held-out scores of the regression from distances."""
    found = nested_regression(D, y, n_permutations=0, n_bootstrap=0).summary.iloc[0]
    return {name: float(found[name]) for name in ("r2", "spearman")}


def description(results: Path, facts: pd.DataFrame) -> np.ndarray:
    """What the study's own baseline knows about each cell."""
    table = read_networks(results / "nasbench" / "networks.csv")
    paths = cell_paths(parse_networks(table)).set_axis(table["network"])
    parameters = np.log10(facts["trainable_parameters"].to_numpy(float))
    return np.column_stack([facts[COUNTS], parameters, paths.loc[facts["network"]]])


@styled
def plot_curves(curves: pd.DataFrame, predictions: pd.DataFrame) -> Figure:
    """Published against predicted error, and R² against networks and pictures."""
    panels = [by for by in ("networks", "pictures") if by in set(curves["by"])]
    figure = new_figure(DOUBLE * (1 + len(panels)) / 3, 2.5)
    axes = figure.subplots(1, 1 + len(panels))
    _scatter(axes[0], predictions)
    names = {
        "untrained": ("distances, untrained", STATE_COLORS["untrained"]),
        "trained": ("distances, trained", STATE_COLORS["trained"]),
        "cell": ("description of the cell", OKABE_ITO["green"]),
    }
    for ax, by in zip(axes[1:], panels):
        part = curves[curves["by"] == by]
        for (run, what), mine in part.groupby(["run", "what"], sort=False):
            if what == "untrained" and run != curves["run"].iloc[0]:
                continue  # the larger study of untrained networks has them
            label, color = names[what]
            mean = mine.groupby("size")["r2"].mean()
            ax.plot(mine["size"], mine["r2"], ".", color=color, markersize=3, alpha=0.5)
            ax.plot(mean.index, mean, color=color, marker="o", markersize=3.5, label=label)
        ax.axhline(0, color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
        ax.set_xscale("log")
        plain_log_axis(ax.xaxis, sorted(part["size"].unique()))
        ax.set_xlabel(f"Number of {by}")
        ax.set_ylabel("Held-out R²")
    axes[1].legend(loc="lower right", fontsize=6)
    low = min(ax.get_ylim()[0] for ax in axes[1:])
    for ax in axes[1:]:
        ax.set_ylim(min(low, -0.02), 0.9)
    title = "Distances between untrained networks predict published errors"
    return finish(figure, title)


def _scatter(ax: Axes, predictions: pd.DataFrame) -> None:
    """Held-out predictions from stack 3 against what was published."""
    mine = predictions[(predictions["layer"] == "stack3") & (predictions["repeat"] == 0)]
    mine = mine[mine["state"] == "untrained"]
    x, y = 10 ** mine["predicted"], 10 ** mine["observed"]
    ax.scatter(x, y, s=6, color=STATE_COLORS["untrained"], linewidths=0, alpha=0.6)
    ends = [0.9 * min(x.min(), y.min()), 1.1 * np.quantile(y, 0.995)]
    ax.plot(ends, ends, color=MUTED, linewidth=0.8)
    for axis, set_scale, limits in (
        (ax.xaxis, ax.set_xscale, ax.set_xlim),
        (ax.yaxis, ax.set_yscale, ax.set_ylim),
    ):
        set_scale("log")
        limits(*ends)
        plain_log_axis(axis, [t for t in (0.05, 0.07, 0.1, 0.15, 0.2) if ends[0] < t < ends[1]])
    rho = x.corr(y, method="spearman")
    beyond = int((y > ends[1]).sum())
    more = f", {beyond} above" if beyond else ""
    ax.set_title(f"n = {len(x)}{more}, stack 3, ρ = {rho:.2f}", fontsize=7)
    ax.set_xlabel("Error predicted from distances")
    ax.set_ylabel("Published error, 108 epochs")


def measured(results: Path) -> list[tuple[str, ...]]:
    """Rows of the table of numbers."""
    table = pd.read_csv(results / "learning/nasbench/baselines.csv")
    table = table[table["target"] == TARGET]
    facts = json.loads((results / "nasbench/store/dataset.json").read_text())
    run = f"{results.name}, {facts['n_networks']} networks"
    rows = []
    for row in table.itertuples():
        both = isinstance(row.description, str) and isinstance(row.distances, str)
        name = f"distances, {row.distances}" if isinstance(row.distances, str) else row.description
        text = f"{row.r2:.2f} [{row.r2_low:.2f}, {row.r2_high:.2f}]"
        if both:
            name = f"{row.description} + {name}"
            text += f"; gain {row.gain:+.3f} [{row.gain_low:+.3f}, {row.gain_high:+.3f}]"
        null = "" if both else f"{row.null_r2_low:.2f} to {row.null_r2_high:.2f}"
        rows.append((run, name.replace("_", " "), text, f"{row.spearman:.2f}", null))
    return rows


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
