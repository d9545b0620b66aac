"""Blocks on disk: read back as they were, damage named."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from shapemetrics.files import DamagedFile
from shapemetrics.metrics import LinearMetric
from shapemetrics.pairwise.blocks import MAGIC, load_block, save_block


@pytest.fixture
def prepared(rng):
    metric = LinearMetric(alpha=0.5)
    return [metric.prepare(rng.normal(size=(20, n)), name=f"n{n}") for n in (3, 7, 4)]


def test_round_trip_is_exact_and_memory_mapped(tmp_path, prepared):
    save_block(prepared, tmp_path / "b.block", {"metric": "m"})
    found, provenance = load_block(tmp_path / "b.block")
    assert provenance == {"metric": "m"}
    for a, b in zip(prepared, found, strict=True):
        assert (a.name, a.norm) == (b.name, b.norm)
        np.testing.assert_array_equal(a.features, b.features)
        np.testing.assert_array_equal(a.transform, b.transform)
        assert not b.features.flags.owndata
    metric = LinearMetric(alpha=0.5)
    fresh = metric.pairwise(metric.stack(prepared), metric.stack(prepared))
    mapped = metric.pairwise(metric.stack(found), metric.stack(found))
    np.testing.assert_array_equal(fresh, mapped)


@pytest.mark.parametrize("keep", [5, 40, -8])
def test_truncated_files_are_named(tmp_path, prepared, keep):
    path = tmp_path / "b.block"
    save_block(prepared, path, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"b\.block: (not a block|truncated|found \d+ bytes)"):
        load_block(path)


def test_foreign_and_missing_files(tmp_path):
    (tmp_path / "x.block").write_bytes(b"something else entirely")
    with pytest.raises(ValueError, match=r"x\.block: not a block"):
        load_block(tmp_path / "x.block")
    with pytest.raises(ValueError, match="no such file"):
        load_block(tmp_path / "y.block")


def test_a_file_cannot_name_other_code(tmp_path, prepared):
    path = tmp_path / "b.block"
    save_block(prepared, path, {})
    whole = path.read_bytes()
    forged = whole.replace(b"shapemetrics.metrics.linear", b"shapemetricx.metrics.linear")
    start = len(MAGIC) + 8
    length = int.from_bytes(whole[start - 8 : start], "little")
    header = forged[start + 32 : start + 32 + length]
    path.write_bytes(forged[:start] + hashlib.sha256(header).digest() + forged[start + 32 :])
    with pytest.raises(ValueError, match="which is no prepared network"):
        load_block(path)


def test_what_cannot_be_stored(tmp_path):
    with pytest.raises(TypeError, match="type dict cannot be stored"):
        save_block([{}], tmp_path / "b.block", {})


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_byte_is_always_found(tmp_path, prepared, seed):
    path = tmp_path / "b.block"
    save_block(prepared, path, {"metric": "procrustes"})
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    # Bytes that only fill up to the alignment hold nothing.
    filled = np.flatnonzero(np.frombuffer(bytes(content), dtype=np.uint8))
    at = rng.choice(filled)
    content[at] ^= 1 << rng.integers(8)
    path.write_bytes(content)
    with pytest.raises(DamagedFile):
        load_block(path)
