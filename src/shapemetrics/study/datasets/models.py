"""Models of the user's own: settings and checks of the layers that a study compares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from shapemetrics.datasets.loading import class_file
from shapemetrics.study.datasets.user import UserClass, UserSettings
from shapemetrics.study.section import EachOnce, Text

Function = Annotated[
    str, StringConstraints(pattern="^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$")
]


class ModelsSettings(UserSettings):
    """PyTorch models whose layers see the same stimuli."""

    kind: Literal["models"] = Field(description="Layers of PyTorch models of your own.")
    models: Annotated[dict[str, Function], Field(min_length=1)] = Field(
        description="By a name of your choice the function that makes the model, module:function; "
        "modules are looked for in the working directory first."
    )
    stimuli: Text = Field(
        description="Folder of images, in the order of their names, or an .npy file with stimuli "
        "on its first axis."
    )
    layers: Annotated[list[str], Field(min_length=1), EachOnce] = Field(  # type: ignore[assignment]
        description="Names or globs of layers, as `shapemetrics extract` lists them. With `layer: "
        "layer`, which compares each layer among the models, names only."
    )
    grid: Literal["keep", "sample", "mean", "first", "flatten"] = Field(
        "keep",
        description="What is stored of the positions of convolutional layers and tokens: all, "
        "n_positions of them, their mean, the first (a CLS token), or each as units of its own.",
    )
    n_positions: int | None = Field(None, ge=1, description="Positions kept, with grid sample.")
    position_seed: int = Field(0, ge=0, description="Draws these positions.")
    calls: Literal["once", "first", "last"] = Field(
        "once", description="What of a layer that is called several times in a forward pass."
    )
    batch_size: int = Field(64, ge=1, description="Stimuli in a forward pass.")
    device: str | None = Field(None, description="Where models are run, such as cuda.")
    inputs: list[str] = Field(
        [],
        description="Further files that the functions read, such as weights; where one changes, "
        "results are made anew.",
    )


class Models(UserClass):
    """Layers of models, whose covariates are model, layer, depth and units."""

    kind = "models"
    Settings = ModelsSettings
    settings: ModelsSettings  # type: ignore[assignment]

    @property
    def _layers(self) -> list[Any] | None:
        return None if self.settings.layer is None else list(self.settings.layers)

    @property
    def color(self) -> str:
        """As set, or a target, or what there are several of."""
        chosen = [*self.targets, *self.labels, *self.covariates]
        if self.settings.color is None and not chosen:
            return "model" if len(self.settings.models) > 1 else "layer"
        return super().color

    def check_settings(self) -> None:
        """There must be such modules and stimuli, and layers that are compared have names."""
        settings = self.settings
        for name, function in settings.models.items():
            try:
                class_file(function, Path.cwd())
            except ValueError as error:
                raise ValueError(f"{self.settings_key}.models.{name}': {error}") from error
        if not Path(settings.stimuli).exists():
            raise ValueError(
                f"{self.settings_key}.stimuli': found no {settings.stimuli}, expected a folder of "
                "images or an .npy file"
            )
        if settings.layer not in (None, "layer"):
            raise ValueError(
                f"{self.settings_key}.layer': found {settings.layer!r}, expected layer or null"
            )
        globs = [name for name in settings.layers if set("*?[:") & set(name)]
        if settings.layer is not None and globs:
            raise ValueError(
                f"{self.settings_key}.layers': found {globs[0]!r}, expected names without globs, "
                "as each layer is compared among the models"
            )
        if (settings.n_positions is not None) != (settings.grid == "sample"):
            raise ValueError(
                f"{self.settings_key}.n_positions': found {settings.n_positions} with grid "
                f"{settings.grid}, expected a number with grid sample, and none otherwise"
            )
        super(UserClass, self).check_settings()
