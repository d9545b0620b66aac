"""A study compared with its data before it runs: what is refused, changed or left out, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from shapemetrics.study.covariates import nothing_explains, usable_covariates
from shapemetrics.study.facts import (
    all_items,
    axes_note,
    class_items,
    equal_ids,
    regression_items,
    sizes_of,
)
from shapemetrics.study.fitting import fitted_analysis, fitted_dimensions, fitted_measure
from shapemetrics.study.needs import LEFT_OUT, Findings, LeftOut, Note, Sizes
from shapemetrics.study.requirements import LEAST_ITEMS
from shapemetrics.study.room import check_room
from shapemetrics.study.samples import sample_sizes
from shapemetrics.study.study import Study

#: Ids of equal arrays that a line names.
NAMED = 8


def examined(study: Study, *, local: bool = True) -> dict[str, Findings]:
    """Compare a study with its datasets, as far as they are known before anything runs.

    Parameters
    ----------
    study : Study
    local : bool
        Whether jobs run on this machine, so that its memory counts.

    Returns
    -------
    dict of str to Findings
        For the datasets whose representations are known: networks by their settings, files by
        their table and headers. Of a class of the user's own, and of recordings, the rule that
        makes their store asks :func:`examine_store`.

    Raises
    ------
    ValueError
        In one line: the configuration key, what was found and what was expected.
    """
    found = {}
    for dataset in study.datasets:
        study.dataset(dataset).check_names()
        rows = study.dataset(dataset).outline()
        if rows is not None:
            found[dataset] = examine(study, dataset, rows)
            if local and not study.in_tiles and study.dataset(dataset).has_responses:
                check_room(study, dataset, rows)
    return found


def examine_store(study: Study, dataset: str, index: pd.DataFrame) -> list[str]:
    """Compare a study with a store that has just been made: lines about what will be different.

    Parameters
    ----------
    study : Study
    dataset : str
    index : pandas.DataFrame
        Of the store.

    Raises
    ------
    ValueError
        As :func:`examined`.
    """
    study.dataset(dataset).check_store(index)
    return [f"{dataset}: {note}" for note in examine(study, dataset, index).notes]


def examine(study: Study, dataset: str, rows: pd.DataFrame) -> Findings:
    """Compare everything that a study asks of a dataset with what the dataset holds.

    Parameters
    ----------
    study : Study
    dataset : str
    rows : pandas.DataFrame
        The store's index, or what is known of it.

    Returns
    -------
    Findings

    Raises
    ------
    ValueError
        As :func:`examined`.
    """
    return _Examination(study, dataset, rows).findings()


class _Examination:
    """One dataset compared with what a study asks of it."""

    def __init__(self, study: Study, dataset: str, rows: pd.DataFrame) -> None:
        self.study, self.dataset = study, dataset
        self.asked = study.dataset(dataset)
        self.analyses: Mapping[str, Any] = study.config["analyses"]
        self.notes: dict[str, Note] = {}
        self.pairs = study.matrices(dataset)
        compared = dict.fromkeys(selection for selection, _ in self.pairs)
        names = [*compared, self.asked.subsampled_selection]
        self.parts = {name: study.selection(dataset, name).rows(rows) for name in names}
        self.sizes = {name: self._sizes(name) for name in names}

    def findings(self) -> Findings:
        """Everything, in the order of the analyses."""
        if not self.asked.has_responses:
            figures = {*self._geometry(), *self._learning()}
            return Findings(list(self.notes.values()), frozenset(figures), frozenset())
        self._equal_arrays()
        measures = self._measures()
        figures = {*self._geometry(), *self._learning()}
        if len(self.study.measures) - len(measures) < 2:
            figures.add("agreement")
            self._note(Note("comparisons", "1 measure", "at least 2 to agree", LEFT_OUT))
        figures |= self._without("samples", "samples", self._samples)
        return Findings(list(self.notes.values()), frozenset(figures), frozenset(measures))

    def _note(self, note: Note) -> None:
        self.notes.setdefault(str(note), note)

    def _sizes(self, name: str) -> Sizes:
        part, selection = self.parts[name], self.study.selection(self.dataset, name)
        if len(part) < LEAST_ITEMS:
            layers = ".layers" if selection.where and self.asked.chooses_layers else ""
            raise Note(
                f"datasets.{self.dataset}{layers}",
                f"{len(part)} representations in selection {name!r}",
                f"at least {LEAST_ITEMS}",
                "",
            ).refusal()
        if not self.asked.has_responses:
            return Sizes(len(part), 0, 0, 0)
        return sizes_of(part, selection.positions, self.dataset, name)

    def _equal_arrays(self) -> None:
        for name in self.asked.selections:
            for ids in equal_ids(self.parts[name]):
                more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
                self._note(
                    Note(
                        f"datasets.{self.dataset}",
                        f"equal arrays of {', '.join(ids[:NAMED])}{more}",
                        "arrays that differ",
                        "they are kept, at distance 0",
                    )
                )

    def _measures(self) -> set[str]:
        """Comparisons that cannot be computed on some selection."""
        left_out = set()
        for selection, name in self.pairs:
            options = self.study.fitting_options(name)
            optional = options.pop("may_be_left_out")
            try:
                self._check_axes(selection, name)
                settings = self.study.metric_settings(name)
                _, notes = fitted_measure(settings, self.sizes[selection], **options)
            except LeftOut as error:
                if not optional:
                    raise error.note.refusal() from None
                left_out.add(name)
                notes = [error.note]
            for note in notes:
                self._note(note)
            self._backend(name)
        return left_out

    def _check_axes(self, selection: str, name: str) -> None:
        """LeftOut unless the representations have the axes that a measure compares."""
        where = f"selection {selection!r} of {self.dataset!r}"
        rows, metric = self.parts[selection], self.study.metric(name)
        note = axes_note(rows, metric, self.study.entry(name), where)
        if note is not None:
            raise LeftOut(note)

    def _backend(self, name: str) -> None:
        """Not every measure can be computed on every backend."""
        distances = self.study.config["distances"]
        asked = {key: distances[key] for key in ("backend", "tolerance")}
        given = {key: self.study.engine_options(name)[key] for key in asked}
        for key, value in asked.items():
            if given[key] != value:
                self._note(
                    Note(
                        f"distances.{key}",
                        f"{value} for {self.study.entry(name)}",
                        "a measure that supports it",
                        "NumPy computes it exactly",
                    )
                )

    def _geometry(self) -> set[str]:
        fixed = "dimensions" in self.study.fixed("analyses", "distortion")
        figures = set()
        for name in self.asked.selections:
            n_items = self.sizes[name].n_items
            self._fitted("embedding", all_items(self.parts[name]))
            for note in fitted_dimensions(
                self.analyses["distortion"]["dimensions"], n_items, fixed=fixed
            )[1]:
                self._note(note)
        for figure, selections in (
            ("distortion", self.asked.selections),
            ("agreement", ["compared"] if "compared" in self.parts else []),
        ):
            figures |= self._without(
                figure,
                figure,
                *(
                    lambda n=n, a=figure: self._fitted(a, all_items(self.parts[n]))
                    for n in selections
                ),
            )
        return figures

    def _learning(self) -> set[str]:
        asked, selections = self.asked, self.asked.selections
        group = asked.regression_group
        figures = set()
        for target in asked.targets:
            suffix = asked.suffix(target)
            left_out = self._without(
                f"regression of {target!r}",
                f"regression{suffix}",
                *(lambda n=n, t=target: self._regression(n, t, group) for n in selections),
            )
            learned = ("regression", "predictions", "baselines")
            figures |= {f"{name}{suffix}" for name in learned if left_out}
        if asked.labels:
            tasks = [(n, label) for n in asked.classified for label in asked.labels]
            figures |= self._without(
                "classification",
                "classification",
                *(lambda n=n, t=t: self._classification(n, t) for n, t in tasks),
            )
        if asked.covariates and set(asked.covariates) <= set(self.parts[next(iter(selections))]):
            left_out = self._without(
                "covariates", "covariates", *(lambda n=n: self._covariates(n) for n in selections)
            )
            if left_out and asked.required_covariates:
                part = self.parts[next(iter(selections))]
                raise nothing_explains(self.dataset, next(iter(selections)), len(part)).refusal()
            figures |= left_out
        return figures

    def _regression(self, name: str, target: str, group: str | None) -> None:
        items = regression_items(
            self.parts[name],
            target,
            group=group,
            group_key=self.asked.group_key,
            leave_one_out=self.asked.leave_one_out,
        )
        self._fitted("regression", items)

    def _classification(self, name: str, label: str) -> None:
        items = class_items(
            self.parts[name],
            label,
            group=self.asked.group,
            group_key=self.asked.group_key,
        )
        self._fitted("classification", items)

    def _covariates(self, name: str) -> None:
        part = self.parts[name]
        self._fitted("covariates", all_items(part))
        if not usable_covariates(part[list(self.asked.covariates)]):
            raise LeftOut(nothing_explains(self.dataset, name, len(part)))

    def _samples(self) -> None:
        name = self.asked.subsampled_selection
        sizes = self.sizes[name]
        self._fitted("samples", all_items(self.parts[name]))
        reasons: dict[str, LeftOut] = {}
        for metric in self.study.metrics:
            try:
                self._check_axes(name, metric)
                settings, _ = fitted_measure(
                    self.study.metric_settings(metric), sizes, entry=self.study.entry(metric)
                )
                sample_sizes(settings, sizes, self.analyses["samples"]["n_sizes"])
            except LeftOut as error:
                reasons[metric] = error
        if len(reasons) == len(self.study.metrics):
            raise next(iter(reasons.values()))
        for metric, error in reasons.items():
            self._note(replace(error.note, done=f"samples by {metric} are left out"))

    def _fitted_all(self, analysis: str, name: str) -> None:
        self._fitted(analysis, all_items(self.parts[name]))

    def _fitted(self, analysis: str, items: Any) -> None:
        fixed = self.study.fixed("analyses", analysis)
        settings = self.analyses.get(analysis, {})  # not every analysis has any
        for note in fitted_analysis(analysis, settings, items, fixed=fixed)[1]:
            self._note(note)

    def _without(self, what: str, figure: str, *attempts: Callable[[], None]) -> set[str]:
        """Names of a figure for which nothing can be done in any of its selections."""
        reasons: list[LeftOut] = []
        for attempt in attempts:
            try:
                attempt()
            except LeftOut as error:
                reasons.append(error)
                self._note(replace(error.note, done=f"{what} is left out"))
        return {figure} if attempts and len(reasons) == len(attempts) else set()
