"""Choice of networks: uniform, spread over published accuracy, by hash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pyarrow")

from shapemetrics.datasets.nasbench import (
    enumerate_cells,
    parse_networks,
    read_networks,
    sample_networks,
)
from shapemetrics.datasets.nasbench.choice import (
    ChoiceSettings,
    choose_networks,
    even_shares,
    find_cells,
)

CELLS = list(enumerate_cells(5))


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    """Results of 2,532 cells whose accuracies are as skewed as the published ones."""
    rng = np.random.default_rng(1)
    accuracy = 1 - 10 ** rng.normal(-1.1, 0.09, len(CELLS))
    accuracy[:5] = 0.1
    table = pd.DataFrame(
        {
            "hash": [cell.hash for cell in CELLS],
            "adjacency": [cell.adjacency_string for cell in CELLS],
            "operations": [cell.operations_string for cell in CELLS],
        }
    )
    for repeat, shift in enumerate((-0.004, 0.0, 0.004), start=1):
        table[f"test_accuracy_108_{repeat}"] = accuracy + shift
        table[f"validation_accuracy_108_{repeat}"] = accuracy + 0.01
    return table


def test_a_uniform_choice_is_that_of_the_default_study():
    found = choose_networks(ChoiceSettings(n=12, max_vertices=5), seed=7)
    pd.testing.assert_frame_equal(found, sample_networks(12, 7, 5))


def test_published_accuracies_are_recorded(published, tmp_path):
    found = choose_networks(ChoiceSettings(n=12, max_vertices=5), 7, published)
    pd.testing.assert_frame_equal(
        found.drop(columns=[name for name in found if name.startswith("published_")]),
        sample_networks(12, 7, 5),
    )
    expected = published.set_index("hash")["test_accuracy_108_2"][found["network"]]
    assert found["published_test_accuracy"].to_numpy() == pytest.approx(expected.to_numpy())
    assert found["published_spread"].to_numpy() == pytest.approx(0.004)
    found.to_csv(tmp_path / "networks.csv", index=False)
    assert len(parse_networks(read_networks(tmp_path / "networks.csv"))) == 12


def test_strata_spread_the_error(published):
    settings = ChoiceSettings("stratified", n=60, max_vertices=5, n_strata=6)
    found = choose_networks(settings, 3, published)
    assert found["network"].is_unique
    counts = np.bincount(found["stratum"], minlength=6)
    assert counts.sum() == 60
    # The extreme strata are nearly empty in the sample space, and still nearly as full here.
    assert counts.min() >= 5
    assert counts.max() <= 12
    error = np.log10(1 - found["published_test_accuracy"])
    uniform = choose_networks(ChoiceSettings(n=60, max_vertices=5), 3, published)
    assert error.std() > 1.5 * np.log10(1 - uniform["published_test_accuracy"]).clip(-3, -0.5).std()
    assert found["published_test_accuracy"].min() > 0.2
    by_stratum = error.groupby(found["stratum"])
    assert (by_stratum.min().to_numpy()[:-1] >= by_stratum.max().to_numpy()[1:]).all()


def test_the_seed_decides(published):
    settings = ChoiceSettings("stratified", n=20, max_vertices=5)
    one, same, other = (choose_networks(settings, seed, published) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert set(one["network"]) != set(other["network"])


def test_strata_keep_to_small_cells(published):
    settings = ChoiceSettings("stratified", n=30, max_vertices=4, n_strata=3, lowest=0.0)
    assert choose_networks(settings, 0, published)["n_vertices"].max() == 4


def test_explicit_networks_in_their_order(published):
    names = tuple(CELLS[position].hash for position in (80, 3, 41))
    settings = ChoiceSettings("explicit", networks=names)
    for table in (choose_networks(settings, 0), choose_networks(settings, 0, published)):
        assert tuple(table["network"]) == names
        parse_networks(table)
    assert [cell.hash for cell in find_cells(names, 5)] == list(names)
    assert find_cells([]) == []


def test_networks_that_are_not_there(published):
    with pytest.raises(ValueError, match="network abc is not in the search space of at most 3"):
        find_cells(["abc", CELLS[0].hash], 3)
    with pytest.raises(ValueError, match="network abc is not among the 2532 published ones"):
        choose_networks(ChoiceSettings("explicit", networks=("abc",)), 0, published)
    with pytest.raises(ValueError, match="is not among the 10 published ones"):
        choose_networks(ChoiceSettings(n=12), 0, published[:10])
    with pytest.raises(ValueError, match="92 networks asked for, but only 9"):
        choose_networks(ChoiceSettings("stratified", n=92, max_vertices=4), 0, published)
    with pytest.raises(ValueError, match="'stratified' needs the published results"):
        choose_networks(ChoiceSettings("stratified", n=2), 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"how": "best", "n": 3}, "choice 'best' is unknown, expected one of uniform, stratified"),
        ({"how": "uniform"}, "needs n and takes no networks"),
        ({"n": 3, "networks": ["a"]}, "needs n and takes no networks"),
        ({"how": "explicit"}, "'explicit' needs networks"),
        ({"how": "explicit", "networks": ["a"], "n": 2}, "n is 2, but 1 networks are named"),
        ({"n": 0}, "n must be at least 1"),
        ({"n": 1, "lowest": 1.0}, "lowest at least 0 and below 1, found 10 and 1.0"),
        ({"n": 1, "strata": 3}, r"unknown choice settings \['strata'\]"),
    ],
)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ChoiceSettings.from_mapping(values)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.data())
def test_shares_are_as_even_as_sizes_allow(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))
    shares = even_shares(np.array(sizes), total)
    assert sum(shares) == total
    assert all(0 <= share <= size for share, size in zip(shares, sizes))
    # Whoever has less than another, by more than the indivisible one, has given all.
    for share, size in zip(shares, sizes):
        assert share == size or share >= max(shares) - 1
