"""From the results of many networks to one representation store."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shapemetrics.store.reader import RepresentationStore
from shapemetrics.store.writer import StoreWriter

from .image_set import ImageSet
from .probes import ProbeSettings, recorded_states
from .results import STATES, NetworkResult, read_result, result_key, result_path
from .settings import TrainingSettings
from .tables import SPELLING, networks_table, parse_networks

logger = logging.getLogger(__name__)


def assemble_store(
    table: pd.DataFrame,
    folder: str | os.PathLike,
    path: str | os.PathLike,
    images: ImageSet,
    settings: TrainingSettings,
    seed: int,
    layers: Sequence[str] | None = None,
    probes: ProbeSettings | None = None,
) -> RepresentationStore:
    """Write the representations of all networks, layers and states as one store.

    Parameters
    ----------
    table : pandas.DataFrame
        The networks, see `networks_table`; its further columns become covariates too.
    folder : path-like
        Where `train_block` kept the results.
    path : path-like
        The store to write.
    images, settings, seed
        As given to `train_block`.
    layers : sequence of str, optional
        Layers to write; all that were kept ("stem", "stack1", ..., "pool") where it is left out.
    probes : ProbeSettings, optional
        As given to `train_block`.

    Returns
    -------
    RepresentationStore
        For each network, layer and state ("untrained", "trained") the responses to the probe
        images, (m, h, w, c) or, for the pool, (m, c), under the id ``{layer}_{state}_{hash}`` with
        the first 12 digits of the hash. The covariates of both states are those of the network
        after its training. Without training (0 epochs) there is the untrained state alone, and
        there are no accuracies.

    Raises
    ------
    ValueError
        If a network has no result, its file is damaged, or a layer is unknown.

    Notes
    -----
    ``log_error`` is log10 of the test error, the fraction of wrong answers, with half a test image
    as its floor, so that a network without a wrong answer has a finite one. A representation with
    a value that is not finite, of a diverged network or beyond float16, is left out; the log and
    the store's metadata (``left_out``) name it.
    """
    cells = parse_networks(table)
    columns = networks_table(cells).drop(columns=list(SPELLING))
    for name in table.columns.difference([*SPELLING, *columns]):
        columns[name] = table[name].to_numpy()
    key = result_key(images, settings, seed, probes)
    left_out: list[str] = []
    versions: list[str] = []
    metadata: dict[str, Any] = {
        "images": images.name,
        "images_sha256": images.digest,
        "n_train": len(images.train_x),
        "n_test": len(images.test_x),
        "training": asdict(settings),
        "seed": seed,
        "result_key": key,
        "n_networks": len(cells),
        "left_out": left_out,
        "torch": versions,
    }
    if probes is not None:
        metadata["probes"] = asdict(probes)
    with StoreWriter(
        path,
        source=f"nasbench/{images.name}",
        simulated=False,
        stimuli=list(images.probe_ids),
        metadata=metadata,
    ) as store:
        for cell, facts in zip(cells, columns.to_dict("records")):
            result = _required(result_path(folder, key, cell.hash), cell.hash)
            if result.torch not in versions:
                versions.append(result.torch)
            facts = facts | _covariates(result, len(images.test_x))
            for state in recorded_states(settings):
                for layer in _layers(result, layers):
                    id = f"{layer}_{state}_{cell.hash[:12]}"
                    values = result.activations[f"{layer}_{state}"]
                    if not np.isfinite(values).all():
                        logger.warning("%s is left out: it has values that are not finite", id)
                        left_out.append(id)
                        continue
                    store.add(id, values, network=cell.hash, layer=layer, state=state, **facts)
    return RepresentationStore(path)


def log_error(test_accuracy: float, n_test: int) -> float:
    """log10 of the test error, not below that of half a wrong answer.

    Parameters
    ----------
    test_accuracy : float
        Fraction of test images classified correctly.
    n_test : int
        Number of test images.

    Examples
    --------
    >>> log_error(0.9, 1000), log_error(1.0, 500)
    (-1.0, -3.0)
    """
    return round(math.log10(max(1 - test_accuracy, 0.5 / n_test)), 12)


def _required(path: Path, network: str) -> NetworkResult:
    try:
        return read_result(path, network)
    except FileNotFoundError:
        raise ValueError(
            f"network {network} has no result: {path} is missing, expected after train_block with "
            "the same images, settings, seed and code"
        ) from None


def _layers(result: NetworkResult, wanted: Sequence[str] | None) -> list[str]:
    """The layers to write, in the network's own order."""
    suffix = f"_{STATES[0]}"
    known = [name.removesuffix(suffix) for name in result.activations if name.endswith(suffix)]
    unknown = [layer for layer in wanted or () if layer not in known]
    if unknown:
        raise ValueError(f"layers {unknown} are unknown, expected some of {known}")
    return [layer for layer in known if wanted is None or layer in wanted]


def _covariates(result: NetworkResult, n_test: int) -> dict[str, Any]:
    validation = {"validation_accuracy": result.validation_accuracy}
    accuracies = {}
    if result.test_accuracy is not None:
        accuracies = {
            "test_accuracy": result.test_accuracy,
            "error": 1 - result.test_accuracy,
            "log_error": log_error(result.test_accuracy, n_test),
            "train_accuracy": result.train_accuracy,
            "untrained_accuracy": result.untrained_accuracy,
        }
    return {
        **accuracies,
        "trainable_parameters": result.trainable_parameters,
        "diverged": result.diverged,
        **(validation if result.validation_accuracy is not None else {}),
    }
