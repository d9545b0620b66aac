"""What figures ask of their tables."""

from __future__ import annotations

import pandas as pd
import pytest

from shapemetrics.figures.tables import (
    check_columns,
    check_finite,
    check_unique,
    levels,
    pretty,
    rows_of,
    signed,
)


def test_a_missing_column_is_named_with_those_found_and_expected():
    table = pd.DataFrame({"id": ["a"], "pc_1": [0.0]})
    with pytest.raises(ValueError, match=r"^embedding: missing column pc1; ") as error:
        check_columns(table, ["id", "pc1"], "embedding")
    message = str(error.value)
    assert "found id, pc_1" in message
    assert "expected id, pc1" in message
    assert "\n" not in message
    with pytest.raises(ValueError, match="missing columns pc1, pc2;"):
        check_columns(table, ["id", "pc1", "pc2"], "embedding")


def test_what_is_no_table_or_empty_is_refused():
    with pytest.raises(TypeError, match="expected a pandas DataFrame, found dict"):
        check_columns({"id": [1]}, ["id"], "figure")
    with pytest.raises(ValueError, match="no rows"):
        check_columns(pd.DataFrame({"id": []}), ["id"], "figure")


def test_values_that_are_no_numbers_are_named_with_their_row():
    table = pd.DataFrame({"x": [0.0, float("nan")]}, index=[7, 9])
    with pytest.raises(ValueError, match="column x is nan in row 9"):
        check_finite(table, ["x"], "figure")
    with pytest.raises(ValueError, match="column x has dtype"):
        check_finite(pd.DataFrame({"x": ["a", "b"]}), ["x"], "figure")


def test_repeated_rows_are_named_by_the_columns_present():
    table = pd.DataFrame({"layer": ["a", "a", "b"], "n": [1, 1, 1]})
    with pytest.raises(ValueError, match="several rows for layer=a, n=1"):
        check_unique(table, ["layer", "state", "n"], "figure")
    check_unique(table.drop_duplicates(), ["layer", "state", "n"], "figure")


@pytest.mark.parametrize(
    ("values", "order", "expected"),
    [
        (["trained", "untrained"], None, ["untrained", "trained"]),
        (["pool", "stack2", "stem"], None, ["stem", "stack2", "pool"]),
        (["pool", "other", "stem"], None, ["pool", "other", "stem"]),
        (["b", "a", "b"], ["a", "c", "b"], ["a", "b"]),
        ([3, 1, 2], None, [1, 2, 3]),
        (["10", "9"], None, ["9", "10"]),
        (pd.Categorical(["x", "y"], ["y", "x", "z"]), None, ["y", "x"]),
        ([None, None], None, [None]),
        (["", ""], None, [None]),
    ],
)
def test_levels_have_a_readers_order(values, order, expected):
    assert levels(pd.DataFrame({"c": values}), "c", "figure", order) == expected


def test_levels_without_column_are_one_and_selects_everything():
    table = pd.DataFrame({"a": [1, 2]})
    assert levels(table, None, "figure") == [None]
    assert levels(table, "absent", "figure") == [None]
    assert len(rows_of(table, absent=None)) == 2
    assert rows_of(table, a=2)["a"].to_list() == [2]


def test_levels_refuse_gaps_and_values_outside_the_order():
    with pytest.raises(ValueError, match="column c is empty in row 1"):
        levels(pd.DataFrame({"c": ["a", None]}), "c", "figure")
    with pytest.raises(ValueError, match="column c holds b, expected one of a"):
        levels(pd.DataFrame({"c": ["a", "b"]}), "c", "figure", ["a"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_accuracy", "Test accuracy"),
        ("stack3", "Stack 3"),
        ("one_minus_cka", "One minus CKA"),
        ("knn", "k-NN"),
        ("r2", "R²"),
        ("VISpm", "VISpm"),
        ("Angular Procrustes", "Angular Procrustes"),
        ("k-NN with 5", "k-NN with 5"),
        ("0123456789abcdef0123456789abcdef", "01234567"),
        ("0123456789abcdef0 – fedcba98765432100", "01234567 – fedcba98"),
        (5, "5"),
        ("", ""),
    ],
)
def test_names_are_written_for_people(name, expected):
    assert pretty(name) == expected


def test_negative_numbers_have_a_minus_sign():
    assert signed(-0.034) == "−0.03"
    assert signed(1.0, 1) == "1.0"
