"""Files of strangers: no reader runs what a file holds, or writes where it says."""

from __future__ import annotations

import io
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from shapemetrics.pairwise import DistanceMatrix, Tile, load_block
from shapemetrics.store import RepresentationStore, StoreWriter

FORBIDDEN = {
    r"allow_pickle\s*=\s*True": "loads pickles",
    r"\bpickle\.loads?\(|\bimport pickle\b|\bcPickle\b|\bdill\b|joblib\.load\(": "loads pickles",
    r"weights_only\s*=\s*False": "loads pickles",
    r"torch\.load\((?![^)]*weights_only=True)": "may load pickles",
    r"read_pickle\(": "loads pickles",
    r"yaml\.(unsafe_)?load\(": "may run what a file says",
    r"(?<![\w.])(eval|exec)\(": "runs text",
    r"\.extractall\(": "writes where an archive says",
}


class Evil:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_the_program_never_asks_for_it(root: Path, pattern: str):
    files = [*(root / "src").rglob("*.py"), *(root / "scripts").glob("*.py")]
    assert len(files) > 100
    # What users run on metrics of their own reads back the pickles that it has just written.
    files.remove(root / "src" / "shapemetrics" / "testing.py")
    found = [
        f"{file.relative_to(root)}: {line.strip()}"
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(pattern, line)
    ]
    assert found == [], FORBIDDEN[pattern]


def evil_npy(target: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Evil(target)], dtype=object), allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("reader", [DistanceMatrix.load, Tile.load, load_block])
@pytest.mark.parametrize("form", ["npy", "npz", "pickle"])
def test_no_reader_runs_what_a_file_holds(tmp_path: Path, reader, form):
    ran, file = tmp_path / "ran", tmp_path / "file.npz"
    if form == "npy":
        file.write_bytes(evil_npy(ran))
    elif form == "pickle":
        file.write_bytes(pickle.dumps(Evil(ran)))
    else:
        evil = np.array([Evil(ran)], dtype=object)
        np.savez(file, distances=evil, ids=evil, rows=evil, columns=evil, provenance=evil)
    with pytest.raises(ValueError, match=r"file\.npz"):
        reader(file)
    assert not ran.exists()


def test_a_store_does_not_either(tmp_path: Path):
    with StoreWriter(tmp_path / "store", source="x", simulated=True, stimuli=[0, 1]) as store:
        store.add("a", np.ones((2, 2)))
    (tmp_path / "store" / "a.npy").write_bytes(evil_npy(tmp_path / "ran"))
    with pytest.raises(ValueError, match=r"a\.npy"):
        RepresentationStore(tmp_path / "store").load("a")
    assert not (tmp_path / "ran").exists()
