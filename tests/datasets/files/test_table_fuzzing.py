"""Random matrices as many programs write them: read right to the last digit, or refused."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shapemetrics.datasets.files import read_array

#: Numbers that 15 digits hold, many of them whole, which R and MATLAB write without a point.
NUMBERS = st.one_of(
    st.integers(-3, 12).map(float),
    st.integers(-40, 40).map(lambda k: k / 4),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: float(f"{x:.15g}")),
    st.sampled_from([0.0, 1.0, 1e-7, 123456.0, 1e20, 0.1]),
)


@st.composite
def matrices(draw: Callable) -> np.ndarray:
    m, n = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    elements = draw(st.sampled_from([NUMBERS, st.integers(0, 9).map(float)]))
    cells = draw(st.lists(elements, min_size=m * n, max_size=m * n))
    return np.array(cells).reshape(m, n)


def shortest(x: float) -> str:
    """As R, MATLAB and spreadsheets write a number: 15 digits, and none after the last."""
    return f"{x:.15g}"


NAMES = {
    "numbered": lambda n: [f"u{k}" for k in range(n)],
    "regions": lambda n: ["V1", "LM", "AL", "PM", "AM"][:n],
    "counting": lambda n: [str(k) for k in range(n)],
    "counting from one": lambda n: [str(k + 1) for k in range(n)],
    "years": lambda n: [str(2001 + k) for k in range(n)],
    "units": lambda n: ["950911932", "950911986", "950910364", "950913798", "950911240"][:n],
}
LABELS = {
    "counting": lambda m: [str(k) for k in range(m)],
    "counting from one": lambda m: [str(k + 1) for k in range(m)],
    "pictures": lambda m: ["cat", "dog", "007", "im 3.png", "eel", "B2"][:m],
    "shuffled": lambda m: [str(k) for k in np.random.default_rng(0).permutation(m)],
    "stimuli": lambda m: [str(k) for k in (118, 5, 73, 40, 2, 19)[:m]],
}


def lines(
    X: np.ndarray,
    number: Callable[[float], str],
    *,
    header: Sequence[str] | None = None,
    index: Sequence[str] | None = None,
    corner: str | None = "",
    delimiter: str = ",",
) -> str:
    rows = [[number(x) for x in row] for row in X]
    if index is not None:
        rows = [[label, *row] for label, row in zip(index, rows, strict=True)]
    if header is not None:
        beside = [corner] if index is not None and corner is not None else []
        rows = [[*beside, *header], *rows]
    return "\n".join(map(delimiter.join, rows)) + "\n"


def quoted(texts: Sequence[str]) -> list[str]:
    return [f'"{text}"' for text in texts]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "table.csv"


def check(target: Path, text: str, X: np.ndarray) -> bool:
    """Whether a table is read, as it should be; what is wrong is an error."""
    target.write_text(text, encoding="utf-8")
    try:
        found = read_array(target)
    except ValueError as refusal:
        message = str(refusal)
    else:
        np.testing.assert_array_equal(found, X, err_msg=text)
        return True
    assert message.startswith(str(target)), message
    assert "\n" not in message
    return False


FUZZ = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(matrices(), st.sampled_from([None, *NAMES]), st.sampled_from([None, *LABELS]), st.booleans())
def test_pandas(target: Path, X: np.ndarray, names: str, labels: str, whole: bool) -> None:
    m, n = X.shape
    # Without a first row nothing tells a few shuffled whole numbers from responses.
    if names is None and labels in ("shuffled", "stimuli"):
        labels = "pictures"
    whole = whole and bool(np.array_equal(X, np.round(X))) and np.abs(X).max() < 2**53
    table = pd.DataFrame(X.astype(int) if whole else X)
    if names is not None:
        table.columns = NAMES[names](n)
    if labels is not None:
        table.index = pd.Index(LABELS[labels](m), name="stimulus" if labels == "stimuli" else None)
    text = table.to_csv(header=names is not None, index=labels is not None)
    read = check(target, text, X)
    # What pandas writes without being asked for anything else is never refused.
    if labels is not None and names in ("numbered", "regions", "counting"):
        assert read or (names == "counting" and labels in ("shuffled", "stimuli") and n < 3)


@FUZZ
@given(matrices(), st.sampled_from(["write.csv", "write.csv2", "write.table", "no row names"]))
def test_r(target: Path, X: np.ndarray, form: str) -> None:
    m, n = X.shape
    header, index = quoted([f"V{k + 1}" for k in range(n)]), quoted(LABELS["counting from one"](m))
    if form == "write.csv":
        text = lines(X, shortest, header=header, index=index, corner='""')
    elif form == "write.csv2":
        comma = lambda x: shortest(x).replace(".", ",")  # noqa: E731
        text = lines(X, comma, header=header, index=index, corner='""', delimiter=";")
    elif form == "write.table":
        text = lines(X, shortest, header=header, index=index, corner=None)
    else:
        text = lines(X, shortest, header=header)
    read = check(target, text, X)
    if form == "write.csv":
        assert read


@FUZZ
@given(matrices(), st.sampled_from([None, "numbered", "regions"]), st.booleans())
def test_matlab(target: Path, X: np.ndarray, names: str | None, rows: bool) -> None:
    m, n = X.shape
    header = None if names is None else NAMES[names](n)
    index = LABELS["pictures"](m) if rows else None
    check(target, lines(X, shortest, header=header, index=index, corner="Row"), X)


@FUZZ
@given(
    matrices(),
    st.sampled_from([None, "numbered", "years", "units", "counting from one"]),
    st.sampled_from([None, "pictures", "counting from one"]),
    st.sampled_from(";,\t"),
    st.booleans(),
)
def test_spreadsheets(
    target: Path, X: np.ndarray, names: str, labels: str, delimiter: str, mark: bool
) -> None:
    m, n = X.shape
    # Among responses as large as the numbers of units nothing tells which is which.
    names = "years" if names == "units" and np.abs(X).max() > 1e8 else names
    header = None if names is None else NAMES[names](n)
    index = None if labels is None else LABELS[labels](m)
    # A comma is the decimal mark wherever it does not divide cells.
    number = shortest if delimiter == "," else lambda x: shortest(x).replace(".", ",")
    text = lines(X, number, header=header, index=index, delimiter=delimiter).replace("\n", "\r\n")
    path = target.with_suffix(".tsv") if delimiter == "\t" else target
    check(path, ("\ufeff" if mark else "") + text, X)


@FUZZ
@given(matrices(), st.sampled_from(["%.18e", "%.6f", "%.15g"]), st.sampled_from(["", "# u1,u2"]))
def test_numpy(target: Path, X: np.ndarray, form: str, comment: str) -> None:
    text = lines(X, lambda x: form % x)
    written = np.array([[float(form % x) for x in row] for row in X])
    check(target, (comment + "\n" if comment else "") + text, written)


@FUZZ
@given(matrices(), st.sampled_from(["%.18e", "repr"]))
def test_loops_that_end_lines_with_a_delimiter(target: Path, X: np.ndarray, form: str) -> None:
    number = repr if form == "repr" else lambda x: form % x
    check(target, lines(X, lambda x: number(float(x))).replace("\n", ",\n"), X)


@settings(max_examples=50, deadline=None)
@given(matrices(), st.booleans(), st.booleans())
def test_options_decide(X: np.ndarray, header: bool, index: bool) -> None:
    """With both options said, and the delimiter, every table is read, and right."""
    m, n = X.shape
    text = lines(
        X,
        shortest,
        header=NAMES["counting"](n) if header else None,
        index=LABELS["shuffled"](m) if index else None,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.CSV.gz"
        path.write_bytes(gzip.compress(text.encode()))
        found = read_array(path, header=header, index=index, delimiter=",")
    np.testing.assert_array_equal(found, X)


@FUZZ
@given(
    st.text('0123.,;\n"#ab N-e\t', max_size=60),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, True, False, "a"]),
    st.sampled_from([None, ".", ","]),
)
def test_any_text_is_numbers_or_one_line(target: Path, text: str, header, index, decimal) -> None:
    target.write_text(text, encoding="utf-8")
    try:
        found = read_array(target, header=header, index=index, decimal=decimal)
    except ValueError as refusal:
        message = str(refusal)
    else:
        assert found.ndim == 2
        assert found.size > 0
        return
    assert message.startswith((str(target), "index: found the name")), message
    assert "\n" not in message
