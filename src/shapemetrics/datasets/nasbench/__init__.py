"""NAS-Bench-101: its cells, its published records, and its networks, trained here.

Cells and tables need the package's own requirements alone. What needs PyTorch, pyarrow, crc32c or
protobuf is imported at its first use, and asks for ``pip install shapemetrics[nasbench]`` where one
is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from shapemetrics.extras import needed_by

from .assembly import assemble_store
from .cells import Cell
from .choice import ChoiceSettings, choose_networks
from .cifar10 import fetch_cifar10
from .image_set import ImageSet, ImageSettings
from .images import load_images
from .probes import ProbeSettings, representation_bytes
from .settings import TrainingSettings
from .space import count_cells, enumerate_cells, sample_cells
from .tables import cell_paths, networks_table, parse_networks, read_networks, sample_networks

_LAZY = {
    "BlockReport": "blocks",
    "Checkpoint": "checkpoints",
    "Conversion": "conversion",
    "Evaluation": "records",
    "Network": "networks",
    "Record": "records",
    "TrainedNetwork": "training",
    "build_network": "networks",
    "convert_records": "conversion",
    "fetch_published": "published",
    "initial_network": "training",
    "layer_activations": "activations",
    "published_summary": "published",
    "read_published": "published",
    "read_tfrecord": "records",
    "train_block": "blocks",
    "train_network": "training",
}

__all__ = [
    "BlockReport",
    "Cell",
    "Checkpoint",
    "ChoiceSettings",
    "Conversion",
    "Evaluation",
    "ImageSet",
    "ImageSettings",
    "Network",
    "ProbeSettings",
    "Record",
    "TrainedNetwork",
    "TrainingSettings",
    "assemble_store",
    "build_network",
    "cell_paths",
    "choose_networks",
    "convert_records",
    "count_cells",
    "enumerate_cells",
    "fetch_cifar10",
    "fetch_published",
    "initial_network",
    "layer_activations",
    "load_images",
    "networks_table",
    "parse_networks",
    "published_summary",
    "read_networks",
    "read_published",
    "read_tfrecord",
    "representation_bytes",
    "sample_cells",
    "sample_networks",
    "train_block",
    "train_network",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needed_by(f"{__name__}.{name}", "nasbench"):
        module = import_module(f".{_LAZY[name]}", __name__)
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
