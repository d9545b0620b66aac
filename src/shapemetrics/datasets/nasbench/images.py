"""Sources of images to train networks on and to probe them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from .cifar10 import load_cifar10
from .image_set import ImageSet, ImageSettings, stratified_parts


def load_images(settings: ImageSettings | Mapping[str, Any]) -> ImageSet:
    """Load the images that the settings name.

    Parameters
    ----------
    settings : ImageSettings or mapping
        A mapping has the fields of `ImageSettings`; those left out take their defaults.

    Returns
    -------
    ImageSet
        The same for the same settings.

    Raises
    ------
    ValueError
        If a setting or the source is unknown, or the source has too few images.

    Examples
    --------
    >>> images = load_images({"name": "digits", "n_train": 800, "n_probe": 128})
    >>> images.train_x.shape, images.test_x.shape, images.probe_x.shape
    ((800, 1, 8, 8), (869, 1, 8, 8), (128, 1, 8, 8))
    """
    if isinstance(settings, Mapping):
        known = [field.name for field in fields(ImageSettings)]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise ValueError(f"unknown image settings {unknown}, expected some of {known}")
        settings = ImageSettings(**settings)
    if settings.name not in _SOURCES:
        raise ValueError(f"images {settings.name!r} are unknown, expected one of {list(_SOURCES)}")
    return _SOURCES[settings.name](settings)


def load_digits(settings: ImageSettings) -> ImageSet:
    """Load the 1,797 handwritten digits that come with scikit-learn, 8x8 pixels each.

    Every class has its share of each part; the images that are neither trained on nor probes make
    up the test set. Pixels lose the training images' mean and are divided by their standard
    deviation, each one number, as an image has one channel.
    """
    from sklearn.datasets import load_digits as load

    if settings.n_train is None or settings.n_test is not None or settings.folder is not None:
        raise ValueError("images 'digits' need n_train, and take no n_test and no folder")
    digits = load()
    train, probe, test = stratified_parts(
        digits.target, (settings.n_train, settings.n_probe), settings.seed, settings.name
    )
    pixels = digits.images.astype(np.float64)[:, None]
    pixels = (pixels - pixels[train].mean()) / pixels[train].std()
    pixels, classes = pixels.astype(np.float32), digits.target.astype(np.int64)
    return ImageSet(
        train_x=pixels[train],
        train_y=classes[train],
        test_x=pixels[test],
        test_y=classes[test],
        probe_x=pixels[probe],
        probe_y=classes[probe],
        probe_ids=tuple(f"digit-{image:04d}" for image in probe),
        name=settings.name,
    )


#: Sources of images by name; each takes ImageSettings and gives an ImageSet.
_SOURCES: dict[str, Callable[[ImageSettings], ImageSet]] = {
    "digits": load_digits,
    "cifar10": load_cifar10,
}
