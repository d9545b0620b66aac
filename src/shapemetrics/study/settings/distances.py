"""Settings of how distances are computed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shapemetrics.study.section import Section


class Distances(Section):
    """How distances are computed, whatever the metric."""

    threads: int = Field(1, ge=1, description="Threads of one distance job.")
    dtype: Literal["float64", "float32"] = Field(
        "float64", description="Precision of matrix products and singular values."
    )
    backend: Literal["numpy", "torch"] = Field(
        "numpy",
        description="Array library; torch for GPUs (linear, kernel and convolutional metrics).",
    )
    device: str | None = Field(
        None,
        description="Device of the torch backend, such as cuda; null takes a GPU where there is "
        "one.",
    )
    tolerance: float | None = Field(
        None,
        gt=0,
        description="Certified error, in radians, that a faster route to nuclear norms may make; "
        "null uses singular values only.",
    )
    block_size: Literal["auto"] | Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Representations per block file where all pairs are computed in tiles (pairs "
        "of block files), each tile a job of its own; auto chooses tiles of about tile_minutes; "
        "null computes each matrix in one job.",
    )
    tile_minutes: float = Field(
        5,
        gt=0,
        description="Desired minutes per tile on one core (an estimate), with block_size auto.",
    )
    block_gigabytes: float = Field(
        2,
        gt=0,
        description="Largest size of a prepared block file, in gigabytes; a tile's job holds two.",
    )
