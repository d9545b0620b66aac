"""Recordings whose units are pooled into brain regions: settings, and what is asked of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from shapemetrics.datasets.allen.costs import reading_memory
from shapemetrics.datasets.allen.recording import UnitFilters
from shapemetrics.datasets.allen.region_table import read_region_table
from shapemetrics.datasets.allen.settings import Pooling, Simulation
from shapemetrics.datasets.recordings.choices import ColumnFilter, Intervals, UnitColumns
from shapemetrics.datasets.recordings.nwb_files import is_remote, nwb_sessions
from shapemetrics.datasets.recordings.trials import TrialRules
from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.study.datasets.base import COMPARED, GroupAsSet, expect
from shapemetrics.study.datasets.settings import DatasetSettings
from shapemetrics.study.needs import Note
from shapemetrics.study.section import EachOnce, FromLibrary, Section, Text
from shapemetrics.study.selection import Selection

#: The one selection that is analysed, and the one that the noise floor is measured on.
REGIONS, HALVES = "regions", "halves"

#: Sections of the settings that say what is done with single trials, each with its figure.
OF_TRIALS = ("signal", "windows")

AtLeastTwo = Annotated[int, Field(ge=2)]
Depth = Annotated[int, Field(ge=0)]


def _regions(**defaults: Any) -> FromLibrary:
    return FromLibrary(
        Pooling,
        hidden=["seed"],  # derived from the study's
        defaults=defaults,
        level=Literal["annotated", "structure", "division"] | Depth,
        min_units=AtLeastTwo,
        max_units=AtLeastTwo | None,
        n_components=Annotated[int, Field(ge=1)] | None,
        smoothing=Annotated[float, Field(ge=0)],
        hierarchy=Literal["harris2019", "siegle2021"],
        variant=Literal[
            "cc_initial", "cc", "cc_tc_initial", "cc_tc", "cc_tc_ct_initial", "cc_tc_ct"
        ],
    )


Regions = Annotated[Pooling, _regions()]
NamedRegions = Annotated[Pooling, _regions(atlas="none")]
Simulated = Annotated[
    Simulation,
    FromLibrary(
        Simulation,
        hidden=["stimulus", "seed"],  # the dataset's, and derived from the study's
        n_sessions=Annotated[int, Field(ge=1)],
        n_probes=Annotated[int, Field(ge=1, le=6)],
        n_frames=Annotated[int, Field(ge=10)],
        n_repeats=AtLeastTwo,
        unit_scale=Annotated[float, Field(gt=0)],
    ),
]
Filters = Annotated[UnitFilters, FromLibrary(UnitFilters)]
ColumnFilters = dict[str, Annotated[ColumnFilter, FromLibrary(ColumnFilter)]]
AnyIntervals = Annotated[
    Intervals,
    FromLibrary(
        Intervals,
        condition=Annotated[list[Text], Field(min_length=1), EachOnce],
        duration=Annotated[float, Field(gt=0)],
        bin_width=Annotated[float, Field(gt=0)] | None,
        filters=ColumnFilters,
    ),
]
AnyUnits = Annotated[
    UnitColumns, FromLibrary(UnitColumns, filters=ColumnFilters, rename=dict[str, str])
]
Trials = Annotated[
    TrialRules,
    FromLibrary(
        TrialRules,
        hidden=["seed"],  # derived from the study's
        min_trials=AtLeastTwo,
        conditions=Annotated[list[Text], EachOnce] | None,
    ),
]


class Sessions(Section):
    """Which sessions are read."""

    ids: list[int] | None = Field(
        None, description="Exactly these sessions; null takes all of the types below."
    )
    types: list[Literal["brain_observatory_1.1", "functional_connectivity"]] = Field(
        ["brain_observatory_1.1", "functional_connectivity"],
        description="Types of sessions; both show natural movie one.",
    )
    limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="No more than the first so many."
    )


class RecordingsSettings(DatasetSettings):
    """Recordings of several brain regions."""

    kind: Literal["recordings"] = Field(
        description="Kind of the dataset; datasets called allen or steinmetz need not say it."
    )
    target: str = Field(
        "hierarchy_score",
        description="Numeric covariate that regression predicts, one region left out at a time.",
    )
    color: str = Field(
        "hierarchy_score", description="Covariate that colours embeddings and dendrograms."
    )
    group: Literal["area"] | None = Field(
        None,
        description="area: layers and parts of an area are never on both sides of a split, which "
        "counts where `regions.level` keeps them apart; null leaves out single regions.",
    )
    regions: Regions = Field(Pooling())


class ObservatorySettings(RecordingsSettings):
    """Allen Brain Observatory, Visual Coding Neuropixels (Siegle et al. 2021)."""

    source: Literal["simulated", "stream", "download", "allensdk"] = Field(
        "simulated",
        description="Simulated sessions read by AllenSDK (simulated); parts of remote files "
        "(stream); whole files that are fetched first (download); or an existing cache of "
        "AllenSDK's (allensdk).",
    )
    folder: str | None = Field(
        None,
        description="The cache (allensdk), or the folder for fetched or simulated files; null is "
        "a folder of the results.",
    )
    url: str | None = Field(
        None, description="Address in the layout of the public bucket, which is the default."
    )
    python: str | None = Field(
        None, description="A Python 3.11 for AllenSDK's environment; null looks for one."
    )
    sessions: Sessions = Field(Sessions())
    stimulus: Literal[
        "natural_movie_one", "natural_movie_three", "natural_scenes", "drifting_gratings"
    ] = Field("natural_movie_one", description="Presentations whose spikes are counted.")
    region_by: Literal["structure", "ccf"] = Field(
        "structure",
        description="A unit's structure: what the session tables say of its channel (structure), "
        "or the voxel of the CCFv3 annotation volume (10 um) at its channel's coordinates (ccf), "
        "where layers of the cortex are apart.",
    )
    annotation: str | None = Field(
        None,
        description="Path or address of the annotation volume, for `region_by: ccf`; null is the "
        "Allen Institute's, which is fetched once.",
    )
    bin_width: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Seconds. null counts spikes per presentation (a movie frame); a smaller "
        "width divides presentations, a larger one joins frames.",
    )
    unit_filters: Filters = Field(UnitFilters())
    simulation: Simulated = Field(Simulation())


class Signals(Section):
    """Distances between the signals of regions, estimated from single trials."""

    enabled: bool = Field(
        False,
        description="Whether to estimate them: draws the figure `signal`, in which regions are "
        "identified from the other half of the trials by plug-in and by corrected distances.",
    )
    measures: list[Literal["cka", "procrustes", "rsa"]] = Field(
        ["cka", "rsa"], min_length=1, description="Measures that are corrected."
    )
    min_trials: int = Field(
        8, ge=4, description="Trials that a condition needs in every session; halved."
    )
    n_bins: int = Field(4, ge=1, description="Time bins of a trial, each a stimulus.")
    min_signal: float = Field(
        2.0,
        ge=0,
        description="Standard deviations of noise by which a region's signal must exceed zero.",
    )
    n_resamples: int = Field(20, ge=2, description="Resamples of noise for that.")
    n_pairs: int = Field(
        10, ge=1, description="Simulated pairs of regions for each reliability and distance."
    )


class Windows(Section):
    """Distances that run over the time of a trial."""

    enabled: bool = Field(False, description="Whether to measure them: draws the figure `windows`.")
    n_windows: int = Field(10, ge=2, description="Consecutive windows that a trial is cut into.")


class SteinmetzSettings(RecordingsSettings):
    """Multi-region recordings of Steinmetz et al. 2019."""

    source: Literal["steinmetz"] = Field(
        "steinmetz",
        description="Where recordings come from; a dataset called steinmetz need not say it.",
    )
    folder: str = Field(description="Folder of session_NN.npz.")
    min_repeats: int = Field(2, ge=2, description="Trials that a condition needs.")
    signal: Signals = Field(Signals())
    windows: Windows = Field(Windows())


class NwbSettings(RecordingsSettings):
    """Any NWB 2 files with a table of units: one file per session."""

    source: Literal["nwb"] = Field(description="Where recordings come from.")
    files: str | list[str] = Field(
        description="A folder of .nwb files (those in folders below it too), a file, an "
        "http(s) address read by byte ranges, an asset dandi:SET@VERSION/PATH, or a list of them."
    )
    simulated: bool = Field(
        False, description="Whether the files hold simulated data, which every figure then says."
    )
    intervals: AnyIntervals
    units: AnyUnits = Field(UnitColumns())
    trials: Trials = Field(TrialRules())
    regions: NamedRegions = Field(Pooling(atlas="none"))
    target: str = Field(
        "reliability",
        description="Numeric covariate that regression predicts, one region left out at a time. "
        "Split-half reliability asks whether distances say more of noise than of regions; with "
        "the Allen atlas hierarchy_score is there too.",
    )
    color: str = Field(
        "reliability", description="Covariate that colours embeddings and dendrograms."
    )


class Recordings(GroupAsSet):
    """Brain regions: all units of all sessions, pooled; whole and in halves of the repeats."""

    kind = "recordings"
    Settings = RecordingsSettings
    settings: ObservatorySettings | SteinmetzSettings | NwbSettings

    leave_one_out = True
    panels = ("state", "layer")
    label = "structure_acronym"
    further_selections = (HALVES,)
    #: Covariates of every store.
    own_numbers = ("hierarchy_score", "n_units", "n_sessions", "reliability", "variance_kept")
    own_texts = ("structure_acronym", "structure_name", "area", "division", "ccf_color", "half")

    @classmethod
    def section_of(cls, settings: Mapping[str, Any]) -> type[Section]:
        """Settings of the source that is named."""
        named = {"steinmetz": SteinmetzSettings, "nwb": NwbSettings}
        return named.get(str(settings.get("source")), ObservatorySettings)

    @property
    def metric_figures(self) -> tuple[str, ...]:
        """Those of the atlas where regions are in one."""
        atlas = ("atlas",) if self.has_atlas else ()
        return ("embedding", *atlas, "distortion", "dendrogram", "predictions")

    @property
    def selections(self) -> dict[str, Selection]:
        """All regions."""
        return {REGIONS: self.selection(REGIONS)}

    def selection(self, name: str) -> Selection:
        """All regions (also those ``compared``), or their ``halves``: odd and even repeats."""
        if name == HALVES:
            return Selection({"half": ["odd", "even"]}, None)
        if name not in (REGIONS, COMPARED):
            raise KeyError(name)
        return Selection({"half": "all"}, None)

    @property
    def figures(self) -> tuple[str, ...]:
        """Those of all recordings, and of single trials those that the settings ask for."""
        asked = [name for name in OF_TRIALS if self._asks_for(name)]
        return (
            *("audit", "regression", "classification", "agreement"),
            *("samples", "noise_floor", "growth"),
            *asked,
        )

    def _asks_for(self, name: str) -> bool:
        return self.is_steinmetz and getattr(self.settings, name).enabled

    @property
    def targets(self) -> tuple[str, ...]:
        """The one that the settings name."""
        return (self.settings.target,)

    @property
    def group(self) -> str | None:
        """As set."""
        return self.settings.group

    @property
    def color(self) -> str:
        """As set."""
        return self.settings.color

    @property
    def dendrogram(self) -> dict[str, Any]:
        """All regions in the atlas's colours, or in those of the embedding."""
        if not self.has_atlas:
            return {"selection": REGIONS, "color": self.color, "legend": None}
        return {"selection": REGIONS, "color": "ccf_color", "legend": "division"}

    @cached_property
    def table(self) -> pd.DataFrame | None:
        """What the user knows about regions, where the settings name a table; read once."""
        path = self.settings.regions.table
        try:
            return None if path is None else read_region_table(path)
        except ValueError as error:
            key = f"{self.key}.regions.table"
            raise ValueError(f"configuration key '{key}': {error}") from None

    @property
    def table_files(self) -> list[str]:
        """The file of that table."""
        path = self.settings.regions.table
        return [] if path is None else [path]

    def _of_table(self, *, numeric: bool) -> tuple[str, ...]:
        table = self.table
        names = () if table is None else tuple(map(str, table))
        return tuple(
            name for name in names if pd.api.types.is_numeric_dtype(table[name]) == numeric
        )

    @property
    def numbers(self) -> tuple[str, ...]:
        """Covariates that are numbers."""
        return tuple(dict.fromkeys([*self.own_numbers, *self._of_table(numeric=True)]))

    @property
    def texts(self) -> tuple[str, ...]:
        """Covariates that are text."""
        return tuple(dict.fromkeys([*self.own_texts, *self._of_table(numeric=False)]))

    @property
    def labels(self) -> tuple[str, ...]:
        """Divisions of the atlas, or the texts of the user's table."""
        return self._of_table(numeric=False) or ("division",)

    def check_names(self) -> None:
        """Covariates must be those of the store."""
        expect(f"{self.key}.target", self.targets, self.numbers)
        expect(f"{self.key}.color", [self.color], [*self.numbers, *self.texts, *OWN_COLUMNS])

    def check_settings(self) -> None:
        """Files must be there, and a comparison within a session has one."""
        super().check_settings()
        if not self.is_nwb:
            return
        number = len(self.nwb_files)
        if self.settings.trials.population == "within_session" and number != 1:
            raise Note(
                f"{self.key}.files", f"{number} sessions", "one, for a comparison within it", ""
            ).refusal()

    def announcements(self) -> list[str]:
        """Regions to expect, from the session tables where they are there."""
        if not self.is_observatory or self.is_simulated:
            return []
        from shapemetrics.datasets.allen.expected import announced

        url = self.settings.url if isinstance(self.settings, ObservatorySettings) else None
        lines = announced(self.folder, self.choice, **self.expectation, released=url is None)
        return [f"{self.name}: {line}" for line in lines]

    # What jobs are given.

    @property
    def has_atlas(self) -> bool:
        """Whether regions are structures of the Allen ontology."""
        return self.settings.regions.atlas == "allen"

    @property
    def is_nwb(self) -> bool:
        """Whether sessions are NWB files of any laboratory."""
        return isinstance(self.settings, NwbSettings)

    @property
    def is_steinmetz(self) -> bool:
        """Whether sessions are those of Steinmetz et al. 2019, as a folder of arrays."""
        return isinstance(self.settings, SteinmetzSettings)

    @cached_property
    def nwb_files(self) -> dict[str, str]:
        """Place of each NWB file, by the name of the session; looked for once."""
        assert isinstance(self.settings, NwbSettings)
        files = self.settings.files
        given = [files] if isinstance(files, str) else files
        sets = [f for f in given if f.startswith("dandi:") and (f.endswith("/") or "/" not in f)]
        key = f"{self.key}.files"
        if sets:
            expected = "assets, as shapemetrics.datasets.recordings.dandi_assets lists them"
            raise Note(key, f"the whole set {sets[0]!r}", expected, "").refusal()
        try:
            return nwb_sessions(given)
        except ValueError as error:
            text = str(error).removeprefix("files: ")
            raise ValueError(f"configuration key '{key}': {text}") from None

    @property
    def local_files(self) -> dict[str, str]:
        """Those of the files that lie on a disk."""
        return {name: place for name, place in self.nwb_files.items() if not is_remote(place)}

    @property
    def nwb_choice(self) -> dict[str, Any]:
        """What of NWB files is read, and by which rules."""
        return {
            "intervals": self.plain["intervals"],
            "units": self.plain["units"],
            "rules": {**self.plain["trials"], "seed": self.study.seed("choose_trials", self.name)},
            "atlas": self.settings.regions.atlas,
            "simulated": self.settings.simulated,
        }

    @property
    def is_observatory(self) -> bool:
        """Whether sessions are those of the Allen Brain Observatory, or simulated ones."""
        return isinstance(self.settings, ObservatorySettings)

    @property
    def is_simulated(self) -> bool:
        """Whether sessions are simulated by the study itself."""
        return self.settings.source == "simulated"

    @property
    def uses_allensdk(self) -> bool:
        """Whether AllenSDK, which needs an environment of its own, reads the sessions."""
        return self.settings.source in ("simulated", "allensdk")

    @property
    def needs_network(self) -> bool:
        """Whether sessions are fetched."""
        if self.is_nwb:
            return len(self.local_files) < len(self.nwb_files)
        return self.settings.source in ("stream", "download")

    @property
    def folder(self) -> str:
        """Folder of the sessions."""
        return self.settings.folder or self.study.layout["session_folder"].format(dataset=self.name)

    @property
    def simulated_files(self) -> list[str]:
        """Manifest, sessions and ground truth of simulated sessions; none of others."""
        if not self.is_simulated:
            return []
        files = ("manifest.json", "sessions.csv", os.path.join("truth", "structures.csv"))
        return [os.path.join(self.folder, file) for file in files]

    @property
    def written_folder(self) -> str | None:
        """Where simulated sessions go, if the settings say so."""
        return self.settings.folder if self.is_simulated else None

    @property
    def simulation(self) -> dict[str, Any]:
        """What is simulated."""
        return {"stimulus": self.plain["stimulus"], **self.plain["simulation"]}

    @property
    def choice(self) -> dict[str, Any]:
        """Which sessions are read, as their chooser takes it."""
        sessions = self.plain["sessions"]
        return {
            "ids": sessions["ids"],
            "session_types": sessions["types"],
            "stimulus": self.plain["stimulus"],
            "limit": sessions["limit"],
        }

    @property
    def expectation(self) -> dict[str, Any]:
        """What decides, beside the sessions, how many regions there will be."""
        return {
            "pooling": self.plain["regions"],
            "filters": self.plain["unit_filters"],
            "region_by": self.plain["region_by"],
        }

    @property
    def is_located(self) -> bool:
        """Whether units are placed by coordinates."""
        return self.is_observatory and self.plain["region_by"] == "ccf"

    def session_memory(self, session: str) -> int:
        """Megabytes of a job that reads a session, by the size of its file where that is known."""
        name = f"session_{session}"
        path = os.path.join(self.folder, name, f"{name}.nwb")
        size = os.path.getsize(path) if os.path.isfile(path) else None
        if size is None and self.is_simulated:
            size = 300_000_000  # not written yet, and far smaller than a real one
        return reading_memory(self.settings.source, size)

    @property
    def pooling(self) -> dict[str, Any]:
        """How units become regions."""
        return {**self.plain["regions"], "seed": self.study.seed("pool_regions", self.name)}

    @property
    def described_source(self) -> str:
        """Where the data come from, human-readable."""
        if isinstance(self.settings, SteinmetzSettings):
            return self.name
        if isinstance(self.settings, NwbSettings):
            return f"{self.name}/nwb/{self.settings.intervals.table}"
        return f"{self.name}/{self.settings.source}/{self.settings.stimulus}"

    @property
    def stored_settings(self) -> dict[str, Any]:
        """Settings that the store keeps."""
        implied = {"kind", "source", *OF_TRIALS} if self.is_steinmetz else {"kind"}
        return {name: value for name, value in self.plain.items() if name not in implied}
