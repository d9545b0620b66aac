"""Tables as pandas, R, MATLAB and spreadsheets write them: every rule on names and numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shapemetrics.datasets.files import read_array
from shapemetrics.datasets.files.readers import Reading, read_file


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list]:
    """Read a text as a table."""

    def call(text: str, **options) -> list:
        (tmp_path / "a.csv").write_text(text, newline="")
        return read_array(tmp_path / "a.csv", **options).tolist()

    return call


@pytest.fixture
def refused(read: Callable[..., list]) -> Callable[..., str]:
    """What is said about a table that is refused."""

    def call(text: str, **options) -> str:
        with pytest.raises(ValueError, match=r".+") as caught:
            read(text, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return call


def procrustes(X: np.ndarray, Y: np.ndarray) -> float:
    """The angle between shapes, by NumPy's singular values alone."""
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    nuclear = np.linalg.svd(X.T @ Y, compute_uv=False).sum()
    return float(np.arccos(nuclear / np.linalg.norm(X) / np.linalg.norm(Y)))


def test_row_numbers_of_pandas_do_not_become_a_unit(tmp_path):
    rng = np.random.default_rng(0)
    networks = [np.maximum(rng.normal(size=(100, 20)), 0) for _ in range(2)]
    columns = [f"u{k}" for k in range(20)]
    for k, X in enumerate(networks):
        pd.DataFrame(X, columns=columns).to_csv(tmp_path / f"{k}.csv")
    found = [read_array(tmp_path / f"{k}.csv") for k in range(2)]
    for X, Y in zip(networks, found, strict=True):
        np.testing.assert_array_equal(X, Y)
    numbered = [np.column_stack([np.arange(100), X]) for X in networks]
    assert procrustes(*numbered) == pytest.approx(0.099, abs=5e-4)
    assert procrustes(*found) == pytest.approx(1.190, abs=5e-4)


ONE, TWO, THREE = [0.1, 0.2], [0.3, 0.1], [0.2, 0.9]

