"""CIFAR-10: the official binary layout, read from the archive without unpacking it."""

from __future__ import annotations

import hashlib
import io
import tarfile

import numpy as np
import pytest

from shapemetrics.datasets.nasbench import cifar10, load_images
from shapemetrics.datasets.nasbench.cifar10 import fetch_cifar10, load_cifar10, read_cifar10
from shapemetrics.datasets.nasbench.image_set import ImageSettings

FIRST = "cifar-10-batches-bin/data_batch_1.bin"


def undone(values: np.ndarray) -> np.ndarray:
    """Pixels from 0 to 255 back from standardised ones."""
    means, deviations = np.array([(125.31, 122.95, 113.87), (62.99, 62.09, 66.70)])[..., None, None]
    return values * deviations + means


def test_pixels_and_classes_are_those_of_the_layout(write_cifar, cifar_members):
    batches = read_cifar10(write_cifar(cifar_members))
    assert list(batches) == [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for name, (pixels, classes) in batches.items():
        content = cifar_members[f"cifar-10-batches-bin/{name}.bin"]
        for image in (0, 17, 39):
            record = content[3073 * image : 3073 * (image + 1)]
            assert classes[image] == record[0]
            # Green, row 2, column 5.
            assert pixels[image, 1, 2, 5] == record[1 + 1024 + 2 * 32 + 5]


def test_division_and_standardisation(write_cifar, cifar_members):
    folder = str(write_cifar(cifar_members).parent)
    images = load_images({"name": "cifar10", "folder": folder, "n_train": None, "n_probe": 10})
    assert images.train_x.shape == (160, 3, 32, 32)
    assert images.validation_x.shape == images.test_x.shape == (40, 3, 32, 32)
    assert images.probe_x.shape == (10, 3, 32, 32)
    expected = np.frombuffer(cifar_members[FIRST], np.uint8).reshape(-1, 3073)
    np.testing.assert_allclose(
        undone(images.train_x[:40]).reshape(40, -1), expected[:, 1:], atol=1e-3
    )
    assert np.array_equal(images.train_y[:40], expected[:, 0])
    fifth = np.frombuffer(cifar_members["cifar-10-batches-bin/data_batch_5.bin"], np.uint8).reshape(
        -1, 3073
    )
    assert np.array_equal(images.validation_y, fifth[:, 0])
    assert (images.n_classes, images.in_channels, images.name) == (10, 3, "cifar10")


def test_probes_are_test_images_by_name(write_cifar, cifar_members):
    folder = str(write_cifar(cifar_members).parent)
    images = load_images({"name": "cifar10", "folder": folder, "n_train": 50, "n_probe": 20})
    positions = [int(name.removeprefix("cifar10-test-")) for name in images.probe_ids]
    assert np.array_equal(images.test_x[positions], images.probe_x)
    assert np.bincount(images.probe_y).tolist() == [2] * 10
    assert len(images.train_x) == 50
    assert np.bincount(images.train_y).tolist() == [5] * 10
    other = load_images(
        {"name": "cifar10", "folder": folder, "n_train": 50, "n_probe": 20, "seed": 1}
    )
    assert other.probe_ids != images.probe_ids
    few = load_images(
        {"name": "cifar10", "folder": folder, "n_train": 50, "n_probe": 20, "n_test": 10}
    )
    assert (len(few.test_x), len(few.validation_x)) == (10, 10)
    assert few.probe_ids == images.probe_ids


def test_real_pictures_look_like_pictures(real_cifar):
    images = load_cifar10(ImageSettings("cifar10", None, 30, folder=str(real_cifar)))
    assert images.train_x.shape == (240, 3, 32, 32)
    # The published constants describe these pictures, and neighbours are alike in pictures.
    assert np.abs(images.train_x.mean(axis=(0, 2, 3))).max() < 0.2
    assert np.abs(images.train_x.std(axis=(0, 2, 3)) - 1).max() < 0.2
    flat = images.train_x
    assert np.corrcoef(flat[..., :-1].ravel(), flat[..., 1:].ravel())[0, 1] > 0.9
    assert np.corrcoef(flat[:, :, :-1].ravel(), flat[:, :, 1:].ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop(FIRST), "data_batch_1.bin missing; expected CIFAR-10, binary version"),
        (lambda m: m.update({FIRST: m[FIRST][:-1]}), "found 122919 bytes, expected 3073 for each"),
        (lambda m: m.update({FIRST: b""}), "found 0 bytes"),
        (lambda m: m.update({FIRST: b"\x0a" + m[FIRST][1:]}), "image 0 has class 10, expected 0"),
        (lambda m: m.update({FIRST: bytes(3073 * 10_001)}), "of 1 to 10000 images"),
        (lambda m: m.update({f"other/{FIRST}": m[FIRST]}), "data_batch_1.bin is there twice"),
    ],
)
def test_archives_of_something_else_are_refused(write_cifar, cifar_members, change, message):
    members = dict(cifar_members)
    change(members)
    with pytest.raises(ValueError, match=message):
        read_cifar10(write_cifar(members))


