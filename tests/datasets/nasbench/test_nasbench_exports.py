"""What the subpackage imports, and what it says when an extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shapemetrics.datasets import nasbench


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nothing_heavy_is_imported_before_it_is_used():
    code = (
        "import sys; from shapemetrics.datasets.nasbench import Cell, sample_networks, "
        "TrainingSettings, assemble_store, load_images, choose_networks; sample_networks(2, 0); "
        "print([n for n in ('torch', 'crc32c', 'google.protobuf', 'matplotlib', 'requests') "
        "if n in sys.modules])"
    )
    assert python(code) == "[]"


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("build_network", "torch"),
        ("train_block", "torch"),
        ("read_tfrecord", "crc32c"),
        ("read_published", "pyarrow"),
    ],
)
def test_a_missing_extra_is_named(name, module):
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "try:\n"
        f"    from shapemetrics.datasets.nasbench import {name}\n"
        "except ImportError as error: print(error)"
    )
    assert python(code) == (
        f"shapemetrics.datasets.nasbench.{name} needs the package {module}, which is not "
        "installed: pip install 'shapemetrics[nasbench]' (in a checkout: pip install "
        "'.[nasbench]')"
    )


def test_every_public_name_is_there():
    for name in nasbench.__all__:
        assert callable(getattr(nasbench, name))
    assert set(nasbench.__all__) <= set(dir(nasbench))


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'train_everything'"):
        _ = nasbench.train_everything
