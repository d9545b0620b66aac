"""What a study asks of a dataset, whatever it holds: the base class of all kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from shapemetrics.study.datasets.settings import DatasetSettings
from shapemetrics.study.needs import Note
from shapemetrics.study.section import Section
from shapemetrics.study.selection import Selection

if TYPE_CHECKING:
    from shapemetrics.study.study import Study

#: Selection on which all measures are compared with one another.
COMPARED = "compared"


class StudyDataset(ABC):
    """Analyses, labels and figures of one dataset of a study.

    Parameters
    ----------
    name : str
        The dataset's, in the configuration.
    settings : DatasetSettings
    study : Study

    Attributes
    ----------
    kind : str
        Kind of the class, as `kind` in the configuration.
    Settings : type
        Its section of the configuration.
    has_responses : bool
        Whether there is a store of responses, from which the study computes distances.
    leave_one_out : bool
        Whether regression leaves out one item at a time: for few items.
    chooses_layers : bool
        Whether selections are layers that the settings name or the table has.
    panels : tuple of (str or None, str or None)
        Covariates whose values make the rows and columns of an embedding's panels.
    """

    kind: ClassVar[str]
    Settings: ClassVar[type[DatasetSettings]]

    has_responses: bool = True
    leave_one_out: bool = False
    chooses_layers: bool = False
    panels: tuple[str | None, str | None] = (None, None)

    def __init__(self, name: str, settings: Any, study: Study) -> None:
        self.name, self.settings, self.study = name, settings, study

    def of(self, study: Study) -> StudyDataset:
        """The same dataset of a study that knows more; what was read stays read."""
        dataset = copy(self)
        dataset.study = study
        return dataset

    @classmethod
    def section_of(cls, settings: Mapping[str, Any]) -> type[Section]:
        """Section of the configuration that these settings are read by."""
        return cls.Settings

    @property
    def key(self) -> str:
        """Configuration key, for messages."""
        return f"datasets.{self.name}"

    @property
    def plain(self) -> dict[str, Any]:
        """Settings as YAML holds them, as jobs are given them."""
        return self.study.config["datasets"][self.name]

    # What is compared.

    @property
    @abstractmethod
    def selections(self) -> dict[str, Selection]:
        """Selections that are embedded, clustered and regressed, by name."""

    def selection(self, name: str) -> Selection:
        """One selection, of those or of the further ones that some analysis compares."""
        return self.selections[name]

    @property
    def further_selections(self) -> tuple[str, ...]:
        """Selections that some analysis compares by every metric, besides `selections`."""
        return ()

    @property
    def classified(self) -> tuple[str, ...]:
        """Selections in which classification tells `labels` apart."""
        return tuple(self.selections)

    @property
    def subsampled_selection(self) -> str:
        """Selection whose distances are measured on fewer stimuli."""
        return list(self.selections)[-1]

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics whose distances are embedded, clustered and learned from."""
        return self.study.metrics

    def unit(self, metric: str) -> str:
        """Unit of a metric's distances, for axis labels."""
        return self.study.unit(metric)

    @property
    def matrices(self) -> list[tuple[str, str]]:
        """Selections and measures whose distances the study asks for."""
        selections = dict.fromkeys([*self.selections, *self.classified, *self.further_selections])
        of_metrics = [(selection, metric) for selection in selections for metric in self.metrics]
        compared = [(COMPARED, measure) for measure in self.study.measures_of(self.name)]
        return list(dict.fromkeys([*of_metrics, *compared]))

    # What is learned.

    @property
    def labels(self) -> tuple[str, ...]:
        """Covariates that classification tells apart."""
        return ()

    @property
    def group(self) -> str | None:
        """Covariate whose equal values are never on both sides of a split."""
        return None

    @property
    def regression_group(self) -> str | None:
        """Covariate whose equal values regression keeps together."""
        return None

    @property
    def group_key(self) -> str | None:
        """Configuration key of the covariate that is never split, where the user chose it."""
        return None

    @property
    def targets(self) -> tuple[str, ...]:
        """Covariates that regression predicts."""
        return ()

    def target_of(self, slug: str) -> str:
        """The target that a figure's file name stands for."""
        raise KeyError(slug)

    def suffix(self, target: str) -> str:
        """What figures of a target have after their name."""
        return ""

    @property
    def covariates(self) -> tuple[str, ...]:
        """What distances may be organised by."""
        return ()

    @property
    def required_covariates(self) -> tuple[str, ...]:
        """Those of them that the user asked for."""
        return ()

    # What is drawn.

    @property
    @abstractmethod
    def figures(self) -> tuple[str, ...]:
        """Figures of the dataset, by name."""

    @property
    @abstractmethod
    def metric_figures(self) -> tuple[str, ...]:
        """Figures of the dataset and a metric, by name."""

    @property
    @abstractmethod
    def color(self) -> str:
        """Covariate that colours figures."""

    @property
    def label(self) -> str | None:
        """Covariate that names single points in figures."""
        return None

    @property
    def dendrogram(self) -> dict[str, Any]:
        """Which selection's dendrogram is drawn, in which colours, and what the legend names."""
        return {"selection": self.subsampled_selection, "color": self.color, "legend": None}

    @property
    def cells(self) -> str | None:
        """Table of the networks' cells, which the explorer draws."""
        return None

    @property
    def written_folder(self) -> str | None:
        """Folder outside of the results that the study fills for this dataset alone."""
        return None

    # What is known before anything runs, and what is said of it.

    def check_settings(self) -> None:
        """ValueError, in one line, unless the settings agree with one another."""
        selection = self.dendrogram["selection"]
        if selection not in self.selections:
            raise ValueError(
                f"configuration key '{self.key}.dendrogram': found {selection!r}, "
                f"expected one of {', '.join(self.selections)}"
            )

    def check_names(self) -> None:
        """ValueError, in one line, unless layers and covariates are those that there are."""
        return

    def check_store(self, index: pd.DataFrame) -> None:
        """ValueError, in one line, unless a store that has just been made serves the study."""
        return

    def outline(self) -> pd.DataFrame | None:
        """The index that the store will have, as far as it is known; None where it is not."""
        return None

    def announcements(self) -> list[str]:
        """What is about to be made or left out, in lines."""
        return []

    # What the work costs.

    @property
    def training_work(self) -> float:
        """Multiplications of convolutions in training, up to a constant factor."""
        return 0.0

    def compared_shapes(self, selection: str) -> tuple[int, list[tuple[int, ...]]]:
        """Number of representations of a selection, and the shapes that occur, as far as known."""
        return 0, []


def expect(key: str, found: Iterable[str], known: Iterable[str]) -> None:
    """One line unless every name is known."""
    for name in found:
        if name not in known:
            raise Note(key, repr(name), f"one of {', '.join(known)}", "").refusal()


class GroupAsSet(StudyDataset):
    """A dataset whose settings name the covariate that no split divides, in regression too."""

    @property
    def regression_group(self) -> str | None:
        """As for classification."""
        return self.group

    @property
    def group_key(self) -> str | None:
        """The user's choice."""
        return None if self.group is None else f"{self.key}.group"
