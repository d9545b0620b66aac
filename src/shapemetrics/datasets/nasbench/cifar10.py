"""CIFAR-10 from its official archive, the binary version: nothing in it is executed or unpacked."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .image_set import ImageSet, ImageSettings, stratified_parts

ARCHIVE = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
#: Digest that the authors publish; the other two were read in public code that fetches the file.
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
SIZE = 170_052_171

BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
IMAGES_A_BATCH = 10_000
N_CLASSES = 10
#: Mean and standard deviation of each channel, those of the published training.
CHANNEL_MEANS = (125.31, 122.95, 113.87)
CHANNEL_DEVIATIONS = (62.99, 62.09, 66.70)

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32


def fetch_cifar10(
    folder: str | os.PathLike,
    progress: Callable[[int, int], None] | None = None,
    mirrors: Sequence[str] = (),
) -> Path:
    """Download the archive, resumed and checked against its digests; keep it if it is there.

    Parameters
    ----------
    folder : path-like
        Where `ARCHIVE` goes.
    progress : callable, optional
        ``progress(bytes done, bytes in all)``.
    mirrors : sequence of str, optional
        Addresses of the same file that are tried first, in this order; its digests are the same.
    """
    from shapemetrics.datasets.download import Remote, download_from

    remote = Remote(URL, Path(folder) / ARCHIVE, sha256=SHA256, md5=MD5, size=SIZE)
    return download_from(mirrors, remote, progress=progress)


def read_cifar10(path: str | os.PathLike) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the six batches straight from the archive.

    Parameters
    ----------
    path : path-like
        A gzipped tar file with ``.../data_batch_1.bin`` to ``.../data_batch_5.bin`` and
        ``.../test_batch.bin``; its other members are passed over.

    Returns
    -------
    dict of str to (ndarray of shape (m, 3, 32, 32), ndarray of shape (m,)), uint8
        Pixels and classes of each batch.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, lacks a batch or has one twice, a batch is no file, is empty, larger than
        10,000 images or cut within an image, or a class is not from 0 to 9.

    Notes
    -----
    A record is one byte of class and 3,072 of pixels, red, green, blue, each row by row
    (Krizhevsky 2009). No name in the archive is ever used as a path.
    """
    path = Path(path)
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    try:
        with gzip.open(path) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    name = member.name.rsplit("/", 1)[-1].removesuffix(".bin")
                    if name not in BATCHES or not member.name.endswith(".bin"):
                        continue
                    if name in found:
                        raise ValueError(f"{path}: {name}.bin is there twice")
                    found[name] = _batch(f"{path}, {name}.bin", archive, member)
            while stream.read(1 << 20):  # the checksum of the whole stands at its end
                pass
    except FileNotFoundError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ValueError(f"{path} is damaged or no gzipped tar file: {error}") from error
    missing = [f"{name}.bin" for name in BATCHES if name not in found]
    if missing:
        raise ValueError(f"{path}: {', '.join(missing)} missing; expected CIFAR-10, binary version")
    return found


def load_cifar10(settings: ImageSettings) -> ImageSet:
    """Load CIFAR-10, divided as NAS-Bench-101 divides it.

    Parameters
    ----------
    settings : ImageSettings
        ``folder`` holds `ARCHIVE`. ``n_train`` images are drawn from batches 1 to 4, ``n_test``
        from the test batch, every class with its share; None takes all.

    Returns
    -------
    ImageSet
        Batch 5 is the validation part (as many images of it as of the test part); probes are
        images of the test batch, among those the accuracy is measured on where these are all.

    Notes
    -----
    Each channel loses the published mean and is divided by the published standard deviation. The
    published test accuracies are of the first 9,984 test images, a multiple of the batch size,
    these of all.
    """
    if settings.folder is None:
        raise ValueError(f"images 'cifar10' need a folder that holds {ARCHIVE}, found none")
    batches = read_cifar10(Path(settings.folder) / ARCHIVE)
    pixels, classes = map(np.concatenate, zip(*(batches[name] for name in BATCHES[:4])))
    train = _part(classes, settings.n_train, settings.seed, "cifar10 training images")
    # The validation batch follows the test's size: both serve to measure accuracy only.
    valid_x, valid_y = batches["data_batch_5"]
    test_x, test_y = batches["test_batch"]
    valid = _part(valid_y, settings.n_test, settings.seed, "cifar10 validation images")
    test = _part(test_y, settings.n_test, settings.seed, "cifar10 test images")
    probe = _part(test_y, settings.n_probe, settings.seed, "cifar10 probe images")
    return ImageSet(
        train_x=_standardised(pixels[train]),
        train_y=classes[train].astype(np.int64),
        test_x=_standardised(test_x[test]),
        test_y=test_y[test].astype(np.int64),
        probe_x=_standardised(test_x[probe]),
        probe_y=test_y[probe].astype(np.int64),
        probe_ids=tuple(f"cifar10-test-{image:05d}" for image in probe),
        name=settings.name,
        validation_x=_standardised(valid_x[valid]),
        validation_y=valid_y[valid].astype(np.int64),
        classes=N_CLASSES,
        black=tuple(_standardised(np.zeros((3, 1, 1), np.uint8)).ravel().tolist()),
    )


def _batch(
    name: str, archive: tarfile.TarFile, member: tarfile.TarInfo
) -> tuple[np.ndarray, np.ndarray]:
    if not member.isreg():
        raise ValueError(f"{name} is not a plain file")
    size = member.size
    if not 0 < size <= IMAGES_A_BATCH * _RECORD or size % _RECORD:
        raise ValueError(
            f"{name}: found {size} bytes, expected {_RECORD} for each of 1 to "
            f"{IMAGES_A_BATCH} images"
        )
    data = archive.extractfile(member).read()
    if len(data) != size:
        raise ValueError(f"{name}: found {len(data)} of {size} bytes; the archive is cut off")
    records = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    classes = records[:, 0]
    if classes.max() >= N_CLASSES:
        image = int(np.argmax(classes >= N_CLASSES))
        raise ValueError(f"{name}: image {image} has class {classes[image]}, expected 0 to 9")
    return records[:, 1:].reshape(-1, *_SHAPE), classes


def _part(classes: np.ndarray, size: int | None, seed: int, name: str) -> np.ndarray:
    """Positions of so many images, every class with its share; of all if no size is given."""
    if size is None or size == len(classes):
        return np.arange(len(classes))
    return stratified_parts(classes, (size,), seed, name)[0]


def _standardised(pixels: np.ndarray) -> np.ndarray:
    means, deviations = (
        np.array(values, np.float32)[:, None, None]
        for values in (CHANNEL_MEANS, CHANNEL_DEVIATIONS)
    )
    values = pixels.astype(np.float32)
    values -= means
    values /= deviations
    return values
