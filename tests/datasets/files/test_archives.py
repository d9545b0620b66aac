"""Files of several arrays: the one that is meant is clear, or all are listed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from shapemetrics.datasets.files import read_array

X = np.random.default_rng(0).normal(size=(6, 4))


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    np.savez(path, **arrays)


def write_h5(path: Path, **arrays: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def write_mat(path: Path, **arrays: np.ndarray) -> None:
    scipy.io.savemat(path, arrays)


def write_mat73(path: Path, **arrays: np.ndarray) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            item = file.create_dataset(name, data=np.atleast_2d(array).T)
            item.attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(512))


WRITERS = {"a.npz": write_npz, "a.h5": write_h5, "a.mat": write_mat, "b.mat": write_mat73}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    def call(**arrays: np.ndarray) -> Path:
        path = tmp_path / request.param
        WRITERS[request.param](path, **arrays)
        return path

    return call


def test_numbers_and_lists_beside_one_matrix_are_passed_over(write):
    path = write(labels=np.arange(6.0), X=X, rate=np.array(30.0))
    np.testing.assert_array_equal(read_array(path), X)
    assert read_array(path, variable="labels").size == 6


def test_several_matrices_are_listed_with_their_shapes(write):
    path = write(V1=X, LM=X[:, :3], labels=np.arange(6.0))
    expected = (
        r"found 2 arrays \((V1 \(6, 4\), LM \(6, 3\)|LM \(6, 3\), V1 \(6, 4\))\), expected one"
    )
    with pytest.raises(ValueError, match=expected):
        read_array(path)
    np.testing.assert_array_equal(read_array(path, variable="LM"), X[:, :3])


def test_without_a_matrix_all_are_listed(write):
    path = write(labels=np.arange(6.0), rates=np.arange(5.0))
    with pytest.raises(ValueError, match=r"found 2 arrays, none of two axes or more \(.*labels"):
        read_array(path)


def test_the_only_array_is_taken_whatever_its_axes(write):
    assert read_array(write(unit=np.arange(6.0))).size == 6


def test_a_matrix_that_cannot_be_read_makes_it_unclear(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"X": X, "S": scipy.sparse.eye(5).tocsc()})
    with pytest.raises(ValueError, match=r"found 2 arrays .*S \(5, 5\) is a MATLAB sparse"):
        read_array(tmp_path / "a.mat")
    np.savez(tmp_path / "a.npz", X=X, mask=X > 0)
    with pytest.raises(
        ValueError, match=r"found 2 arrays \(X \(6, 4\), mask \(6, 4\) holds bool\)"
    ):
        read_array(tmp_path / "a.npz")
    np.testing.assert_array_equal(read_array(tmp_path / "a.npz", variable="X"), X)
    with pytest.raises(ValueError, match="'mask' holds bool, expected a full array"):
        read_array(tmp_path / "a.npz", variable="mask")


def test_structs_and_texts_beside_a_matrix_are_passed_over(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"X": X, "info": {"rate": 30.0}, "name": "V1"})
    np.testing.assert_array_equal(read_array(tmp_path / "a.mat"), X)
    np.savez(tmp_path / "a.npz", X=X, names=np.array(list("abcd")))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npz"), X)


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    write_h5(tmp_path / "far.h5", X=X + 1)
    path = tmp_path / "links.h5"
    with h5py.File(path, "w") as file:
        file["run/hidden"] = X
        file["soft"] = h5py.SoftLink("/run/hidden")
        file["group"] = h5py.SoftLink("/run")
        file["run/again"] = h5py.SoftLink("/run")  # round in a circle
        file["hard"] = file["run/hidden"]
        file["lost"] = h5py.SoftLink("/run/gone")
        file["far"] = h5py.ExternalLink("far.h5", "X")
        file["through"] = h5py.SoftLink("/far")
    return path


def test_links_within_a_file_are_followed(linked):
    np.testing.assert_array_equal(read_array(linked), X)
    for name in ("soft", "/soft", "hard", "run/hidden", "group/hidden", "run/again/hidden"):
        np.testing.assert_array_equal(read_array(linked, variable=name), X)


def test_a_file_of_links_alone_is_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["#refs#/kept"] = X
        file["hidden"] = h5py.SoftLink("/#refs#/kept")
    np.testing.assert_array_equal(read_array(tmp_path / "a.h5"), X)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lost", "'lost' is a soft link to '/run/gone', which is not in the file"),
        ("far", r"'far' is a link to another file \(far.h5\)"),
        ("through", "'through' is a soft link to '/far', which is in another file"),
        ("group", "'group' is a group, expected a full array"),
        ("none", "no array 'none', found "),
    ],
)
def test_links_that_lead_nowhere_are_one_line(linked, name, expected):
    with pytest.raises(ValueError, match=expected) as caught:
        read_array(linked, variable=name)
    assert "\n" not in str(caught.value)


def test_arrays_that_other_files_keep_are_refused(tmp_path):
    write_h5(tmp_path / "far.h5", X=X)
    layout = h5py.VirtualLayout(shape=X.shape, dtype=X.dtype)
    layout[:] = h5py.VirtualSource(tmp_path / "far.h5", "X", shape=X.shape)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("X", layout)
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        place = [(str(tmp_path / "raw.bin"), 0, X.nbytes)]
        file.create_dataset("X", shape=X.shape, dtype=X.dtype, external=place)[:] = X
    for name in ("virtual.h5", "raw.h5"):
        with pytest.raises(ValueError, match="'X' is kept in another file"):
            read_array(tmp_path / name)


def test_matlab_objects_and_sparse_matrices_are_no_arrays(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["X"] = X.T
        file["X"].attrs["MATLAB_class"] = np.bytes_("double")
        file["when"] = np.ones((6, 1), dtype="u4")
        file["when"].attrs["MATLAB_class"] = np.bytes_("datetime")
        file.create_group("S").attrs["MATLAB_sparse"] = 5
        file["S/data"] = np.ones(5)
    with pytest.raises(
        ValueError, match=r"found 2 arrays \(S \(\) is a MATLAB sparse, X \(6, 4\)\)"
    ):
        read_array(tmp_path / "a.mat")
    for name, what in (("S", "sparse"), ("when", "datetime")):
        with pytest.raises(ValueError, match=f"'{name}' is a MATLAB {what}, expected a full array"):
            read_array(tmp_path / "a.mat", variable=name)
