"""Networks of the NAS-Bench-101 space, trained by the study: their settings and analyses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, StringConstraints

from shapemetrics.datasets.nasbench.choice import ChoiceSettings
from shapemetrics.datasets.nasbench.probes import (
    STATES,
    ProbeSettings,
    recorded_states,
    representation_bytes,
    representation_shapes,
)
from shapemetrics.datasets.nasbench.settings import TrainingSettings
from shapemetrics.store.arrays import Positions
from shapemetrics.store.metadata import OWN_COLUMNS
from shapemetrics.study.datasets.base import COMPARED, StudyDataset, expect
from shapemetrics.study.datasets.settings import DatasetSettings
from shapemetrics.study.section import EachOnce, FromLibrary, Section, Text
from shapemetrics.study.selection import Selection

Layer = Literal["stem", "stack1", "stack2", "stack3", "pool"]
#: Layers of a network, shallow to deep; those with a grid of positions.
LAYERS = ("stem", "stack1", "stack2", "stack3", "pool")
CONVOLUTIONAL = LAYERS[:-1]
#: Height and width of the pictures that networks see, in pixels.
IMAGE_SIDES = {"digits": 8, "cifar10": 32}
#: Name of CIFAR-10's archive.
ARCHIVE = "cifar-10-binary.tar.gz"
#: Selections that are not one layer in one state.
MIXED = "mixed"

Positive = Annotated[int, Field(ge=1)]
Training = Annotated[
    TrainingSettings,
    FromLibrary(
        TrainingSettings,
        hidden=["stacks"],  # layers are named after three
        stem_channels=Positive,
        cells_per_stack=Positive,
        epochs=Annotated[float, Field(ge=0)],
        batch_size=Annotated[int, Field(ge=2)],
        shards=Positive,
        learning_rate=Annotated[float, Field(gt=0)],
        momentum=Annotated[float, Field(ge=0, lt=1)],
        decay=Annotated[float, Field(ge=0, lt=1)],
        epsilon=Annotated[float, Field(gt=0)],
        weight_decay=Annotated[float, Field(ge=0)],
        crop_padding=Annotated[int, Field(ge=0)],
        batch_norm=Literal["calibrated", "running"],
        calibration_images=Positive,
        eval_batch_size=Positive,
        train_evaluation_images=Positive,
        precision=Literal["float32", "tf32", "bfloat16"],
    ),
]
Probes = Annotated[
    ProbeSettings,
    FromLibrary(
        ProbeSettings,
        hidden=["layers"],  # every analysis names its own
        dtype=Literal["float32", "float16"],
        max_side=Positive | None,
        max_samples=Positive | None,
    ),
]


class Choice(Section):
    """How networks are chosen."""

    how: Literal["uniform", "stratified", "explicit"] = Field(
        "uniform",
        description="Every cell equally likely (uniform); equally many from each stratum of the "
        "published error (stratified); or those named (explicit).",
    )
    networks: list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]] = Field(
        [], description="Hashes of the networks, for explicit."
    )
    budget: Literal[4, 12, 36, 108] = Field(
        108, description="Epochs of the published runs that strata and comparisons come from."
    )
    n_strata: int = Field(ChoiceSettings.n_strata, ge=1, description="Number of strata.")
    lowest: float = Field(
        ChoiceSettings.lowest,
        ge=0,
        lt=1,
        description="Share of the worst networks, which strata leave out.",
    )


class Mirrors(Section):
    """Further addresses of downloads, tried in this order before the official ones."""

    cifar10: list[Text] = Field([], description="Addresses of CIFAR-10's archive.")
    published: list[Text] = Field([], description="Addresses of the file of published results.")


class NetworksSettings(DatasetSettings):
    """Networks of the NAS-Bench-101 space (Ying et al. 2019), trained by the study."""

    kind: Literal["networks"] = Field(
        description="Kind of the dataset; a dataset called nasbench need not say it."
    )
    images: Literal["digits", "cifar10"] = Field(
        "digits",
        description="Source of pictures: scikit-learn's digits, or CIFAR-10 (downloaded, about "
        "170 MB).",
    )
    folder: str | None = Field(
        None,
        description="Folder in which downloads (the CIFAR-10 archive, the published results) are "
        "looked for and stored; null is a folder of the results.",
    )
    published: Literal["only108", "full"] | None = Field(
        None,
        description="File of published results to compare with ours and to choose networks by: "
        "only108 (about 0.5 GB) or full (about 2 GB); null for none.",
    )
    published_file: str | None = Field(
        None, description="An existing file of results, instead of the download."
    )
    mirrors: Mirrors = Field(Mirrors())
    choice: Choice = Field(Choice())
    trained_folder: str | None = Field(
        None,
        description="Folder in which the results of trained networks are kept and looked for, by "
        "a digest of cell, settings, pictures, seed and code; studies that share it train no "
        "network twice. Null is a folder of the results.",
    )
    device: str = Field("cpu", description="Where PyTorch trains, cpu or cuda.")
    checkpoint_epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Epochs between checkpoints of a training under way; null for none."
    )
    probes: Probes = Field(ProbeSettings())
    n_networks: int = Field(240, ge=4, description="Number of distinct cells.")
    max_vertices: int = Field(
        7, ge=2, le=7, description="Most vertices of a cell, input and output among them."
    )
    n_train: Annotated[int, Field(ge=10)] | None = Field(
        800, description="Training pictures; null for all that CIFAR-10 has for it (40,000)."
    )
    n_test: Positive | None = Field(
        None, description="Pictures that the accuracy is measured on; null for all that are left."
    )
    n_probe: int = Field(
        100, ge=10, description="Pictures whose activations are compared; never trained on."
    )
    networks_per_job: int = Field(30, ge=1, description="Networks that one job trains.")
    positions: Positions = Field(
        "samples",
        description="How a convolutional layer becomes a matrix: every position is a sample, every "
        "position is a feature, or the mean over positions is taken.",
    )
    layers: Annotated[list[Layer], EachOnce] = Field(
        list(LAYERS),
        min_length=1,
        description="Layers that are embedded, clustered and regressed, before and after training.",
    )
    target: str = Field("log_error", description="Numeric covariate that regression predicts.")
    further_targets: Annotated[list[Text], EachOnce] = Field(
        [], description="Further numeric covariates that regression predicts, with own figures."
    )
    color: str = Field(
        "test_accuracy", description="Covariate that colours embeddings and dendrograms."
    )
    dendrogram: Annotated[
        str,
        StringConstraints(pattern="^(stem|stack1|stack2|stack3|pool)_(untrained|trained)$"),
    ] = Field("pool_trained", description="Layer and state whose dendrogram is drawn.")
    training: Training = Field(TrainingSettings())


class Networks(StudyDataset):
    """Networks that the study chooses and trains; one representation per layer and state."""

    kind = "networks"
    Settings = NetworksSettings
    settings: NetworksSettings

    panels = ("state", "layer")
    classified = (MIXED,)
    group = "network"
    texts = ("network", "layer", "state", "diverged")

    @property
    def states(self) -> tuple[str, ...]:
        """States in which networks are recorded: the untrained alone where nothing is trained."""
        return recorded_states(self.settings.training)

    @property
    def trains(self) -> bool:
        """Whether networks are trained."""
        return len(self.states) > 1

    @property
    def labels(self) -> tuple[str, ...]:
        """Layer, and state where there are several."""
        return ("layer", "state") if self.trains else ("layer",)

    @property
    def subsampled_selection(self) -> str:
        """The pool, after training if there is any."""
        return f"pool_{self.states[-1]}"

    @property
    def covariates(self) -> tuple[str, ...]:
        """Properties of the cell, and the accuracy where there is one."""
        return (
            *("n_conv3x3", "n_conv1x1", "n_maxpool", "depth", "width"),
            "trainable_parameters",
            *(["test_accuracy"] if self.trains else []),
        )

    @property
    def numbers(self) -> tuple[str, ...]:
        """Numeric covariates of the store."""
        accuracies = ("log_error", "error", "test_accuracy", "train_accuracy", "untrained_accuracy")
        return (
            *(accuracies if self.trains else ()),
            *("trainable_parameters", "n_vertices", "n_edges", "n_conv3x3", "n_conv1x1"),
            *("n_maxpool", "depth", "width"),
            *(["validation_accuracy"] if self.trains else []),
        )

    @property
    def selections(self) -> dict[str, Selection]:
        """One per state and layer of `layers`."""
        return {
            name: self.selection(name)
            for name, where in _SINGLE.items()
            if where["layer"] in self.settings.layers and where["state"] in self.states
        }

    def selection(self, name: str) -> Selection:
        """One selection.

        Besides a layer's and state's own there are ``mixed`` (few networks, all their layers and
        states, which classification tells apart) and ``compared`` (several layers of some
        networks, on which all measures are compared).
        """
        analyses = self.study.settings.analyses
        if name == MIXED:
            chosen = analyses.classification
            return Selection({}, chosen.positions, chosen.n_networks)
        if name == COMPARED:
            compared = analyses.compared
            where = {"layer": list(compared.layers)}
            return Selection(where, compared.positions, compared.n_networks)
        # `layers` limits what is embedded and regressed, not what other analyses may read.
        return Selection(dict(_SINGLE[name]), self.settings.positions)

    @property
    def targets(self) -> tuple[str, ...]:
        """Those that the settings name, the main one first."""
        return (self.settings.target, *self.settings.further_targets)

    def target_of(self, slug: str) -> str:
        """The further target that a figure's file name stands for: names are words already."""
        return next(target for target in self.settings.further_targets if target == slug)

    def suffix(self, target: str) -> str:
        """Further targets have figures of their own."""
        return "" if target == self.settings.target else f"_{target}"

    @property
    def baseline_numbers(self) -> dict[str, list[str]]:
        """Single numbers that each target could be predicted from, besides distances.

        The network's own error says nothing new about itself, only about published results.
        """
        seconds = ["published_training_seconds"] if self.has_published else []
        own = ["log_error"] if self.trains else []
        return {
            target: [
                "trainable_parameters",
                *(name for name in seconds if name != target),
                *(own if target.startswith("published_") else []),
            ]
            for target in self.targets
        }

    @property
    def has_published(self) -> bool:
        """Whether there are published results to compare with."""
        return bool(self.settings.published or self.settings.published_file)

    @property
    def figures(self) -> tuple[str, ...]:
        """Figures of the dataset; only published results can be compared with."""
        further = self.settings.further_targets
        return (
            *(["accuracies"] if self.trains else []),
            *("audit", "regression", *(f"regression_{target}" for target in further)),
            *("baselines", *(f"baselines_{target}" for target in further)),
            *("classification", "agreement", "samples", "shift_maps", "shift_gain"),
            *(["published"] if self.has_published and self.trains else []),
        )

    @property
    def metric_figures(self) -> tuple[str, ...]:
        """Predictions per target."""
        further = self.settings.further_targets
        return (
            *("embedding", "distortion", "dendrogram", "predictions"),
            *(f"predictions_{target}" for target in further),
            "covariates",
        )

    @property
    def color(self) -> str:
        """As set."""
        return self.settings.color

    @property
    def dendrogram(self) -> dict[str, Any]:
        """As set."""
        return {"selection": self.settings.dendrogram, "color": self.color, "legend": None}

    @property
    def cells(self) -> str | None:
        """The table of the networks that were chosen."""
        return self.study.layout["networks"].format(dataset=self.name)

    def check_settings(self) -> None:
        """Networks must be such that can be chosen; targets distinct."""
        super().check_settings()
        targets = self.targets
        if len(set(targets)) < len(targets):
            raise ValueError(
                f"configuration key '{self.key}.further_targets': found {targets[0]!r}, which is "
                "the target already, expected others"
            )
        _ = self.choice

    def check_names(self) -> None:
        """Layers must be the networks'; covariates those of the store."""
        analyses = self.study.settings.analyses
        expect("analyses.compared.layers", analyses.compared.layers, LAYERS)
        expect("analyses.shifts.layers", analyses.shifts.layers, CONVOLUTIONAL)
        # Strata are not of every choice.
        published = (*_PUBLISHED, "stratum") if self.has_published else ()
        numbers = (*self.numbers, *published)
        expect(f"{self.key}.target", [self.settings.target], numbers)
        expect(f"{self.key}.further_targets", self.settings.further_targets, numbers)
        expect(f"{self.key}.color", [self.color], [*numbers, *self.texts, *OWN_COLUMNS])

    def outline(self) -> pd.DataFrame:
        """Index of the store, without covariates: id, network, layer, state, shape."""
        return pd.DataFrame(
            [
                (f"{layer}_{state}_{network}", network, layer, state, "x".join(map(str, shape)))
                for network in range(self.settings.n_networks)
                for state in self.states
                for layer, shape in self.layer_shapes.items()
            ],
            columns=["id", "network", "layer", "state", "shape"],
        )

    def announcements(self) -> list[str]:
        """How many networks will be trained, and how large their responses are."""
        settings = self.settings
        n_bytes = representation_bytes(
            settings.n_networks,
            settings.n_probe,
            IMAGE_SIDES[settings.images],
            settings.training,
            settings.probes,
        )
        return [
            f"{settings.n_networks} networks on {settings.images}: responses of "
            f"{n_bytes / 1e9:.2f} GB, twice (each network's own file, and the store)"
        ]

    @property
    def layer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each layer's representations."""
        return representation_shapes(
            self.settings.n_probe,
            IMAGE_SIDES[self.settings.images],
            self.settings.training,
            self.settings.probes,
        )

    @property
    def training_work(self) -> float:
        """Multiplications of convolutions in training, up to a constant factor."""
        settings, training = self.settings, self.settings.training
        side = IMAGE_SIDES[settings.images]
        # Channels double where the grid halves, so every stack costs what the first one does.
        network = side**2 * training.stem_channels**2 * training.cells_per_stack
        n_train = settings.n_train or 40_000
        return settings.n_networks * network * training.epochs * n_train

    def compared_shapes(self, selection: str) -> tuple[int, list[tuple[int, ...]]]:
        """Number of representations of a selection, and the shapes of its layers."""
        chosen = self.selection(selection)
        layers = chosen.where.get("layer", self.settings.layers)
        layers = [layers] if isinstance(layers, str) else list(layers)
        n_states = 1 if "state" in chosen.where else len(self.states)
        n_networks = min(chosen.n_networks or self.settings.n_networks, self.settings.n_networks)
        shapes = [self.layer_shapes[layer] for layer in layers]
        return n_networks * len(layers) * n_states, shapes

    # What jobs are given.

    @property
    def n_blocks(self) -> int:
        """Jobs that train."""
        return -(-self.settings.n_networks // self.settings.networks_per_job)

    @property
    def downloads(self) -> str:
        """Folder of downloads."""
        return self.settings.folder or self.study.layout["downloads"].format(dataset=self.name)

    @property
    def archive(self) -> str | None:
        """Archive of pictures that is downloaded."""
        if self.settings.images == "digits":
            return None
        return os.path.join(self.downloads, ARCHIVE)

    @property
    def archives(self) -> list[str]:
        """The same as inputs of a rule."""
        return [] if self.archive is None else [self.archive]

    @property
    def trained_folder(self) -> str:
        """Folder of the networks' own results."""
        return self.settings.trained_folder or self.study.layout["network_folder"].format(
            dataset=self.name
        )

    @property
    def records(self) -> str | None:
        """File of published results: downloaded, or one that is there already."""
        if self.settings.published:
            name = f"nasbench_{self.settings.published}.tfrecord"
            return os.path.join(self.downloads, name)
        return self.settings.published_file

    @property
    def training_memory(self) -> int:
        """Megabytes of a job that trains."""
        return 1500 if self.settings.images == "digits" else 6000

    @property
    def training_minutes(self) -> int:
        """Minutes of a job that trains.

        A network of the published size took 17.8 s an epoch there (computed from the dataset's
        mean), which is doubled; a job that is cut off resumes, so that an estimate does no harm.
        """
        if self.settings.images == "digits":
            return 60
        epochs = self.settings.networks_per_job * self.settings.training.epochs
        return max(60, int(epochs * 2 * 17.8 / 60))

    @property
    def images(self) -> dict[str, Any]:
        """Settings of the images, as their loader takes them."""
        settings = self.settings
        return {
            "name": settings.images,
            "n_train": settings.n_train,
            "n_probe": settings.n_probe,
            "n_test": settings.n_test,
            "folder": None if settings.images == "digits" else self.downloads,
            "seed": self.study.seed("split_images", self.name),
        }

    @property
    def choice(self) -> dict[str, Any]:
        """How networks are chosen, as their chooser takes it."""
        settings = self.settings
        choice = {**self.plain["choice"], "max_vertices": settings.max_vertices}
        if settings.choice.how == "explicit":
            if len(settings.choice.networks) != settings.n_networks:
                raise ValueError(
                    f"configuration key '{self.key}.n_networks': found "
                    f"{settings.n_networks}, but {len(settings.choice.networks)} networks are named"
                )
        else:
            choice["n"] = settings.n_networks
        if settings.choice.how == "stratified" and not self.has_published:
            raise ValueError(
                f"configuration key '{self.key}.choice.how': 'stratified' needs published "
                "results, found none; set published to 'only108' or 'full', or published_file"
            )
        return choice


def mirrors_of(config: Mapping[str, Any], file: str) -> list[str]:
    """Mirrors of a download that any dataset of a configuration names, each once.

    Examples
    --------
    >>> mirrors_of({"datasets": {"a": {"mirrors": {"cifar10": ["x", "y"]}}, "b": {}}}, "cifar10")
    ['x', 'y']
    """
    parts = (part.get("mirrors", {}) for part in config["datasets"].values())
    return list(dict.fromkeys(mirror for part in parts for mirror in part.get(file, [])))


#: Covariates that published results bring.
_PUBLISHED = (
    *("published_log_error", "published_test_accuracy", "published_validation_accuracy"),
    *("published_spread", "published_training_seconds"),
)
#: Covariates of the selections of one layer in one state.
_SINGLE = {
    f"{layer}_{state}": {"layer": layer, "state": state} for state in STATES for layer in LAYERS
}
