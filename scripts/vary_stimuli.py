"""Distances of some networks against the number of stimuli, fitted and held out."""

from pathlib import Path
from typing import Any

import pandas as pd

from shapemetrics.estimation.resampling import distance_vs_samples
from shapemetrics.metrics.registry import build_metric
from shapemetrics.store import RepresentationStore
from shapemetrics.study.facts import all_items, axes_note, sizes_of
from shapemetrics.study.fitting import fitted_analysis, fitted_measure
from shapemetrics.study.jobs import job
from shapemetrics.study.needs import LeftOut
from shapemetrics.study.samples import sample_sizes, summarized_samples
from shapemetrics.study.selection import Selection
from shapemetrics.study.tables import attempted, labelled, write_table

with job(snakemake) as log:
    params = snakemake.params
    store = RepresentationStore(Path(snakemake.input.index).parent)
    selection = Selection(**{**params.selection, "n_networks": params.n_networks})
    rows = selection.rows(store.index)

    def measured(settings: dict[str, Any], entry: str) -> pd.DataFrame:
        fitted_analysis("samples", {}, all_items(rows))
        chosen = selection.read_by(build_metric(settings))
        note = axes_note(rows, build_metric(settings), entry, "samples")
        if note is not None:
            raise LeftOut(note)
        sizes = sizes_of(rows, chosen.positions, snakemake.wildcards.dataset, "samples")
        settings, _ = fitted_measure(settings, sizes, entry=entry)
        arrays = chosen.read(store)
        metric, parts = build_metric(settings), []
        for size in sample_sizes(settings, sizes, params.n_sizes):
            try:
                found = distance_vs_samples(
                    arrays,
                    metric,
                    [size],
                    n_repeats=params.n_repeats,
                    seed=params.seed,
                    heldout=metric.has_heldout,
                    n_jobs=snakemake.threads,
                )
                parts.append(found)
            except ValueError as reason:
                if size == sizes.n_stimuli:
                    raise
                # Some order has stimuli on which a network's responses do not vary.
                log.warning("%s: %d stimuli are left out: %s", entry, size, reason)
        return summarized_samples(pd.concat(parts))

    write_table(
        pd.concat(
            labelled(
                attempted(lambda s=settings, n=name: measured(s, f"metrics.{n}"), {}, log),
                {"metric": name},
            )
            for name, settings in params.metrics.items()
        ),
        snakemake.output.table,
    )