def test_names_of_members_are_no_paths(write_cifar, cifar_members, tmp_path):
    members = {"../../evil.sh": b"#!/bin/sh", "/etc/evil": b"x", **cifar_members}
    before = sorted(tmp_path.rglob("*"))
    path = write_cifar(members)
    assert len(read_cifar10(path)) == 6
    assert sorted(tmp_path.rglob("*")) == sorted({*before, path.parent, path})


def test_links_are_not_followed(write_cifar, cifar_members):
    path = write_cifar({})
    with tarfile.open(path, "w:gz") as archive:
        for name, content in cifar_members.items():
            info = tarfile.TarInfo(name)
            if name == FIRST:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    with pytest.raises(ValueError, match=r"data_batch_1.bin is not a plain file"):
        read_cifar10(path)


@pytest.mark.parametrize("kept", [0, 20, 5_000, 300_000])
def test_cut_archives_are_refused(write_cifar, cifar_members, kept):
    path = write_cifar(cifar_members)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz") as found:
        read_cifar10(path)
    assert "\n" not in str(found.value)


def test_flipped_bytes_are_found(write_cifar, cifar_members):
    path = write_cifar(cifar_members)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged|cut off"):
        read_cifar10(path)


def test_what_is_needed_is_told(tmp_path):
    with pytest.raises(ValueError, match="need a folder that holds cifar-10-binary"):
        load_images({"name": "cifar10"})
    with pytest.raises(FileNotFoundError):
        load_images({"name": "cifar10", "folder": str(tmp_path)})
    with pytest.raises(ValueError, match="'digits' need n_train, and take no n_test"):
        load_images({"name": "digits", "folder": "here"})


def test_the_download_is_checked(http_server, write_cifar, cifar_members, tmp_path, monkeypatch):
    content = write_cifar(cifar_members).read_bytes()
    (http_server.folder / "cifar.tar.gz").write_bytes(content)
    monkeypatch.setattr(cifar10, "URL", f"{http_server.url}cifar.tar.gz")
    monkeypatch.setattr(cifar10, "SIZE", len(content))
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
    with pytest.raises(ValueError, match=r"found md5 .*, expected c32a1d4ab5d0"):
        fetch_cifar10(tmp_path / "got")
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(content).hexdigest())
    path = fetch_cifar10(tmp_path / "got")
    assert path.name == "cifar-10-binary.tar.gz"
    assert path.read_bytes() == content


def test_black_is_minus_mean_over_deviation(write_cifar, cifar_members):
    folder = str(write_cifar(cifar_members).parent)
    images = load_images({"name": "cifar10", "folder": folder, "n_train": 20, "n_probe": 10})
    assert images.black == pytest.approx((-1.9894, -1.9802, -1.7072), abs=1e-4)


def test_mirrors_are_tried_in_turn_and_checked(
    http_server, write_cifar, cifar_members, tmp_path, monkeypatch
):
    content = write_cifar(cifar_members).read_bytes()
    (http_server.folder / "good.tar.gz").write_bytes(content)
    (http_server.folder / "other.tar.gz").write_bytes(content[::-1])
    monkeypatch.setattr(cifar10, "URL", f"{http_server.url}official.tar.gz")
    monkeypatch.setattr(cifar10, "SIZE", len(content))
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(content).hexdigest())
    mirrors = [f"{http_server.url}{name}.tar.gz" for name in ("absent", "other", "good")]
    path = fetch_cifar10(tmp_path / "got", mirrors=mirrors)
    assert path.read_bytes() == content
    asked = [name for name, _ in http_server.asked]
    assert asked == ["/absent.tar.gz", "/other.tar.gz", "/good.tar.gz"]
    # What no mirror has comes from the official address.
    (http_server.folder / "official.tar.gz").write_bytes(content)
    path = fetch_cifar10(tmp_path / "again", mirrors=mirrors[:2])
    assert path.read_bytes() == content
    with pytest.raises(ValueError, match=r"other.tar.gz: found sha256"):
        monkeypatch.setattr(cifar10, "URL", mirrors[1])
        fetch_cifar10(tmp_path / "wrong", mirrors=mirrors[:1])
