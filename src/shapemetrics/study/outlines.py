"""What a dataset of trained networks will hold, told from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from shapemetrics.datasets.nasbench.probes import (
    STATES,
    ProbeSettings,
    representation_bytes,
    representation_shapes,
)
from shapemetrics.datasets.nasbench.settings import TrainingSettings
from shapemetrics.study.kinds import IMAGE_SIDES


def network_outline(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Index of the store that networks of the NAS-Bench-101 space will have, without covariates.

    Parameters
    ----------
    settings : mapping
        Of the dataset.

    Returns
    -------
    pandas.DataFrame
        One row per network, state and layer: id, network, layer, state, shape.
    """
    shapes = representation_shapes(*_what_is_kept(settings))
    return pd.DataFrame(
        [
            (f"{layer}_{state}_{network}", network, layer, state, "x".join(map(str, shape)))
            for network in range(settings["n_networks"])
            for state in STATES
            for layer, shape in shapes.items()
        ],
        columns=["id", "network", "layer", "state", "shape"],
    )


def announced_networks(settings: Mapping[str, Any]) -> str:
    """How many networks will be trained, and how large their responses are, in one line."""
    n_bytes = representation_bytes(settings["n_networks"], *_what_is_kept(settings))
    return (
        f"{settings['n_networks']} networks on {settings['images']}: responses of "
        f"{n_bytes / 1e9:.2f} GB, twice (each network's own file, and the store)"
    )


def _what_is_kept(
    settings: Mapping[str, Any],
) -> tuple[int, int, TrainingSettings, ProbeSettings]:
    """Probe pictures, their height and width in pixels, and how networks are trained and read."""
    return (
        settings["n_probe"],
        IMAGE_SIDES[settings["images"]],
        TrainingSettings.from_mapping(settings["training"]),
        ProbeSettings.from_mapping(settings["probes"]),
    )
