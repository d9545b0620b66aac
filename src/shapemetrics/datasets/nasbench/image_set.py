"""A set of images in parts: to train on, to measure the accuracy on, and to probe with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class ImageSettings:
    """Which images, and how they are divided.

    Parameters
    ----------
    name : str, default "digits"
        Source of the images, one of those that `load_images` knows.
    n_train : int or None, default 800
        Images to train on; None for all that CIFAR-10 has for it.
    n_probe : int, default 128
        Images whose responses are kept; none of them is trained on.
    seed : int, default 0
        Seed of the division.
    n_test : int, optional
        Images to measure the accuracy on; by default all that are left (digits), or the whole test
        batch (CIFAR-10).
    folder : str, optional
        Where the images are, if they do not come with a package.
    """

    name: str = "digits"
    n_train: int | None = 800
    n_probe: int = 128
    seed: int = 0
    n_test: int | None = None
    folder: str | None = None


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their classes, in parts.

    None is trained on and in another part. Test and probe images may be the same.

    Parameters
    ----------
    train_x, test_x, probe_x : ndarray of shape (m, channels, height, width), float32
        Standardised pixels: to train on, to measure the accuracy on, to keep the responses to.
    train_y, test_y, probe_y : ndarray of shape (m,), int64
        Classes, counted from 0.
    probe_ids : tuple of str
        Names of the probe images.
    name : str
        Name of the source.
    validation_x, validation_y : ndarray, optional
        A further part, if the source has one, to choose by rather than to report.
    classes : int, optional
        Number of classes, if the training images may lack one.
    black : tuple of float, optional
        Value of a black pixel in each channel, which pictures are padded with before they are
        cropped; zeros, the mean of the standardised pixels, where it is left out.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    probe_x: np.ndarray
    probe_y: np.ndarray
    probe_ids: tuple[str, ...]
    name: str
    validation_x: np.ndarray | None = None
    validation_y: np.ndarray | None = None
    classes: int | None = None
    black: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        shape = self.train_x.shape[1:]
        parts = ["train", "test", "probe"]
        if self.validation_x is not None and self.validation_y is not None:
            parts.append("validation")
        for part in parts:
            pixels, classes = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            if pixels.ndim != 4 or pixels.shape[1:] != shape:
                raise ValueError(
                    f"{self.name}: {part} images have shape {pixels.shape}, expected "
                    f"(images, {', '.join(map(str, shape))})"
                )
            if pixels.dtype != np.float32 or not np.isfinite(pixels).all():
                raise ValueError(f"{self.name}: {part} images must be finite float32 numbers")
            if len(pixels) == 0 or classes.shape != (len(pixels),):
                raise ValueError(
                    f"{self.name}: {len(pixels)} {part} images with classes of shape "
                    f"{classes.shape}, expected one class for each of at least one image"
                )
        if len(self.probe_ids) != len(self.probe_x):
            raise ValueError(
                f"{self.name}: {len(self.probe_ids)} names for {len(self.probe_x)} probe images"
            )
        if self.black is not None and len(self.black) != self.in_channels:
            raise ValueError(
                f"{self.name}: found {len(self.black)} values of black, expected "
                f"{self.in_channels}, one per channel"
            )

    @property
    def in_channels(self) -> int:
        """Channels of an image."""
        return self.train_x.shape[1]

    @cached_property
    def n_classes(self) -> int:
        """Number of classes, by default of those among the training images."""
        return int(self.train_y.max()) + 1 if self.classes is None else self.classes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in the set."""
        total = hashlib.sha256()
        for part in fields(self):
            value = getattr(self, part.name)
            if value is None:
                continue  # a set without a part has the digest that it had before there were such
            total.update(f"{part.name}\n".encode())
            if isinstance(value, np.ndarray):
                total.update(f"{value.dtype.str}{value.shape}\n".encode())
                total.update(np.ascontiguousarray(value).data)
            else:
                total.update(repr(value).encode())
        return total.hexdigest()


def stratified_parts(
    classes: np.ndarray, sizes: tuple[int, ...], seed: int, name: str = "images"
) -> list[np.ndarray]:
    """Divide images into parts, every class with its share of each.

    Parameters
    ----------
    classes : ndarray of shape (m,)
        Class of each image.
    sizes : tuple of int
        Images in each part but the last, which takes those left over.
    seed : int
        Seed of the division.
    name : str
        What to call the images in a message.

    Returns
    -------
    list of ndarray
        Positions of each part's images, ascending.

    Raises
    ------
    ValueError
        If a part would be empty.
    """
    if min(sizes) < 1 or sum(sizes) >= len(classes):
        raise ValueError(
            f"{name}: parts of {', '.join(map(str, sizes))} images asked for, expected at least 1 "
            f"each and fewer than {len(classes)} together, so that some are left"
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(classes))
    # Ranks within the class, spread evenly over (0, 1): sorted by them, any stretch of images
    # has every class in proportion.
    order = np.empty(len(classes))
    for label in np.unique(classes):
        members = shuffled[classes[shuffled] == label]
        order[members] = (np.arange(len(members)) + rng.random()) / len(members)
    ends = np.cumsum(sizes)
    return [np.sort(part) for part in np.split(np.argsort(order, kind="stable"), ends)]
