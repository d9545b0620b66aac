"""Bring figures and numbers of a finished default study into docs/paper.md.

    python docs/gallery_paper.py results

makes docs/images/paper/ from the study's PNGs and rewrites the block of measured numbers in the
page, so that no number there is typed by hand.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd
from PIL import Image

HERE = Path(__file__).resolve().parent
PAGE = HERE / "paper.md"
IMAGES = HERE / "images" / "paper"
WIDTH = 1000
FIGURES = {
    "shift_maps": "nasbench/shift_maps",
    "samples": "nasbench/samples",
    "audit": "nasbench/audit",
    "distortion": "nasbench/procrustes/distortion",
    "atlas": "allen/procrustes/atlas",
    "allen_dendrogram": "allen/procrustes/dendrogram",
    "allen_predictions": "allen/procrustes/predictions",
    "embedding": "nasbench/procrustes/embedding",
    "regression": "nasbench/regression",
    "classification": "nasbench/classification",
}
BLOCK = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.DOTALL)


def main(results: Path) -> None:
    """Copy figures, rewrite the block."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, source in FIGURES.items():
        picture = Image.open(results / "figures" / f"{source}.png").convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        small = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
        small.quantize(128).save(IMAGES / f"{name}.png", optimize=True)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda m: m[1] + measured(results) + m[2], text), encoding="utf-8")


def measured(results: Path) -> str:
    """Rows of the table of numbers."""
    rows = [*shifts(results), *samples(results), *triangles(results), *distortions(results)]
    rows += [*regions(results), *networks(results), *classes(results)]
    lines = ["| figure | quantity | measured |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def shifts(results: Path) -> list[tuple[str, str, str]]:
    """What shifting the grid gains."""
    gain = pd.read_csv(results / "figures/nasbench/shift_gain.csv")
    gain["lower"] = 1.0 - gain["distance_shift"] / gain["distance_no_shift"]
    rows = []
    for layer, part in gain.groupby("layer", sort=False):
        same = (part["lower"] < 1e-9).mean()
        text = f"{same:.0%} of {len(part)}; largest gain {part['lower'].max():.1%}"
        rows.append(("3", f"{layer}: pairs for which no shift is nearer than none", text))
    return rows


def samples(results: Path) -> list[tuple[str, str, str]]:
    """How distances grow with the number of stimuli."""
    table = pd.read_csv(results / "figures/nasbench/samples.csv")
    rows = []
    for (metric, held_out), part in table.groupby(["metric", "held_out"], sort=False):
        part = part.sort_values("n_stimuli")
        first, last = part.iloc[0], part.iloc[-1]
        name = f"{metric}, {'held out' if held_out else 'fitted'}: mean distance"
        text = (
            f"{first['distance']:.3f} at {first['n_stimuli']} stimuli, "
            f"{last['distance']:.3f} at {last['n_stimuli']}"
        )
        rows.append(("4", name, text))
    return rows


def triangles(results: Path) -> list[tuple[str, str, str]]:
    """Violated triangles of every measure."""
    audit = pd.read_csv(results / "figures/nasbench/audit.csv")
    compared = audit[audit["selection"] == "compared"]
    return [
        ("4", f"{row.name_}: triples that violate the inequality", f"{row.fraction:.3%}")
        for row in compared.rename(columns={"name": "name_"}).itertuples()
    ]


def distortions(results: Path) -> list[tuple[str, str, str]]:
    """Distortion of twenty-dimensional embeddings."""
    rows = []
    for metric in ("procrustes", "cca"):
        table = pd.read_csv(results / f"geometry/nasbench/{metric}/distortion.csv")
        part = table[(table["n_dimensions"] == 20) & (table["method"] == "metric")]
        mean, most = part["mean_distortion"], part["max_distortion"]
        text = f"mean {mean.min():.3f} to {mean.max():.3f}, largest pair {most.max():.2f}"
        rows.append(("4", f"{metric}: distortion in 20 dimensions, over layers and states", text))
    return rows


def regions(results: Path) -> list[tuple[str, str, str]]:
    """Hierarchy of simulated regions."""
    table = pd.read_csv(results / "figures/allen/regression.csv")
    return [
        (
            "5",
            f"{row.metric}: hierarchy score, R² of {row.n} regions left out one at a time "
            "(**simulated**)",
            f"{row.r2:.2f} [{row.r2_low:.2f}, {row.r2_high:.2f}]; permuted up to "
            f"{row.null_r2_high:.2f}",
        )
        for row in table.itertuples()
    ]


def networks(results: Path) -> list[tuple[str, str, str]]:
    """Accuracy of networks from distances."""
    table = pd.read_csv(results / "figures/nasbench/regression.csv")
    rows = []
    for (metric, state), part in table.groupby(["metric", "state"], sort=False):
        text = ", ".join(f"{row.layer} {row.r2:.2f}" for row in part.itertuples())
        null = part["null_r2_high"].max()
        rows.append(
            ("6", f"{metric}, {state}: held-out R² of log error", f"{text}; null {null:.2f}")
        )
    return rows


def classes(results: Path) -> list[tuple[str, str, str]]:
    """Layers and states told apart."""
    table = pd.read_csv(results / "figures/nasbench/classification.csv")
    return [
        (
            "6",
            f"{row.metric}, {row.classifier}: {row.task}, accuracy on networks left out",
            f"{row.accuracy:.2f} (chance {row.chance:.2f})",
        )
        for row in table.itertuples()
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results"))
