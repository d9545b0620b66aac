"""Damaged, hostile and odd files: a result or one clear line, within time and memory.

A few inputs of each format on every run, hundreds in the long tests. `python
tests/support/mutations.py FORMAT FIRST COUNT` tries others by hand.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import mutations
import numpy as np
import pytest

from shapemetrics.datasets.files import read_array, text

LONG = "SHAPEMETRICS_LONG" in os.environ
#: Address space of a command that reads a bomb.
LIMITED = "ulimit -v 4000000; exec "


def findings(name: str, first: int, count: int) -> dict[str, str]:
    script = Path(mutations.__file__)
    done = subprocess.run(
        [sys.executable, str(script), name, str(first), str(count)],
        capture_output=True,
        text=True,
        timeout=60 + 2 * count,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", mutations.FORMATS)
def test_damaged_files_give_a_result_or_one_line(name):
    assert findings(name, 0, 20) == {}


@pytest.mark.skipif(not LONG, reason="takes minutes: set SHAPEMETRICS_LONG=1 to run it")
@pytest.mark.parametrize("name", mutations.FORMATS)
def test_hundreds_of_damaged_files_of_each_format(name):
    assert findings(name, 20261127, 400) == {}


def test_inputs_are_damaged_and_the_same_every_time(tmp_path):
    content = mutations.valid("csv", tmp_path).read_bytes()
    drawn = [mutations.mutated(content, np.random.default_rng(k)) for k in range(50)]
    again = [mutations.mutated(content, np.random.default_rng(k)) for k in range(50)]
    assert drawn == again
    assert sum(each != content for each in drawn) > 40


def test_what_is_no_line_is_found(tmp_path):
    def breaks(path: Path) -> None:
        raise KeyError("x")

    def talks(path: Path) -> None:
        raise ValueError("one\ntwo")

    assert "KeyError" in (mutations.wrong(breaks, tmp_path) or "")
    assert "no one line" in (mutations.wrong(talks, tmp_path) or "")


# ---------------------------------------------------------------- bombs


def command(*arguments: str, cwd: Path, feed: bytes | None = None) -> subprocess.CompletedProcess:
    """Run the command line with limited memory, and give up on it after a minute."""
    words = [sys.executable, "-m", "shapemetrics.cli", *arguments]
    return subprocess.run(
        ["bash", "-c", LIMITED + '"$0" "$@"', *words],
        cwd=cwd,
        input=feed,
        capture_output=True,
        timeout=60,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def refused(done: subprocess.CompletedProcess) -> str:
    """The one line of a command that refused its input."""
    lines = done.stderr.decode().strip().splitlines()
    lines = [line for line in lines if not line.startswith("distances:")]
    assert done.returncode == 2, lines
    assert len(lines) == 1, lines
    assert lines[0].startswith("shapemetrics: error: ")
    return lines[0]


def npz_bomb(path: Path, shape: tuple[int, ...], size: int) -> None:
    """An archive whose header promises an array of this shape, and has `size` zeros for it."""
    content = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(content, header)
    content.write(bytes(size))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("responses.npy", content.getvalue())


def test_an_archive_that_promises_more_than_memory_is_refused_in_one_line(tmp_path):
    npz_bomb(tmp_path / "bomb.npz", (1 << 20, 1 << 20), 1 << 20)
    with pytest.raises(ValueError, match=r"bomb\.npz: 'responses' takes 8796\.1 GB"):
        read_array(tmp_path / "bomb.npz")
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    assert "takes 8796.1 GB" in refused(command("distances", "bomb.npz", "a.npy", cwd=tmp_path))


def test_an_hdf5_file_of_nothing_but_a_shape_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("responses", (1 << 20, 1 << 20), "<f8", chunks=(64, 64))
    with pytest.raises(ValueError, match=r"bomb\.h5: 'responses' takes 8796\.1 GB"):
        read_array(tmp_path / "bomb.h5")


def test_a_table_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    # A small limit, so that the test takes no minute: what is compared is the same.
    monkeypatch.setattr(text, "UNCHECKED", 1 << 20)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress((b"0" * 1023 + b"\n") * 8192, mtime=0))
    with pytest.raises(ValueError, match=r"bomb\.csv\.gz") as caught:
        read_array(tmp_path / "bomb.csv.gz")
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- what is no plain file


@pytest.fixture
def networks(tmp_path: Path) -> Path:
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(ord(name)).normal(size=(8, 3)))
    return tmp_path


@pytest.mark.parametrize("name", ["net.npy", "net.csv", "net.npz", "net.mat", "net.h5"])
def test_links_to_devices_and_pipes_are_refused(networks, name):
    (networks / name).symlink_to("/dev/zero")
    assert name in refused(command("distances", name, "a.npy", cwd=networks))
    assert name in refused(command("info", name, cwd=networks))
    (networks / name).unlink()
    os.mkfifo(networks / name)
    assert name in refused(command("distances", name, "a.npy", cwd=networks))


@pytest.mark.parametrize("name", ["d.npz", "d.csv", "d.json", "d.npy"])
@pytest.mark.parametrize("verb", ["embed", "audit"])
def test_distances_from_devices_and_pipes_are_refused(networks, name, verb):
    (networks / name).symlink_to("/dev/zero")
    assert name in refused(command(verb, name, cwd=networks))
    (networks / name).unlink()
    os.mkfifo(networks / name)
    assert name in refused(command(verb, name, cwd=networks))


def test_links_to_files_are_followed_and_rings_are_refused(networks):
    (networks / "c.npy").symlink_to("b.npy")
    assert command("distances", "a.npy", "c.npy", "-q", cwd=networks).returncode == 0
    (networks / "ring.npy").symlink_to("ring.npy")
    assert "ring.npy" in refused(command("distances", "a.npy", "ring.npy", cwd=networks))


@pytest.mark.parametrize("name", ["x" * 4000 + ".npy", "x/" * 2000 + "a.npy"])
def test_names_of_four_thousand_characters_are_one_line(networks, name):
    refused(command("distances", "a.npy", name, cwd=networks))
    refused(command("info", name, cwd=networks))
    refused(command("embed", name, cwd=networks))
    refused(command("distances", "a.npy", "b.npy", "-q", "-o", name, cwd=networks))
