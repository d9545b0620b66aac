"""A square table of distances is read right, or refused in one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shapemetrics.datasets.distances import DistanceTable, read_distances
from shapemetrics.pairwise.matrix import DistanceMatrix

IDS = ["V1", "LM", "AL", "PM"]


@pytest.fixture
def matrix(rng) -> np.ndarray:
    points = rng.normal(size=(4, 3))
    return np.linalg.norm(points[:, None] - points, axis=2)


@pytest.fixture
def covariates(tmp_path):
    """A table about the items, in another order than theirs."""
    path = tmp_path / "about.csv"
    path.write_text("id,division,score\nPM,cortex,0.5\nV1,cortex,-0.3\nLM,cortex,\nAL,thalamus,1\n")
    return path


def write_csv(path, values, rows=IDS, columns=IDS):
    table = pd.DataFrame(values, index=rows, columns=columns)
    table.to_csv(path, index_label="id", na_rep="nan")
    return path


def test_tables_archives_and_arrays_give_the_same(tmp_path, matrix, covariates):
    write_csv(tmp_path / "d.csv", matrix)
    np.save(tmp_path / "d.npy", matrix[np.ix_([3, 0, 1, 2], [3, 0, 1, 2])])
    DistanceMatrix(matrix, IDS, {"metric": "procrustes"}).save(tmp_path / "d.npz")
    for name in ("d.csv", "d.npz", "d.npy"):
        table = read_distances(tmp_path / name, covariates).take(IDS)
        assert table.ids == IDS
        np.testing.assert_allclose(table.values, matrix, rtol=1e-12)
        assert (table.values == table.values.T).all()
        assert table.covariates["division"].tolist() == ["cortex", "cortex", "thalamus", "cortex"]
        np.testing.assert_array_equal(table.covariates["score"], [-0.3, np.nan, 1.0, 0.5])
    table = read_distances(tmp_path / "d.npz")
    assert table.provenance["metric"] == "procrustes"
    assert set(table.provenance["inputs"]) == {"d.npz"}
    assert table.covariates.empty


def test_columns_are_put_into_the_order_of_the_rows(tmp_path, matrix):
    turned = [2, 0, 3, 1]
    write_csv(tmp_path / "d.csv", matrix[:, turned], columns=[IDS[i] for i in turned])
    np.testing.assert_allclose(read_distances(tmp_path / "d.csv").values, matrix, rtol=1e-12)


def test_what_is_saved_is_a_matrix_of_the_study(tmp_path, matrix, covariates):
    write_csv(tmp_path / "d.csv", matrix)
    table = read_distances(tmp_path / "d.csv", covariates)
    table.save(tmp_path / "out.npz")
    table.save_covariates(tmp_path / "out.csv")
    loaded = DistanceMatrix.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(loaded.values, table.values)
    assert loaded.ids == IDS
    assert loaded.provenance == table.provenance
    again = read_distances(tmp_path / "out.npz", tmp_path / "out.csv")
    pd.testing.assert_frame_equal(again.covariates, table.covariates)


def test_rounding_is_cleared_and_no_more(tmp_path, matrix):
    noisy = matrix.copy()
    noisy[0, 1] += 1e-8
    noisy[2, 2] = 1e-13
    table = read_distances(write_csv(tmp_path / "d.csv", noisy))
    assert (table.values == table.values.T).all()
    assert not np.diagonal(table.values).any()
    with pytest.raises(ValueError, match="expected a symmetric matrix"):
        read_distances(tmp_path / "d.csv", tolerance=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda D: D.__setitem__((0, 1), 9.0), r"found 9 from 'V1' to 'LM' .* a symmetric matrix"),
        (lambda D: D.__setitem__((2, 2), 1.0), r"found 1 from 'AL' to itself, expected 0 on the"),
        (lambda D: D.__setitem__((0, 3), np.nan), r"found nan from 'V1' to 'PM' \(1 in all\)"),
        (lambda D: D.__setitem__((0, 3), np.inf), "found inf from 'V1' to 'PM'"),
        (
            lambda D: (D.__setitem__((1, 2), -1.0), D.__setitem__((2, 1), -1.0)),
            "found -1 from 'LM' to 'AL', expected no negative distance",
        ),
        (lambda D: D.fill(0.0), "found only zeros, expected distances"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "npz"])
def test_no_distances_are_named(tmp_path, matrix, change, message, form):
    change(matrix)
    path = tmp_path / f"d.{form}"
    if form == "csv":
        write_csv(path, matrix)
    else:
        np.savez(path, distances=matrix, ids=np.array(IDS))
    with pytest.raises(ValueError, match=message) as caught:
        read_distances(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,a,b,c\na,0,1,2\nb,1,0,3\n", "found 2 rows and 3 columns"),
        ("id,a,b,d\na,0,1,2\nb,1,0,3\nc,2,3,0\n", "found 'd' in the first row but not in the"),
        ("id,a,b,b\na,0,1,2\nb,1,0,3\nc,2,3,0\n", "found id 'b' twice, expected unique ids"),
        (",0,1,2\n0,0,1,2\n1,1,0,3\n2,2,3,0\n", "rows or columns that are only numbered"),
        ("id,a,b,c\na,0,1,x\nb,1,0,3\nc,2,3,0\n", "line 2, column 4 holds 'x', expected a number"),
        ("id,a,b,c\na,0,1,\nb,1,0,3\nc,2,3,0\n", r"line 2, column 4 holds '', .*every column$"),
    ],
)
def test_tables_that_are_not_square_or_not_named(tmp_path, text, message):
    path = tmp_path / "d.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_distances(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x\nV1,1\nLM,2\nAL,3\n", r"no line for 'PM' \(1 of 4 ids of d.csv have none\)"),
        ("id,x\nV1,1\nLM,2\nAL,3\nPM,4\nRL,5\n", r"a line for 'RL' \(1 such lines\)"),
        ("id,x\nV1,1\nLM,2\nAL,3\nPM,4\nV1,5\n", "line 6: found id 'V1' as in line 2"),
        ("id,x\nV1,1\nLM,2\n,3\nPM,4\n", "line 4: found an empty id"),
        ("name,x\nV1,1\n", "found columns name, x, expected one named 'id'"),
        ("id,metric\nV1,1\nLM,2\nAL,3\nPM,4\n", "has the name of a column that results have"),
        ("id,x\nV1,1\nLM,inf\nAL,3\nPM,4\n", "line 3: found 'x' infinite"),
    ],
)
def test_covariates_must_match_the_matrix(tmp_path, matrix, text, message):
    write_csv(tmp_path / "d.csv", matrix)
    (tmp_path / "about.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_distances(tmp_path / "d.csv", tmp_path / "about.csv")
    assert "about.csv" in str(caught.value)


def test_files_of_another_kind_are_named(tmp_path, matrix):
    with pytest.raises(ValueError, match="there is no such file, expected a matrix of distances"):
        read_distances(tmp_path / "none.csv")
    (tmp_path / "d.mat").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"found suffix '\.mat', expected one of \.npz"):
        read_distances(tmp_path / "d.mat")
    np.save(tmp_path / "d.npy", matrix)
    with pytest.raises(ValueError, match="found no ids, expected a table of covariates"):
        read_distances(tmp_path / "d.npy")
    np.savez(tmp_path / "two.npz", a=matrix, b=matrix, ids=np.array(IDS))
    with pytest.raises(ValueError, match=r"found 2 square arrays of numbers \(a .*, b "):
        read_distances(tmp_path / "two.npz")
    assert read_distances(tmp_path / "two.npz", variable="b").ids == IDS
    np.savez(tmp_path / "few.npz", a=matrix, ids=np.array(IDS[:3]))
    with pytest.raises(ValueError, match="found 3 ids of 4 rows"):
        read_distances(tmp_path / "few.npz")
    np.savez(tmp_path / "odd.npz", a=matrix[:3], ids=np.array(IDS[:3]))
    with pytest.raises(ValueError, match="found 0 square arrays"):
        read_distances(tmp_path / "odd.npz")
    np.savez(tmp_path / "numbers.npz", a=matrix, ids=np.arange(4))
    with pytest.raises(ValueError, match="expected a list of text"):
        read_distances(tmp_path / "numbers.npz")


def test_items_by_id(matrix):
    table = DistanceTable(matrix, IDS, pd.DataFrame({"x": [1, 2, 3, 4]}))
    part = table.take(["PM", "V1"])
    assert (len(part), part.covariates["x"].tolist()) == (2, [4, 1])
    assert part.values[0, 1] == matrix[3, 0]
    with pytest.raises(ValueError, match="id: found 'RL', expected one of V1, LM, AL, PM"):
        table.take(["RL"])
