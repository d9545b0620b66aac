"""What no schema says of a configuration: settings that must agree, names that must exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.study.kinds import BUILT_IN, CONVOLUTIONAL, LAYERS, NETWORKS
from shapemetrics.study.needs import Note

if TYPE_CHECKING:
    from shapemetrics.study.plan import Study


def check_settings(study: Study) -> None:
    """ValueError, in one line, unless a study's settings agree with one another."""
    config, shifts = study.config, study.config["analyses"]["shifts"]
    twice = set(config["metrics"]) & set(config["comparisons"])
    if twice:
        raise ValueError(
            f"configuration: {sorted(twice)[0]!r} stands under metrics and under comparisons"
        )
    for name in study.measures:
        if not study.metric(name).symmetric and name in config["metrics"]:
            raise ValueError(
                f"configuration key {study.entry(name) + '.measure'!r}: found "
                f"{study.measure(name)['measure']!r}, expected a symmetric measure; this one "
                "can stand under comparisons"
            )
    if not study.datasets:
        raise ValueError("configuration key 'datasets': none is enabled, expected at least one")
    for name in study.datasets:
        selection, known = study.dendrogram(name)["selection"], study.selections(name)
        if selection not in known:
            raise ValueError(
                f"configuration key 'datasets.{name}.dendrogram': found {selection!r}, "
                f"expected one of {', '.join(known)}"
            )
    if shifts["map_layer"] not in shifts["layers"]:
        raise ValueError(
            f"configuration key 'analyses.shifts.map_layer': found {shifts['map_layer']!r}, "
            f"expected one of analyses.shifts.layers: {', '.join(shifts['layers'])}"
        )


def check_names(study: Study, dataset: str) -> None:
    """ValueError unless layers and covariates of the package's own datasets are those they have."""
    if dataset not in BUILT_IN:
        return
    settings, kind = study.dataset(dataset), study.kind(dataset)
    if kind is NETWORKS:
        for key, known in (("compared", LAYERS), ("shifts", CONVOLUTIONAL)):
            _expect(f"analyses.{key}.layers", study.config["analyses"][key]["layers"], known)
    if settings.get("published") or settings.get("published_file"):
        return  # whose table brings further covariates
    _expect(f"datasets.{dataset}.target", [settings["target"]], kind.numbers)
    others = [*kind.numbers, *kind.texts, *OWN_COLUMNS]
    _expect(f"datasets.{dataset}.color", [settings["color"]], others)


def _expect(key: str, found: Iterable[str], known: Iterable[str]) -> None:
    for name in found:
        if name not in known:
            raise Note(key, repr(name), f"one of {', '.join(known)}", "").refusal()
