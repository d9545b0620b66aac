"""Embedding, distortion and audit of hundreds of items: known values, any number of threads."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from angles import angles_and_target
from sklearn.manifold import MDS

from shapemetrics.geometry import distortion_curve, embed, triangle_audit
from shapemetrics.geometry.smacof import smacof
from shapemetrics.pairwise.threads import item_workers

# Dimensions: largest and mean distortion, stress, iterations; computed with scikit-learn's SMACOF.
# The largest distortion in one dimension is made of rounding errors and so left out.
CURVES = {
    200: {
        1: (None, None, 0.5466601829881553, 5),
        2: (5.874819926866626, 1.6945477588085973, 0.37300999466443946, 332),
        3: (4.280492728804521, 1.4024179310920408, 0.27493256414881573, 188),
        5: (2.8000893961976807, 1.1857264697343135, 0.17342848699598573, 223),
        10: (1.7521015183958926, 1.070879241495898, 0.08006688145963056, 125),
        20: (1.2093682279934093, 1.0226921693039543, 0.027681600238314605, 120),
        30: (1.112970905419209, 1.0144397947469712, 0.017639774043597307, 53),
    },
    500: {
        1: (None, None, 0.5525088300559418, 12),
        2: (9.837512394400328, 1.7538729973703227, 0.3816967890116845, 212),
        10: (1.9521861548574364, 1.0752366433493232, 0.08475541732699411, 109),
    },
}
CLASSICAL = {
    2: (15.83545472722449, 1.728657884813309, 0.6184402650011382, 0),
    10: (1.848697186163235, 1.10275274769182, 0.21876758627906887, 0),
    30: (1.1678413567720562, 1.0227405580722395, 0.029400701251548315, 0),
}


def assert_rows(curve: pd.DataFrame, expected: dict[int, tuple]) -> None:
    """Compare a curve of one method with known values."""
    table = curve.set_index("n_dimensions").drop(columns="method")
    for n_dimensions, values in expected.items():
        for name, value in zip(table.columns, values):
            if value is not None:
                assert table.loc[n_dimensions, name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("n_items", CURVES)
def test_distortion_has_the_values_of_scikit_learns_smacof(n_items):
    D, _ = angles_and_target(n_items)
    # The solutions of fewer dimensions are starts of more, so that all are needed.
    dimensions = [1, 2, 3, 5, 10, 20, 30] if n_items == 200 else [1, 2, 3, 5, 10]
    curve = distortion_curve(D, dimensions)
    assert_rows(curve[curve["method"] == "metric"], CURVES[n_items])
    if n_items == 200:
        assert_rows(curve[curve["method"] == "classical"], CLASSICAL)


def test_embedding_has_the_values_of_scikit_learns_smacof():
    found = embed(angles_and_target(200)[0], 3)
    assert (found.stress, found.n_iter) == (pytest.approx(0.27493256414881573, abs=1e-9), 188)
    np.testing.assert_allclose(
        found.coordinates[0],
        [-0.4199519457273147, -0.4187950125379852, 0.9726899707136311],
        atol=1e-9,
    )


@pytest.mark.parametrize("n_items", [2, 3, 33, 150, 301])
@pytest.mark.parametrize("n_components", [1, 2, 3, 12])
def test_smacof_is_scikit_learns(n_items, n_components, rng):
    """Same points after the same iterations, from the same start, whose memory is untouched."""
    D, _ = angles_and_target(n_items)
    start = rng.normal(size=(n_items, n_components))
    kept = start.copy()
    found, n_iter = smacof(D, start, max_iter=40, eps=1e-4)
    model = MDS(
        n_components,
        metric="precomputed",
        init="classical_mds",
        n_init=1,
        max_iter=40,
        eps=1e-4,
        normalized_stress=False,
    )
    expected = model.fit_transform(D, init=kept)
    np.testing.assert_array_equal(start, kept)
    assert n_iter == model.n_iter_
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_smacof_separates_points_at_one_place(rng):
    """Items at one place, with a distance and without, move as in scikit-learn's iteration."""
    D, _ = angles_and_target(60)
    D[3] = D[4]
    D[:, 3] = D[:, 4]
    D[3, 4] = D[4, 3] = D[3, 3] = 0.0
    start = np.repeat(rng.normal(size=(30, 2)), 2, axis=0)
    start[3] = start[4]
    found, _ = smacof(D, start, max_iter=5, eps=0.0)
    points = start
    for _ in range(5):
        gaps = points[:, None] - points[None]
        lengths = np.linalg.norm(gaps, axis=-1)
        lengths[lengths < 1e-7] = 1e-5
        points = ((D / lengths)[..., None] * gaps).sum(axis=1) / 60
    np.testing.assert_allclose(found, points, atol=1e-9)


