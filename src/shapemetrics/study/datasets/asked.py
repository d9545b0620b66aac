"""Datasets whose targets, groups and covariates the configuration names: their shared base."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from shapemetrics.study.datasets.base import GroupAsSet


class AskedDataset(GroupAsSet):
    """Learning and figures as the settings of a dataset ask for them.

    Attributes
    ----------
    figures_of_all : tuple of str
        Figures besides those of targets and classes.
    targets_key : str
        Setting that names the targets, for messages.
    """

    settings: Any
    figures_of_all: ClassVar[tuple[str, ...]] = ("audit",)
    targets_key: ClassVar[str] = "regression"

    # Lists of covariates as the configuration or a table have them.

    @property
    @abstractmethod
    def _numbers(self) -> Sequence[str]:
        """Targets that are numbers."""

    @property
    @abstractmethod
    def _classes(self) -> Sequence[str]:
        """Targets that are classes."""

    @property
    @abstractmethod
    def _covariates(self) -> Sequence[str]:
        """What distances may be organised by."""

    def _in_store(self, name: str) -> str:
        """A covariate's name in the store."""
        return name

    # What is learned.

    @property
    def leave_one_out(self) -> bool:
        """As set."""
        return self.settings.leave_one_out

    @property
    def labels(self) -> tuple[str, ...]:
        """Targets that are classes."""
        return tuple(map(self._in_store, self._classes))

    @property
    def group(self) -> str | None:
        """As set."""
        return None if self.settings.group is None else self._in_store(self.settings.group)

    @property
    def targets(self) -> tuple[str, ...]:
        """Targets that are numbers."""
        return tuple(map(self._in_store, self._numbers))

    def target_of(self, slug_of_target: str) -> str:
        """The target that a figure's file name stands for."""
        return next(target for target in self.targets if slug(target) == slug_of_target)

    def suffix(self, target: str) -> str:
        """Every target has figures of its own."""
        return f"_{slug(target)}"

    @property
    def covariates(self) -> tuple[str, ...]:
        """As set, or what the table has."""
        return tuple(map(self._in_store, self._covariates))

    @property
    def required_covariates(self) -> tuple[str, ...]:
        """As set."""
        return tuple(self.settings.covariates or ())

    # What is drawn.

    @property
    def figures(self) -> tuple[str, ...]:
        """A regression per target."""
        return (
            *self.figures_of_all,
            *(f"regression_{slug(target)}" for target in self._numbers),
            *(["classification"] if self._classes else []),
        )

    @property
    def metric_figures(self) -> tuple[str, ...]:
        """Predictions per target."""
        return (
            *("embedding", "distortion", "dendrogram"),
            *(f"predictions_{slug(target)}" for target in self._numbers),
            *(["covariates"] if self._covariates else []),
        )

    # What is known before anything runs.

    def check_settings(self) -> None:
        """Targets need distinct names."""
        super().check_settings()
        if len({slug(target) for target in self._numbers}) < len(self._numbers):
            raise ValueError(
                f"configuration key '{self.key}.{self.targets_key}': {', '.join(self._numbers)} "
                "have no distinct names of letters and digits"
            )


def slug(name: Any) -> str:
    """A name as file names and wildcards can have it."""
    return re.sub(r"[^A-Za-z0-9]+", "_", str(name)).strip("_")
