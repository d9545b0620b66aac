"""Image sets: divisions, digests, checks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits

from shapemetrics.datasets.nasbench import ImageSettings, load_images
from shapemetrics.datasets.nasbench.image_set import stratified_parts


def test_parts_are_disjoint_and_complete():
    images = load_images(ImageSettings(n_train=600, n_probe=100, seed=3))
    parts = [images.train_x, images.probe_x, images.test_x]
    assert [len(part) for part in parts] == [600, 100, 1097]
    digits = load_digits()
    labels = np.concatenate([images.train_y, images.probe_y, images.test_y])
    assert np.array_equal(np.bincount(labels), np.bincount(digits.target))
    # Undone, the standardisation gives back every image of scikit-learn's once.
    scale = np.concatenate(parts)[:, 0].reshape(1797, -1)
    low, high = scale.min(), scale.max()
    pixels = np.rint((scale - low) / (high - low) * 16)
    original = digits.images.reshape(1797, -1)
    assert np.array_equal(
        pixels[np.lexsort(pixels.T)], original[np.lexsort(original.T)].astype(pixels.dtype)
    )


def test_every_class_has_its_share():
    images = load_images({"n_train": 800, "n_probe": 128})
    counts = np.bincount(load_digits().target)
    for labels in (images.train_y, images.probe_y, images.test_y):
        assert np.abs(np.bincount(labels) - counts * len(labels) / 1797).max() <= 2


def test_pixels_are_standardised_by_the_training_images():
    images = load_images({})
    assert images.train_x.dtype == np.float32
    assert images.train_x.mean() == pytest.approx(0, abs=1e-6)
    assert images.train_x.std() == pytest.approx(1, abs=1e-6)
    assert abs(images.test_x.mean()) > 1e-4
    assert (images.in_channels, images.n_classes, images.name) == (1, 10, "digits")


def test_names_of_probes_lead_back_to_scikit_learn():
    images = load_images({"n_probe": 30})
    positions = [int(name.removeprefix("digit-")) for name in images.probe_ids]
    assert np.array_equal(load_digits().target[positions], images.probe_y)


def test_digest_changes_with_anything():
    images = load_images({"n_train": 100, "n_probe": 20})
    same = load_images({"n_train": 100, "n_probe": 20, "seed": 0})
    assert images.digest == same.digest
    assert images.digest != load_images({"n_train": 100, "n_probe": 20, "seed": 1}).digest
    pixels = images.test_x.copy()
    pixels[5, 0, 3, 3] += 1
    assert dataclasses.replace(images, test_x=pixels).digest != images.digest
    assert dataclasses.replace(images, name="other").digest != images.digest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "letters"}, "images 'letters' are unknown, expected one of"),
        ({"n_tran": 100}, r"unknown image settings \['n_tran'\]"),
        ({"n_train": 1700}, "fewer than 1797 together"),
        ({"n_probe": 0}, "at least 1 each"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        load_images(settings)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("train_y", lambda y: y[:-1], "100 train images with classes of shape"),
        ("test_x", lambda x: x[:, :, :7], "test images have shape"),
        ("probe_x", lambda x: x * np.nan, "probe images must be finite"),
        ("test_x", lambda x: x.astype(float), "test images must be finite float32"),
        ("probe_ids", lambda ids: ids[1:], "19 names for 20 probe images"),
    ],
)
def test_inconsistent_sets_are_refused(part, change, message):
    images = load_images({"n_train": 100, "n_probe": 20})
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(images, **{part: change(getattr(images, part))})


def test_rare_classes_are_spread_too():
    classes = np.array([0] * 90 + [1] * 10)
    parts = stratified_parts(classes, (50, 30), seed=2)
    assert [len(part) for part in parts] == [50, 30, 20]
    assert [int(classes[part].sum()) for part in parts] == [5, 3, 2]
