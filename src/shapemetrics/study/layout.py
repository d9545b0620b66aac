"""Where results lie: the one place that knows the layout of the results folder."""

from __future__ import annotations

import os
from pathlib import Path

#: Folder of a matrix of distances.
_MATRIX = "distances/{dataset}/{selection}/{metric}"
#: Results by name, with the wildcards of the workflow's rules in braces.
PATHS: dict[str, str] = {
    # A dataset's own folder.
    "index": "{dataset}/store/index.csv",
    "metadata": "{dataset}/store/dataset.json",
    "downloads": "{dataset}/downloads",
    "published": "{dataset}/published.parquet",
    "networks": "{dataset}/networks.csv",
    "network_folder": "{dataset}/networks",
    "trained_block": "{dataset}/blocks/block_{block}.csv",
    "trained_networks": "{dataset}/trained_networks.csv",
    "allensdk": "environments/allensdk.txt",
    "session_folder": "{dataset}/sessions",
    "sessions": "{dataset}/sessions.csv",
    "expected_regions": "{dataset}/expected_regions.csv",
    "channel_structures": "{dataset}/channel_structures.csv",
    "annotation": "{dataset}/annotation.json",
    "session": "{dataset}/responses/session_{session}.npz",
    "session_units": "{dataset}/responses/session_{session}.csv",
    "steinmetz_session": "{dataset}/responses/{session}.npz",
    "steinmetz_units": "{dataset}/responses/{session}.csv",
    "nwb_session": "{dataset}/responses/{session}.npz",
    "nwb_units": "{dataset}/responses/{session}.csv",
    "regions": "{dataset}/regions.csv",
    "data_use": "{dataset}/used.csv",
    # Distances.
    "matrix": f"{_MATRIX}/distances.npz",
    "matrix_table": f"{_MATRIX}/distances.csv",
    "tile_plan": "distances/{dataset}/tiles.json",
    "block": f"{_MATRIX}/blocks/{{block}}.block",
    "tile_folder": f"{_MATRIX}/tiles",
    "tile": f"{_MATRIX}/tiles/tile_{{rows}}_{{columns}}.npz",
    "tile_progress": "logs/distances.log",
    # Tables about distances.
    "audit": "geometry/{dataset}/{metric}/audit.csv",
    "embedding": "geometry/{dataset}/{metric}/embedding.csv",
    "distortion": "geometry/{dataset}/{metric}/distortion.csv",
    "noise_floor": "geometry/{dataset}/{metric}/noise_floor.csv",
    "signal": "geometry/{dataset}/signal.csv",
    "signal_bias": "geometry/{dataset}/signal_bias.csv",
    "windows": "geometry/{dataset}/windows.csv",
    "agreement": "geometry/{dataset}/agreement.csv",
    "compared_audit": "geometry/{dataset}/compared_audit.csv",
    "samples": "geometry/{dataset}/samples.csv",
    "shift_maps": "geometry/{dataset}/shift_maps.csv",
    "shift_gain": "geometry/{dataset}/shift_gain.csv",
    "linkage": "learning/{dataset}/{metric}/linkage.csv",
    "leaves": "learning/{dataset}/{metric}/leaves.csv",
    "regression": "learning/{dataset}/{metric}/regression.csv",
    "predictions": "learning/{dataset}/{metric}/predictions.csv",
    "baselines": "learning/{dataset}/baselines.csv",
    "classification": "learning/{dataset}/{metric}/classification.csv",
    "confusion": "learning/{dataset}/{metric}/confusion.csv",
    "covariates": "learning/{dataset}/{metric}/covariates.csv",
    "published_agreement": "learning/{dataset}/published.csv",
    "growth": "learning/{dataset}/growth.csv",
    # The whole study.
    "explorer": "explorer.html",
    "benchmarks": "benchmarks",
    "costs": "costs.csv",
    "adjustments": "adjustments.csv",
    "provenance": "provenance.json",
    "warnings": "warnings.csv",
    "report": "report.html",
}
#: Forms of a figure: for the report, for print, and its numbers.
FORMS = ("png", "pdf", "csv")


class Layout:
    """Paths of a study's results, as patterns that ``str.format`` fills.

    Parameters
    ----------
    results : path-like
        The results folder.

    Examples
    --------
    >>> layout = Layout("results")
    >>> layout["index"].format(dataset="mine")
    'results/mine/store/index.csv'
    >>> layout.log("embed_distances", "dataset", "metric")
    'results/logs/embed_distances/{dataset}_{metric}.log'
    """

    def __init__(self, results: str | os.PathLike) -> None:
        self.results = Path(results)

    def __getitem__(self, name: str) -> str:
        return str(self.results / PATHS[name])

    def figure(self, name: str) -> str:
        """A figure of a dataset, without suffix; figures of a metric have its name in front."""
        return str(self.results / "figures" / "{dataset}" / name)

    def log(self, rule: str, *wildcards: str) -> str:
        """Log of a rule's job."""
        return str(self.results / "logs" / (_of_job(rule, wildcards) or rule)) + ".log"

    def benchmark(self, rule: str, *wildcards: str) -> str:
        """Time and memory of a rule's job."""
        name = _of_job(rule, wildcards) or f"{rule}/all"
        return str(self.results / "benchmarks" / name) + ".tsv"


def _of_job(rule: str, wildcards: tuple[str, ...]) -> str:
    """Folder and name of what a job leaves behind; empty where there is one job alone."""
    return f"{rule}/{'_'.join(f'{{{name}}}' for name in wildcards)}" if wildcards else ""


def check_writable(results: str | os.PathLike) -> None:
    """ValueError where nothing can be written into the results folder, or into what will hold it.

    Parameters
    ----------
    results : path-like
        The folder; it need not exist.
    """
    folder = Path(results).absolute()
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not there.is_dir():
        raise ValueError(f"results: {there} is a file, expected a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"results: {there} is not writable, expected a folder to write into")