def test_smacof_keeps_no_matrix_of_all_pairs(rng):
    D, _ = angles_and_target(900)
    start = rng.normal(size=(900, 5))
    tracemalloc.start()
    smacof(D, start, max_iter=3, eps=0.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < D.nbytes / 3


# Inequalities broken, share of triangles broken, largest excess, and the worst triple.
AUDITS = {
    (200, "angles"): (0, 0.0, -0.448283070017498, (69, 81, 124)),
    (200, "squares"): (5566, 0.0021189279731993298, 1.111623640799205, (69, 81, 124)),
    (200, "one way longer"): (6211, 0.002905436272270443, 1.1420574781173207, (69, 81, 124)),
    (500, "angles"): (0, 0.0, -0.410346323844887, (232, 73, 456)),
    (500, "squares"): (86494, 0.0020883695101045464, 1.316081240675265, (244, 131, 430)),
    (500, "one way longer"): (96287, 0.0028591641113552405, 1.4558598313617956, (430, 131, 244)),
}


def dissimilarities(n_items: int, kind: str) -> np.ndarray:
    """Angles, their squares, or squares that are longer from some items than to them."""
    D, _ = angles_and_target(n_items)
    if kind == "angles":
        return D
    longer = (1 + 0.05 * np.sin(np.arange(n_items)))[:, None]
    return D**2 * (longer if kind == "one way longer" else 1.0)


@pytest.mark.parametrize(("n_items", "kind"), AUDITS)
def test_audit_has_known_values(n_items, kind):
    audit = triangle_audit(dissimilarities(n_items, kind))
    violations, share, excess, worst = AUDITS[n_items, kind]
    assert audit.n_violations == violations
    assert audit.fraction_triangles == pytest.approx(share, abs=1e-9)
    assert audit.max_excess == pytest.approx(excess, abs=1e-9)
    assert (audit.worst.i, audit.worst.j, audit.worst.k) == worst


@pytest.mark.parametrize(
    "kind", ["angles", "squares", "one way longer", "whole numbers", "some negative"]
)
def test_audit_agrees_with_all_triples_at_once(kind, rng):
    """Several blocks of triples, against one array of all of them."""
    n = 230
    if kind == "whole numbers":  # many ties
        D = np.triu(rng.integers(1, 5, (n, n)), 1).astype(np.float64)
        D += D.T
    elif kind == "some negative":
        D = np.triu(rng.uniform(-0.2, 1.0, (n, n)), 1)
        D += D.T
    else:
        D = dissimilarities(n, kind)
    audit = triangle_audit(D, tolerance=1e-9)
    slack = 1e-9 * np.abs(D).max()
    detour = D[:, :, None] + D[None, :, :]
    excess = D[:, None, :] - detour  # i, j, k
    index = np.arange(n)
    same = (index[:, None] == index)[:, :, None] | (index[:, None] == index)[None]
    excess[same | (index[:, None] == index)[:, None, :]] = -np.inf
    broken = excess > slack
    assert audit.n_violations == np.count_nonzero(broken)
    assert audit.max_excess == excess.max()
    assert audit.worst.excess == excess.max()
    anyhow = np.any([broken.transpose(t) for t in ORDERS], axis=0)
    triangles = sum(np.count_nonzero(np.triu(anyhow[i, i + 1 :, i + 1 :], 1)) for i in range(n))
    assert audit.fraction_triangles == pytest.approx(triangles / (n * (n - 1) * (n - 2) / 6))
    if broken.any():
        with np.errstate(divide="ignore"):
            relative = excess[broken] / np.maximum(detour[broken], 0)
        assert audit.max_relative_violation == relative.max()


ORDERS = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]


def test_threads_change_nothing():
    D, _ = angles_and_target(160)
    one, three = (distortion_curve(D, [1, 3, 8], n_jobs=n) for n in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)
    first, other = (embed(D, 2, n_init=2, n_jobs=n) for n in (1, 3))
    np.testing.assert_array_equal(first.coordinates, other.coordinates)
    for kind in ("squares", "one way longer"):
        A = dissimilarities(160, kind)
        assert triangle_audit(A, n_jobs=1) == triangle_audit(A, n_jobs=3)


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_threads_that_is_none_is_named(n_jobs):
    with (
        pytest.raises(
            ValueError, match=f"n_jobs: found {n_jobs}, expected a positive integer or -1"
        ),
        item_workers(10, n_jobs),
    ):
        pass
    with pytest.raises(ValueError, match="n_jobs"):
        triangle_audit(np.ones((3, 3)), n_jobs=n_jobs)


def test_workers_return_results_in_order_and_pass_errors_on():
    with item_workers(10, 3) as run:
        assert run(lambda a, b: a * b, ((i, 2) for i in range(50))) == [2 * i for i in range(50)]
        with pytest.raises(ZeroDivisionError):
            run(lambda a: 1 / a, [(1,), (0,)])
