"""Corrected distances against known truth, and identification between halves of the trials."""

from __future__ import annotations

import numpy as np
import pytest

from shapemetrics.estimation import signal_bias, signal_identification


def test_the_bias_of_corrected_distances_is_small_where_the_plug_in_is_not():
    table = signal_bias(60, 100, 8, reliabilities=[0.3], shared=[0.0, 0.9], n_pairs=5)
    assert table["reason"].eq("").mean() > 0.7
    for _, part in table.groupby("shared"):
        errors = part[["plug_in", "corrected"]].sub(part["truth"], axis=0).mean()
        assert abs(errors["corrected"]) < 0.1
        assert abs(errors["plug_in"]) > 0.12


def test_hardly_any_signal_is_refused_and_counted():
    table = signal_bias(18, 20, 8, reliabilities=[0.03], shared=[0.5], n_pairs=6)
    refused = table["corrected"].isna()
    assert refused.mean() > 0.5
    assert (table["reason"] != "").equals(refused)
    assert table["plug_in"].notna().all()


def test_networks_are_identified_by_their_signal(rng):
    signals = {name: rng.normal(size=(30, 1, 40)) for name in "abcdef"}
    trials = {k: X + 2.0 * rng.normal(size=(30, 10, 40)) for k, X in signals.items()}
    trials["noise"] = rng.normal(size=(30, 10, 40))
    table = signal_identification(trials, n_resamples=10)
    rows = table[table["item"] == "noise"]
    assert rows["among"].unique().tolist() == ["all"]
    assert rows["reason"].str.contains("with a standard deviation of").all()
    corrected = table[table["estimate"] == "corrected"]
    assert corrected["n"].unique().tolist() == [6]
    assert corrected["identified"].mean() > 0.9
    assert (corrected["floor"] < 0.6).all()
    plug_in = table[(table["estimate"] == "plug_in") & (table["among"] == "reliable")]
    assert (plug_in["floor"].to_numpy() > corrected["floor"].to_numpy()).all()


def test_sessions_and_unequal_repeats_are_halved_too(rng):
    def network():
        signal = rng.normal(size=(8, 30))
        conditions = [
            [x + 0.3 * rng.normal(size=(9 + c, 30)) for c, x in enumerate(signal)] for _ in "ab"
        ]
        return {"one": conditions[0], "two": conditions[1]}

    table = signal_identification({name: network() for name in "xyz"}, n_resamples=4, n_draws=3)
    by_signal = table[table["estimate"] != "noise"]
    assert set(by_signal["estimate"]) == {"plug_in", "corrected"}
    assert (by_signal["identified"] == 1).all()


def test_noise_with_a_structure_of_its_own_identifies_without_any_signal(rng):
    """Noise whose covariance over stimuli differs between networks is alike in both halves."""
    trials = {
        name: np.einsum("ij,jrn->irn", rng.normal(size=(20, 20)), rng.normal(size=(20, 12, 60)))
        for name in "abcd"
    }
    table = signal_identification(trials, n_resamples=6)
    rates = table[table["among"] == "all"].groupby("estimate")["identified"].mean()
    assert rates["plug_in"] > 0.8
    assert rates["noise"] > 0.8
    assert (table["estimate"] == "corrected").sum() <= 2  # hardly any network has a signal


def test_trials_that_do_not_differ_have_no_noise(rng):
    trials = {name: rng.normal(size=(10, 1, 6)) + np.zeros((10, 8, 6)) for name in "abc"}
    table = signal_identification(trials, n_resamples=4, min_signal=0)
    assert set(table["estimate"]) == {"plug_in", "corrected"}


def test_bad_arguments_are_one_line(rng):
    with pytest.raises(ValueError, match="reliabilities: found 0"):
        signal_bias(20, 10, 8, reliabilities=[0.0])
    with pytest.raises(ValueError, match="measure: found 'cca'"):
        signal_bias(20, 10, 8, "cca")
    with pytest.raises(ValueError, match="networks: found no mapping"):
        signal_identification([np.ones((5, 4, 3))] * 2)
