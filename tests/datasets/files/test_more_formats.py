"""Tensors, typed tables, netCDF, AnnData, and what lies inside MATLAB's structs and cells."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.io

from shapemetrics.datasets.files import read_array

X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.random.default_rng(1).normal(size=(6, 3))


def test_tensors_of_torch_by_name_and_path(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "net.pt"
    torch.save(
        {"layers": {"a": torch.tensor(X)}, "b": torch.tensor(Y), "bias": torch.ones(3)}, path
    )
    np.testing.assert_array_equal(read_array(path, variable="layers/a"), X)
    with pytest.raises(ValueError, match=r"found 2 arrays \(layers/a \(6, 4\), b \(6, 3\)\)"):
        read_array(path)
    torch.save(torch.tensor(X).to(torch.bfloat16), tmp_path / "one.pth")
    found = read_array(tmp_path / "one.pth")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, X, rtol=0.01)


class Dangerous:
    def __reduce__(self):
        return builtins.print, ("loaded",)


def test_pickles_in_files_of_torch_are_refused(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    path = tmp_path / "evil.pt"
    torch.save({"X": torch.tensor(X), "evil": Dangerous()}, path)
    with pytest.raises(ValueError, match="holds Python objects") as caught:
        read_array(path)
    assert "\n" not in str(caught.value)
    assert "loaded" not in capsys.readouterr().out
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"evil.pt: .*expected tensors"):
        read_array(path)


def test_safetensors(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    numpy.save_file({"a": X, "bias": np.ones(3)}, path)
    np.testing.assert_array_equal(read_array(path), X)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"net.safetensors: damaged"):
        read_array(path)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_typed_tables(tmp_path, suffix):
    pytest.importorskip("pyarrow")
    path = tmp_path / f"net.{suffix}"
    table = pd.DataFrame(X, columns=list("abcd"))

    def written(frame):
        getattr(frame, f"to_{suffix}")(path)
        return path

    np.testing.assert_array_equal(read_array(written(table)), X)
    named = table.assign(picture=[f"p{i}" for i in range(6)])
    np.testing.assert_array_equal(read_array(written(named)), X)
    order = [f"p{i}" for i in (3, 1, 0, 5, 4, 2)]
    found = read_array(written(named), stimuli=order)
    np.testing.assert_array_equal(found, X[[3, 1, 0, 5, 4, 2]])
    by_column = table.assign(number=np.arange(6))
    np.testing.assert_array_equal(read_array(written(by_column), stimulus_column="number"), X)
    with pytest.raises(ValueError, match=r"column 'picture' holds .*expected numbers"):
        read_array(written(named.assign(other="x")))
    with pytest.raises(ValueError, match="empty cell in row 2"):
        read_array(written(table.drop(2).reindex(range(6))))
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged"):
        read_array(path)


def test_netcdf_of_both_versions(tmp_path):
    path = tmp_path / "net.nc"
    with scipy.io.netcdf_file(path, "w") as file:
        file.createDimension("stimulus", 6)
        file.createDimension("unit", 4)
        file.createVariable("stimulus", "i4", ("stimulus",))[:] = np.arange(6)
        file.createVariable("rates", "f8", ("stimulus", "unit"))[:] = X
    np.testing.assert_array_equal(read_array(path), X)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "four.nc", "w") as file:
        file["rates"], file["stimulus"] = X, np.arange(6)
    np.testing.assert_array_equal(read_array(tmp_path / "four.nc"), X)


def test_anndata_gives_its_matrix(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "net.h5ad"
    with h5py.File(path, "w") as file:
        file["X"], file["layers/scaled"], file["obsm/pca"] = X, 2 * X, Y
    np.testing.assert_array_equal(read_array(path), X)
    np.testing.assert_array_equal(read_array(path, variable="layers/scaled"), 2 * X)


def test_inside_structs_and_cells(tmp_path):
    path = tmp_path / "session.mat"
    cell = np.empty((1, 2), dtype=object)
    cell[0, 0], cell[0, 1] = X, Y
    trials = np.array([({"rates": X},), ({"rates": Y},)], dtype=[("one", "O")])
    held = {"s": {"rates": X, "info": {"deep": Y}, "name": "V1"}, "c": cell, "t": trials}
    scipy.io.savemat(path, held)
    for variable, expected in (
        *(("s.rates", X), ("s.info.deep", Y), ("c{2}", Y), ("s(1).rates", X)),
        *(("t(2).one.rates", Y), ("t(1).one.rates", X)),
    ):
        np.testing.assert_array_equal(read_array(path, variable=variable), expected)
    for variable, match in (
        ("s.rate", "found fields rates, info, name in 's', expected one with 'rate'"),
        ("s.info", None),
        ("s.name", "'s.name' is"),
        ("c{3}", "found 2 elements in 'c', expected number 3"),
        ("c{0}", "expected number 0"),
        ("x.rates", "no variable 'x', found s"),
        ("s.rates.x", "found no struct in 's.rates'"),
        ("s.rates}", "expected a path such as"),
    ):
        with pytest.raises(ValueError, match=match and match.replace("{", r"\{")):
            read_array(path, variable=variable)


@pytest.mark.parametrize(
    ("suffix", "package"),
    [
        ("pt", "torch"),
        ("pth", "torch"),
        ("safetensors", "safetensors"),
        ("parquet", "pyarrow"),
        ("feather", "pyarrow"),
        ("h5ad", "h5py"),
    ],
)
def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch, suffix, package):
    monkeypatch.setitem(sys.modules, package, None)
    if package == "pyarrow":
        monkeypatch.setitem(sys.modules, "pyarrow.feather", None)
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(ImportError, match=f"needs the package {package}, which is not installed"):
        read_array(path)