READ = {
    "numbers alone": ("0.1,0.2\n0.3,0.1\n", [ONE, TWO]),
    # First row, rule 1.
    "R, write.table": ('"V1","V2"\n"1",0.1,0.2\n"2",0.3,0.1\n', [ONE, TWO]),
    "R, write.table, named rows": ('"V1","V2"\n"cat",0.1,0.2\n"dog",0.3,0.1\n', [ONE, TWO]),
    # Rule 2.
    "names above": ("u1,u2\n0.1,0.2\n0.3,0.1\n", [ONE, TWO]),
    "R, write.csv": ('"","V1","V2"\n"1",0.1,0.2\n"2",0.3,0.1\n', [ONE, TWO]),
    "pandas": (",u1,u2\n0,0.1,0.2\n1,0.3,0.1\n", [ONE, TWO]),
    "pandas, part of the rows": (",u1,u2\n17,0.1,0.2\n3,0.3,0.1\n", [ONE, TWO]),
    "pandas, times": (",u1,u2\n0.5,0.1,0.2\n0.7,0.3,0.1\n", [ONE, TWO]),
    "pandas, saved again": ("Unnamed: 0,u1,u2\n0,0.1,0.2\n1,0.3,0.1\n", [ONE, TWO]),
    "codes above": ("001,002\n0.1,0.2\n0.3,0.1\n", [ONE, TWO]),
    # Rule 3.
    "pandas, no names": (",0,1\n0,0.1,0.2\n1,0.3,0.1\n", [ONE, TWO]),
    "pandas, numbers of units": (",950911932,12\n0,0.1,0.2\n1,0.3,0.1\n", [ONE, TWO]),
    "pandas, years and names": (",2001,2002\ncat,0.1,0.2\ndog,0.3,0.1\n", [ONE, TWO]),
    "pandas, counting, shuffled": (",0,1,2\n5,0.1,0.2,3\n2,0.3,0.1,4\n", [[*ONE, 3], [*TWO, 4]]),
    "pandas, named rows": ("stim,0,1\n5,0.1,0.2\n2,0.3,0.1\n", [ONE, TWO]),
    "pandas, any name": ("probe,0,1\n5,0.1,0.2\n2,0.3,0.1\n", [ONE, TWO]),
    "a series": (",0\n0,0.1\n1,0.3\n", [[0.1], [0.3]]),
    # Rule 4.
    "pandas, no rows' names": (
        "0,1,2\n0.5,1.0,2.0\n0.25,0.5,3.5\n",
        [[0.5, 1, 2], [0.25, 0.5, 3.5]],
    ),
    "unit numbers": (
        "12,40,33\n0.50,1.25,2.25\n0.25,0.50,3.50\n",
        [[0.5, 1.25, 2.25], [0.25, 0.5, 3.5]],
    ),
    # First column, rule 2.
    "names beside": ("cat,0.1,0.2\ndog,0.3,0.1\n", [ONE, TWO]),
    "names beside, and above": ("picture,u1,u2\ncat,0.1,0.2\ndog,0.3,0.1\n", [ONE, TWO]),
    "MATLAB, writetable": ("Row,Var1,Var2\ncat,0.1,0.2\ndog,0.3,0.1\n", [ONE, TWO]),
    "codes beside": ("007,0.1,0.2\n003,0.3,0.1\n", [ONE, TWO]),
    # Rule 3.
    "stimulus numbers": ("Stimulus,u1,u2\n17,0.1,0.2\n3,0.3,0.1\n", [ONE, TWO]),
    "stimulus numbers among counts": ("id,u1,u2\n17,5,2\n3,1,4\n", [[5, 2], [1, 4]]),
    # Rule 4.
    "pandas, no names above": ("0,0.5,1.0\n1,0.25,0.5\n", [[0.5, 1], [0.25, 0.5]]),
    # What is none of these.
    "counts": ("a,b,c\n17,1,2\n3,4,5\n", [[17, 1, 2], [3, 4, 5]]),
    "counts alone": ("5,3,7\n2,8,4\n", [[5, 3, 7], [2, 8, 4]]),
    "one column": ("0.1\n0.3\n", [[0.1], [0.3]]),
    "one row": ("0.1,0.5,0.2\n", [[0.1, 0.5, 0.2]]),
    "a ramp among ramps": ("1.5,2.5,3.5\n4.5,5.5,6.5\n", [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]),
    "every notation": ("a,b\n1e5,-.5\n+3.,1E-3\n", [[1e5, -0.5], [3.0, 0.001]]),
    "numbers in quotes": ('a,b\n"0.1","0.2"\n"0.3","0.1"\n', [ONE, TWO]),
    "Windows": ("u1,u2\r\n0.1,0.2\r\n0.3,0.1\r\n", [ONE, TWO]),
    "old Macintosh": ("u1,u2\r0.1,0.2\r0.3,0.1\r", [ONE, TWO]),
    "no last line end": ("u1,u2\n0.1,0.2\n0.3,0.1", [ONE, TWO]),
    "spaces": (" u1 , u2\n 0.1, 0.2 \n0.3 ,0.1\n", [ONE, TWO]),
    "comments above": ("# two units\n#u1,u2\n\n0.1,0.2\n0.3,0.1\n", [ONE, TWO]),
    "blank lines": ("\n\nu1,u2\n\n0.1,0.2\n\n0.3,0.1\n\n\n", [ONE, TWO]),
    "delimiters at the ends": ("0.1,0.2,\n0.3,0.1,\n", [ONE, TWO]),
    "and below names": ("u1,u2\n0.1,0.2,\n0.3,0.1,\n", [ONE, TWO]),
    "empty columns": ("u1,u2,,\n0.1,0.2,,\n0.3,0.1,,\n", [ONE, TWO]),
    # Semicolons and commas.
    "semicolons": ("u1;u2\n0.1;0.2\n0.3;0.1\n", [ONE, TWO]),
    "a German spreadsheet": ("u1;u2\n0,1;0,2\n0,3;0,1\n", [ONE, TWO]),
    "R, write.csv2": ('"";"V1";"V2"\n"1";0,1;0,2\n"2";0,3;0,1\n', [ONE, TWO]),
    "whole and decimal": ("u1;u2\n1;0,2\n-1,5e-3;3\n", [[1, 0.2], [-0.0015, 3]]),
    "decimals above": ("0,1;0,2\n3;4\n", [ONE, [3, 4]]),
    "what Excel puts first": ("sep=;\nu1;u2\n0,1;0,2\n0,3;0,1\n", [ONE, TWO]),
    "a semicolon in quotes": ('"a;b",u2\n0.1,0.2\n0.3,0.1\n', [ONE, TWO]),
}


