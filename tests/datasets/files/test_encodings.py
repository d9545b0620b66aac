"""Tables of text under their encodings and compressed; what is neither is one line."""

from __future__ import annotations

import gzip

import pytest

from shapemetrics.datasets.files import read_array
from shapemetrics.datasets.files import text as text_of_files

ONE, TWO = [0.1, 0.2], [0.3, 0.1]


@pytest.mark.parametrize(
    ("name", "encoding", "mark"),
    [
        ("a.csv", "utf-8-sig", ""),
        ("A.CSV", "utf-8", ""),
        ("a.tsv", "utf-16", ""),
        ("a.tsv", "utf-16-be", "\ufeff"),
        ("a.tsv", "utf-32", ""),
    ],
)
def test_encodings_that_say_what_they_are(tmp_path, name, encoding, mark):
    delimiter = "," if name.lower().endswith("csv") else "\t"
    text = f"{mark}café,ü\n0.1,0.2\n0.3,0.1\n".replace(",", delimiter)
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert read_array(tmp_path / name).tolist() == [ONE, TWO]


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("latin-1", "found bytes that are no utf-8"), ("utf-16-le", "found NUL characters")],
)
def test_other_encodings_are_refused(tmp_path, encoding, expected):
    text = "ü,u2\n0.1,0.2\n" if encoding == "latin-1" else "u1,u2\n0.1,0.2\n"
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match=expected) as caught:
        read_array(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.csv.gz", "A.CSV.GZ", "a.tsv.gz"])
def test_compressed_tables(tmp_path, name):
    text = "u1,u2\n0.1,0.2\n0.3,0.1\n".replace(",", "," if "csv" in name.lower() else "\t")
    # Programs may write several members one after another.
    content = gzip.compress(text[:9].encode()) + gzip.compress(text[9:].encode())
    (tmp_path / name).write_bytes(content)
    assert read_array(tmp_path / name).tolist() == [ONE, TWO]


def damage(content: bytes) -> dict[str, bytes]:
    changed = bytearray(content)
    changed[-6] ^= 1  # in the checksum
    return {
        "cut": content[:-20],
        "no end": content[:-4],
        "altered": bytes(changed),
        "text": b"u1,u2\n0.1,0.2\n",
        "empty": b"",
    }


@pytest.mark.parametrize("how", ["cut", "no end", "altered", "text", "empty"])
def test_damaged_compression_is_one_line(tmp_path, how):
    text = "u1,u2\n" + "0.125,0.25\n0.5,0.75\n" * 200
    path = tmp_path / "a.csv.gz"
    path.write_bytes(damage(gzip.compress(text.encode()))[how])
    with pytest.raises(ValueError, match=r"a.csv.gz: (damaged|no readable table)") as caught:
        read_array(path)
    assert "\n" not in str(caught.value)


def test_what_unpacks_out_of_proportion_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0.0,0.0\n" * 2**17))
    assert read_array(path, header=False, index=False).shape == (2**17, 2)
    monkeypatch.setattr(text_of_files, "UNCHECKED", 2**16)
    with pytest.raises(
        ValueError, match=r"bomb.csv.gz: unpacks to more than .* 200 times its size"
    ):
        read_array(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            gzip.compress(b"0.1", mtime=0),
            "found a file compressed by gzip, expected the suffix .csv.gz",
        ),
        (b"PK\x03\x04....", "found an Excel workbook or another zip archive"),
        (b"\xd0\xcf\x11\xe0....", "found an old Excel workbook"),
    ],
    ids=["gzip", "zip", "old Excel"],
)
def test_other_files_under_the_name_of_a_table(tmp_path, content, expected):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=expected):
        read_array(tmp_path / "a.csv")
