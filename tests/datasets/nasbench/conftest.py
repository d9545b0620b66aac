"""CIFAR-10 archives in the official layout, made from real pictures or from noise."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
BATCHES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")


def records(pixels: np.ndarray, classes: np.ndarray) -> bytes:
    """Pictures (m, 32, 32, 3) in the official layout: a class, then red, green, blue."""
    planes = pixels.transpose(0, 3, 1, 2).reshape(len(pixels), -1)
    return np.concatenate([classes[:, None].astype(np.uint8), planes], axis=1).tobytes()


def write_archive(path: Path, members: dict[str, bytes]) -> Path:
    """A gzipped tar file of these members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def real_pictures(path: Path, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """The first pictures of each class of a tar file of JPEGs, classes in turn."""
    image = pytest.importorskip("PIL.Image")
    with tarfile.open(path) as archive:
        names = sorted(name for name in archive.getnames() if name.endswith(".jpg"))
        pixels, classes = [], []
        for number in range(per_class):
            for label, kind in enumerate(CLASSES):
                mine = [name for name in names if name.split("/")[-2] == kind]
                content = archive.extractfile(mine[number]).read()
                pixels.append(np.asarray(image.open(io.BytesIO(content)).convert("RGB")))
                classes.append(label)
    return np.stack(pixels), np.array(classes)


@pytest.fixture(scope="session")
def cifar_members() -> dict[str, bytes]:
    """Six batches of 40 pictures of noise, four of each class."""
    rng = np.random.default_rng(5)
    classes = np.tile(np.arange(10), 4)
    return {
        f"cifar-10-batches-bin/{name}": records(
            rng.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8), rng.permutation(classes)
        )
        for name in BATCHES
    }


@pytest.fixture
def write_cifar(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Write members as the archive of an image folder; gives the archive's path."""
    return lambda members: write_archive(tmp_path / "cifar" / "cifar-10-binary.tar.gz", members)


@pytest.fixture(scope="session")
def real_cifar(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with an archive of real pictures: 60 in each training batch, 60 to test."""
    folder = tmp_path_factory.mktemp("real_cifar")
    pixels, classes = real_pictures(shared / "data" / "cifar10_train_10000_jpeg.tar", 30)
    members = {
        f"cifar-10-batches-bin/data_batch_{number}.bin": records(
            pixels[60 * (number - 1) : 60 * number], classes[60 * (number - 1) : 60 * number]
        )
        for number in range(1, 6)
    }
    pixels, classes = real_pictures(shared / "data" / "cifar10_test_3000_jpeg.tar", 6)
    members["cifar-10-batches-bin/test_batch.bin"] = records(pixels, classes)
    members["cifar-10-batches-bin/batches.meta.txt"] = "\n".join(CLASSES).encode()
    write_archive(folder / "cifar-10-binary.tar.gz", members)
    return folder
