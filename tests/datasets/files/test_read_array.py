"""Arrays from files of every format, and one clear line about every file that holds none."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from shapemetrics.datasets.files import read_array

X = np.random.default_rng(0).normal(size=(6, 4))


def matlab73(path: Path, **variables: np.ndarray) -> None:
    """What MATLAB writes with -v7.3: HDF5 with axes turned around behind a header."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            item = file.create_dataset(name, data=np.asarray(value).T)
            item.attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(512))


def written(folder: Path, form: str) -> Path:
    path = folder / f"réponse one{form}"
    if form == ".npy":
        np.save(path, X)
    elif form == ".npz":
        np.savez(path, hidden=X)
    elif form == ".csv":
        np.savetxt(path, X, delimiter=",", fmt="%.18g")
    elif form == ".tsv":
        np.savetxt(path, X, delimiter="\t", fmt="%.18g", header="a\tb\tc\td", comments="")
    elif form == ".mat":
        scipy.io.savemat(path, {"hidden": X})
    else:
        with h5py.File(path, "w") as file:
            file["run/hidden"] = X
    return path


@pytest.mark.parametrize("form", [".npy", ".npz", ".csv", ".tsv", ".mat", ".h5", ".hdf5"])
def test_every_format_gives_the_same_array(tmp_path: Path, form: str) -> None:
    np.testing.assert_array_equal(read_array(written(tmp_path, form)), X)


def test_matlab_7_3_has_the_axes_that_matlab_shows(tmp_path: Path) -> None:
    volume = np.arange(24.0).reshape(2, 3, 4)
    matlab73(tmp_path / "a.mat", volume=volume, other=X)
    np.testing.assert_array_equal(read_array(tmp_path / "a.mat", variable="volume"), volume)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 3), (5, 2, 4, 3)])
def test_stimuli_last_turns_all_axes_around(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=float).reshape(shape)
    np.save(tmp_path / "a.npy", array.T)
    found = read_array(tmp_path / "a.npy", orientation="stimuli_last")
    np.testing.assert_array_equal(found, array)


def test_bytes_are_in_native_order(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X.astype(">f8"))
    found = read_array(tmp_path / "a.npy")
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, X)


def test_rows_are_put_in_the_order_of_the_stimuli(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("picture,u1,u2\nb,3,4\na,1,2\n")
    found = read_array(tmp_path / "a.csv", stimulus_column="picture", stimuli=["a", "b"])
    assert found.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("picture,u\na,1\na,2\n", "found stimulus 'a' more than once"),
        ("picture,u\na,1\nc,2\n", "found stimuli without 'b'"),
        ("picture,u\na,1\nb,2\nc,2\n", "found stimuli with 'c'"),
        ("image,u\na,1\nb,2\n", "stimulus column 'picture'"),
    ],
)
def test_stimuli_of_a_table_are_checked(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=expected):
        read_array(tmp_path / "a.csv", stimulus_column="picture", stimuli=["a", "b"])


def cases(folder: Path) -> dict[str, tuple[Path, str]]:
    """Hostile and mistaken files with what has to be said about them."""
    found = {}

    def case(name: str, expected: str) -> Path:
        found[name] = (folder / name, expected)
        return folder / name

    np.save(case("object.npy", "pickles are never loaded"), np.array([{}], dtype=object))
    case("broken.npy", "broken.npy").write_bytes(b"\x93NUMPY nonsense")
    np.save(case("complex.npy", "found dtype complex128, expected real numbers"), X * 1j)
    np.save(case("text.npy", "expected real numbers"), np.array([["a", "b"]]))
    np.save(folder / "cut.npy", X)
    path = case("cut.npy", "damaged")
    path.write_bytes(path.read_bytes()[:-8])
    np.savez(case("two.npz", r"found 2 arrays \(a \(6, 4\), b \(6, 4\)\), expected one"), a=X, b=X)
    np.savez(case("objects.npz", "pickles are never loaded"), a=np.array([{}], dtype=object))
    np.savez(case("empty.npz", "found no array"))
    case("broken.npz", "damaged").write_bytes(b"PK\x03\x04 nonsense")
    with open(case("zipped.npy", "is an .npz archive under another name"), "wb") as stream:
        np.savez(stream, a=X)
    case("text.csv", "line 3, column 2 holds 'x', expected a number").write_text("a,b\n1,2\n3,x\n")
    case("hole.csv", "line 2, column 2 holds ''").write_text("1,2\n3,\n")
    case("ragged.csv", "no readable table").write_text("1,2\n3,4,5\n")
    case("empty.csv", "no readable table").write_text("")
    scipy.io.savemat(case("struct.mat", "is a MATLAB struct"), {"s": {"a": X}})
    cell = np.empty(2, dtype=object)
    cell[:] = [X, X]
    scipy.io.savemat(case("cell.mat", "is a MATLAB cell"), {"c": cell})
    scipy.io.savemat(case("char.mat", "is a MATLAB char"), {"c": "text"})
    scipy.io.savemat(case("sparse.mat", "is a MATLAB sparse"), {"s": scipy.sparse.eye(3)})
    case("broken.mat", "damaged, or no .mat file").write_bytes(b"nonsense")
    case("broken.h5", "damaged, or no .h5 file").write_bytes(b"nonsense")
    with h5py.File(case("text.h5", "found no array of numbers"), "w") as file:
        file["names"] = ["a", "b"]
    case("a.txt", "found suffix '.txt'").write_text("1")
    case("missing.npy", "there is no such file")
    return found


CASES = (
    *("object.npy", "broken.npy", "complex.npy", "text.npy", "cut.npy", "two.npz", "objects.npz"),
    *("empty.npz", "broken.npz", "zipped.npy", "text.csv", "hole.csv", "ragged.csv", "empty.csv"),
    *(
        "struct.mat",
        "cell.mat",
        "char.mat",
        "sparse.mat",
        "broken.mat",
    ),
    *("broken.h5", "text.h5", "a.txt", "missing.npy"),
)


@pytest.mark.parametrize("name", CASES)
def test_one_line_about_every_bad_file(tmp_path: Path, name: str) -> None:
    path, expected = cases(tmp_path)[name]
    with pytest.raises(ValueError, match=expected) as caught:
        read_array(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", [".npz", ".mat", ".h5"])
def test_variable_that_is_not_there_is_named(tmp_path: Path, form: str) -> None:
    with pytest.raises(ValueError, match=r"no array 'other', found .*hidden"):
        read_array(written(tmp_path, form), variable="other")


def test_links_of_hdf5_to_other_files_are_refused(tmp_path: Path) -> None:
    secret = written(tmp_path, ".h5")
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["own"] = X
        file["far"] = h5py.ExternalLink(secret.name, "run/hidden")
    assert read_array(tmp_path / "link.h5").shape == X.shape
    with pytest.raises(ValueError, match="a link to another file"):
        read_array(tmp_path / "link.h5", variable="far")


def test_pickle_is_not_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "exploded",))

    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickles are never loaded"):
        read_array(tmp_path / "a.npy")
    assert not (tmp_path / "exploded").exists()