@pytest.mark.parametrize("name", READ)
def test_read(read, name):
    text, expected = READ[name]
    assert read(text) == expected


BOTH = "can be read two ways"
REFUSED = {
    # A first row that parses nowhere.
    "thousands": ('"1,000","2,000"\n3,4\n5,6\n', "line 1, column 1 holds '1,000'"),
    "missing": ("NA,NA\n3,4\n5,6\n", "line 1, column 1 holds 'NA'"),
    "empty": (",\n3,4\n5,6\n", "line 1, column 2 holds ''"),
    "Fortran": ("1D0,2D0\n3,4\n5,6\n", "line 1, column 1 holds '1D0'"),
    "truth values": ("True,False\n0.5,0.1\n", "line 1, column 1 holds 'True'"),
    "one bad cell": ("0.1,x\n0.3,0.1\n", "line 1, column 1 holds '0.1'"),
    "one bad cell of many": ("0.1,0.3,x\n0.3,0.1,0.2\n", "line 1, column 3 holds 'x'"),
    "dates": ("2021-01-05,2021-01-06\n0.3,0.1\n", "holds '2021-01-05'"),
    "the same name": ("a,a\n0.3,0.1\n", "line 1 holds 'a' 2 times"),
    "two rows of names": (
        ",a,a\n,0,1\n0,0.6,0.7\n",
        "'a' 2 times, expected different names, in one",
    ),
    "levels with names": ("layer,a,b\nunit,0,1\n0,0.6,0.7\n", "line 2, column 1 holds 'unit'"),
    "levels that count": ("a,b,c\n0,1,2\n0.5,0.7,0.1\n", f"line 2 (0, 1, 2) {BOTH}"),
    "names without rows": ("a,b\n", "found names (a, b) and no rows below"),
    # A first row that looks like names.
    "counting": ("0,1\n5.5,6\n7,8\n", f"line 1 (0, 1) {BOTH}"),
    "counting from one": ("1,2,3\n5,6,9\n7,8,2\n", f"line 1 (1, 2, 3) {BOTH}"),
    "years": ("2001,2002,2003\n5,9,9\n7,2,1\n", f"line 1 (2001, 2002, 2003) {BOTH}"),
    "every tenth": ("0,10,20,30\n5,9,40,3\n7,2,0,8\n", f"line 1 (0, 10, 20, 30) {BOTH}"),
    "units above counts": ("812,95,377\n5,9,1\n7,2,0\n", f"line 1 (812, 95, 377) {BOTH}"),
    "units above decimals": ("12,47,33\n0.5,9,1.5\n7,2.5,0\n", f"line 1 (12, 47, 33) {BOTH}"),
    "one unit": ("0\n0.5\n0.7\n", f"line 1 (0) {BOTH}"),
    "rising": ("1,3,4,8,9\n2,0,2,0,1\n9,9,7,7,7\n", f"line 1 (1, 3, 4, ..., 9) {BOTH}"),
    "no two the same": ("5,0,2,7\n2,2,1,0\n9,9,7,3\n0,0,0,1\n", f"line 1 (5, 0, 2, 7) {BOTH}"),
    "frequencies": ("0.5,1.0,1.5,2.0,2.5\n1.2,0.1,0.4,0.3,0.2\n", BOTH),
    "a label or a corner": ("cat,0,1\ndog,0.3,0.5\n", f"line 1 (cat, 0, 1) {BOTH}"),
    "an empty first value": (",0.5,0.2\n0.1,0.3,0.7\n", "line 1, column 1 holds ''"),
    "counting alone": ("0,1,2\n", BOTH),
    # A first column that looks like names.
    "row numbers": ("0,0.12,0.5\n1,0.7,0.3\n", f"column 1 (0, 1) {BOTH}"),
    "row numbers of counts": ("a,b\n1,5\n2,7\n3,4\n", f"column 1 ('a': 1, 2, 3) {BOTH}"),
    "ids": ("a,b,c\n17,0.12,0.5\n3,0.7,0.3\n", f"column 1 ('a': 17, 3) {BOTH}"),
    "a name unlike the others": ("code,u1,u2\n3,1,2\n5,6,4\n", f"column 1 ('code': 3, 5) {BOTH}"),
    "times": ("t,b\n0.0,3.5\n0.1,0.5\n0.2,1.5\n0.3,2.5\n0.4,9.5\n", "column 1 ('t': 0.0, 0.1, 0.2"),
    "trials": ("trial,u1\n1,0.5\n1,0.7\n", f"column 1 ('trial': 1, 1) {BOTH}"),
    "labels that repeat": (",u1\n0,0.1\n0,0.3\n", f"column 1 ('': 0, 0) {BOTH}"),
    "no name, no names": (",u1\n0.7,0.1\n0.2,0.3\n", f"column 1 ('': 0.7, 0.2) {BOTH}"),
    "a label missing": (",u1\ncat,0.1\n,0.3\n", "row 2 below the names has no name in column 1"),
    "classes": ("kind,u1\ncat,0.1\ncat,0.3\n", "column 1 holds text, 'cat' 2 times"),
    "a label among numbers": ("u1,u2\n0.1,0.2\nx,0.3\n", "line 3, column 1 holds 'x'"),
    # Other columns.
    "names on the right": ("u1,picture\n0.1,cat\n0.3,dog\n", "line 2, column 2 holds 'cat'"),
    "an index of before": (
        ",Unnamed: 0,u1\n0,0,0.5\n1,1,0.7\n",
        "column 2 has no name ('Unnamed: 0')",
    ),
    "R's rows of before": (
        '"","X","V1"\n"1",1,0.5\n"2",2,0.7\n"3",3,0.6\n',
        "column 2 counts the rows",
    ),
    "two names of rows": (
        "subject,stimulus,u1\na,1,0.5\nb,2,0.7\n",
        "column 2 is called 'stimulus'",
    ),
    "a label column": ("u1,u2,label\n0.5,0.3,0\n0.7,0.1,1\n", "column 3 is called 'label'"),
    "whole among decimals": (
        "a,b,z\n0.5,1.0,0\n0.7,0.3,1\n0.2,0.3,1\n",
        "column 3 holds whole numbers",
    ),
    # Cells.
    "thousands below": ('a,b\n"1,000",2.5\n3,4\n', "line 2, column 1 holds '1,000'.*decimal: ','"),
    "missing below": ("a,b\n0.1,NA\n3,4\n", "line 2, column 2 holds 'NA'.*every row needs"),
    "Fortran below": ("a,b\n0.1,1D0\n3,4\n", "line 2, column 2 holds '1D0'"),
    "truth below": ("a,b\n0.1,TRUE\n3,4\n", "line 2, column 2 holds 'TRUE'"),
    "Excel's error": ("a,b\n0.1,#DIV/0!\n3,4\n", "line 2, column 2 holds '#DIV/0!'"),
    "underscores": ("a,b\n0.1,1_000\n3,4\n", "line 2, column 2 holds '1_000'"),
    "codes": ("a,b\n0.1,007\n3,4\n", "line 2, column 2 holds '007'"),
    "other digits": ("a,b\n0.1,\u0663\n3,4\n", "line 2, column 2 holds"),
    "an empty column with a name": ("a,b,c\n0.1,2,\n0.7,4,\n", "line 2, column 3 holds ''"),
    "empty rows": ("a,b\n0.1,2\n,\n,\n", "line 3 holds empty cells only"),
    "empty cells at the end": ("0.1,2,\n0.7,4,\n0.3,1,5\n", "line 3, column 3 holds '5'"),
    # Rows.
    "a gap in one column": ("x\n0.1\n\n0.3\n", "line 3 is blank"),
    "a comment between": ("u1,u2\n0.1,0.2\n#0.3,0.1\n0.5,0.6\n", "line 3 begins with '#'"),
    "a row as a comment": (
        "#0.7,0.2\n0.1,0.2\n0.3,0.1\n",
        "line 1 begins with '#' and holds numbers",
    ),
    "ragged": ("a,b\n1,2\n3\n", "line 3 has 1 cells, expected 2"),
    "ragged above": ("1,2\n3,4,5\n", "line 1 has 2 cells, line 2 has 3"),
    "much too short above": ("a\n3,4,5\n", "line 1 has 1 cells, line 2 has 3"),
    "longer above": ("a,b,c\n3,4\n", "line 1 has 3 cells, line 2 has 2"),
    "open quotes": ('"a\n1,2\n', "unexpected end of data"),
    "nothing": ("\n \n", "found no rows"),
    "comments alone": ("# a\n", "found no rows"),
    # Delimiters and decimals.
    "one decimal comma": ("1,5\n2,7\n", f"two columns of whole numbers {BOTH}"),
    "and a name": ("x\n1,5\n2,7\n", f"two columns of whole numbers {BOTH}"),
    "and exponents": ("x\n1,5E-05\n2,7E-05\n", f"two columns of whole numbers {BOTH}"),
    "commas for thousands": ("1,234;2,345\n3,456;1,222\n", f"'1,234' {BOTH}"),
    "points for thousands": ("1.234;2.345\n3.456;1.222\n", f"'1.234' {BOTH}"),
    "both marks": ("a;b\n1,5;2.5\n3,5;4\n", "line 2, column 2 holds '2.5'"),
    "spaces between": ("0.1 0.2\n0.3 0.1\n", "(delimiter ',')"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(refused, name):
    text, *expected = REFUSED[name]
    message = refused(text)
    for part in expected[0].split(".*"):
        assert part in message
    if BOTH in message:
        assert "expected" in message
        assert message.count(" as ") >= 1 or "between thousands" in message


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("0,1\n0.5,6\n7,8\n", {"header": True}, [[0.5, 6], [7, 8]]),
        ("0,1\n0.5,6\n7,8\n", {"header": False}, [[0, 1], [0.5, 6], [7, 8]]),
        ("NA,1\n0.5,6\n7,8\n", {"header": True}, [[0.5, 6], [7, 8]]),
        ("a,a\n0.5,6\n7,8\n", {"header": True}, [[0.5, 6], [7, 8]]),
        ("0,0.12\n1,0.7\n", {"index": True}, [[0.12], [0.7]]),
        ("0,0.12\n1,0.7\n", {"index": False}, [[0, 0.12], [1, 0.7]]),
        ("id,u1\n3,0.12\n1,0.7\n", {"index": False}, [[3, 0.12], [1, 0.7]]),
        (",u1\n0,0.1\n0,0.3\n", {"index": True}, [[0.1], [0.3]]),
        (",u1\n0,0.1\n0,0.3\n", {"index": False, "header": True}, [[0, 0.1], [0, 0.3]]),
        ("u1,picture\n0.1,cat\n0.3,dog\n", {"index": "picture"}, [[0.1], [0.3]]),
        ("u1,picture\n0.1,cat\n0.3,dog\n", {"stimulus_column": "picture"}, [[0.1], [0.3]]),
        ("u1,u2,label\n0.5,0.3,0\n0.7,0.1,1\n", {"index": False}, [[0.5, 0.3, 0], [0.7, 0.1, 1]]),
        ("1,5\n2,7\n", {"decimal": ","}, [[1.5], [2.7]]),
        ("1,5\n2,7\n", {"delimiter": ",", "header": False, "index": False}, [[1, 5], [2, 7]]),
        ("1,234;2,345\n3,456;1,222\n", {"decimal": ","}, [[1.234, 2.345], [3.456, 1.222]]),
        ("1.234;2.345\n3.456;1.222\n", {"decimal": "."}, [[1.234, 2.345], [3.456, 1.222]]),
        (
            '"1,5","2,5"\n"3,5","4,5"\n',
            {"decimal": ",", "delimiter": ","},
            [[1.5, 2.5], [3.5, 4.5]],
        ),
        ("a|b\n1.5|2\n3|4\n", {"delimiter": "|"}, [[1.5, 2], [3, 4]]),
        (" 1.5  2 \n3 4.5\n", {"delimiter": " "}, [[1.5, 2], [3, 4.5]]),
    ],
)
def test_options_say_otherwise(read, text, options, expected):
    assert read(text, **options) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"index": "x", "header": False}, "index: found the name 'x', expected none with header"),
        ({"index": "x"}, "expected one of them to be stimulus column 'x'"),
        (
            {"index": False, "stimulus_column": "x"},
            "stimulus_column: found 'x' beside index: False",
        ),
        ({"decimal": ";"}, "decimal: found ';', expected '.' or ','"),
        ({"delimiter": "::"}, "found delimiter '::', expected one character"),
        ({"orientation": "last"}, "orientation: found 'last'"),
        (
            {"orientation": "stimuli_last", "stimulus_column": "x"},
            "stimulus_column: found 'x' with",
        ),
        ({"index": True}, "nothing beside it"),
        ({"header": False}, "line 1, column 1 holds 'u', expected a number"),
    ],
)
def test_options_that_contradict_are_refused(refused, options, expected):
    assert expected in refused("u\n0.5\n0.7\n", **options)


def test_large_tables_of_decimals_cannot_begin_by_counting(read, refused):
    X = np.random.default_rng(0).normal(size=(6, 5))
    table = pd.DataFrame(X)
    assert read(table.to_csv(index=False)) == X.tolist()
    assert read(table.to_csv(header=False)) == X.tolist()
    assert BOTH in refused(table.iloc[:4].to_csv(index=False))
    assert BOTH in refused(table.iloc[:, :4].to_csv(index=False))
    assert BOTH in refused(table.iloc[:, :4].to_csv(header=False))
    # A whole number anywhere, and the first ones may be numbers as well.
    assert BOTH in refused(table.to_csv(index=False).replace(str(X[2, 3]), "7"))


def test_names_of_stimuli_are_kept_where_they_say_more_than_their_order(tmp_path):
    def stimuli(text: str, **options) -> list[str] | None:
        (tmp_path / "a.csv").write_text(text)
        return read_file(tmp_path / "a.csv", Reading(**options)).stimuli

    assert stimuli("picture,u1\ncat,0.1\ndog,0.3\n") == ["cat", "dog"]
    assert stimuli(",u1\n17,0.1\n3,0.3\n") == ["17", "3"]
    assert stimuli(",u1\n1,0.1\n0,0.3\n") == ["1", "0"]
    for start in (0, 1):
        assert stimuli(f",u1\n{start},0.1\n{start + 1},0.3\n") is None
    assert stimuli("u1\n0.1\n0.3\n") is None
    # Of units by stimuli, those are the names above.
    turned = "unit,cat,dog\nu1,0.1,0.3\nu2,0.2,0.5\n"
    assert stimuli(turned, orientation="stimuli_last") == ["cat", "dog"]
    assert stimuli(turned, axes=["units", "stimuli"]) == ["cat", "dog"]


def test_stimuli_last_and_axes_turn_tables(read):
    text = "unit,cat,dog\nu1,0.1,0.3\nu2,0.2,0.1\n"
    assert read(text, orientation="stimuli_last") == [ONE, TWO]
    assert read(text, axes=["units", "stimuli"]) == [ONE, TWO]
    assert read(text, orientation="stimuli_last", stimuli=["dog", "cat"]) == [TWO, ONE]


def test_what_was_told_is_in_words(tmp_path):
    def told(text: str) -> str | None:
        (tmp_path / "a.csv").write_text(text)
        return read_file(tmp_path / "a.csv", Reading()).told

    assert told("0.1,0.2\n0.3,0.1\n") is None
    assert told("id;u1\n17;0,1\n") == (
        "line 1 is names, column 1 ('id') is names, delimiter ';', decimal ','"
    )
    assert told("# one\n0.1,0.2\n") == "line 2 is numbers, column 1 is numbers, 1 comments left out"
