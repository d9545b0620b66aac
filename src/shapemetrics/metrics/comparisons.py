"""Usual measures of similarity that are not metrics, kept for comparison and for the audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, Prepared
from shapemetrics.metrics.cka import AngularCKA
from shapemetrics.metrics.linear import LinearMetric
from shapemetrics.metrics.similarity_cca import CanonicalCorrelation
from shapemetrics.metrics.similarity_cknna import NeighborAlignment
from shapemetrics.metrics.similarity_partial import PartialMatching
from shapemetrics.metrics.similarity_regression import RegressionError
from shapemetrics.metrics.similarity_rsa import CORRELATIONS, RDM, RDMS, RDMCorrelation
from shapemetrics.validation import check_choice, check_fraction, check_integer, check_number


class Measure(Protocol):
    """What each dissimilarity does: prepare one network, compare two stacks of prepared ones."""

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> Prepared:
        """Do everything that depends on one network only."""
        ...

    def stack(self, prepared: Sequence[Any]) -> Any:
        """Gather prepared networks."""
        ...

    def pairwise(self, stack_a: Any, stack_b: Any) -> Array:
        """All dissimilarities from one stack to another."""
        ...

    def pair_seconds(self, m: int, n: int) -> float:
        """Time per pair on one core."""
        ...


class CosineGap:
    """One minus the cosine of an angle, from the accurate angle.

    Parameters
    ----------
    angular : Metric
        Whose distances are angles in radians.
    """

    def __init__(self, angular: Metric) -> None:
        self._angular = angular

    def prepare(self, X: Any, *, name: str, dtype: Any, metric: str) -> Any:
        """Prepare one network as the angle does."""
        item = self._angular.prepare(X, name=name, dtype=dtype)
        return dataclasses.replace(item, origin=dataclasses.replace(item.origin, metric=metric))

    def stack(self, prepared: Sequence[Any]) -> Any:
        """Put prepared networks side by side."""
        return self._angular.stack(prepared)

    def pairwise(self, stack_a: Any, stack_b: Any) -> Array:
        """1 - cos(angle), without cancellation: (len(a), len(b))."""
        return 2.0 * np.sin(0.5 * self._angular.pairwise(stack_a, stack_b)) ** 2

    def pair_seconds(self, m: int, n: int) -> float:
        """Time of the angle."""
        return self._angular.pair_seconds(m, n)


class _Kind(NamedTuple):
    make: Callable[[Comparison], Measure]
    symmetric: bool
    options: frozenset[str]
    invariances: frozenset[str]


#: What all measures share that compare responses up to offset, scale and rotation.
SHAPE = frozenset({"offset", "scale", "rotation", "permutation"})

KINDS: dict[str, _Kind] = {
    "cka": _Kind(lambda c: CosineGap(AngularCKA()), True, frozenset(), SHAPE | {"duplication"}),
    "mean_cca": _Kind(
        lambda c: CanonicalCorrelation(False, c.n_components, c.rank_tolerance),
        True,
        frozenset({"n_components", "rank_tolerance"}),
        SHAPE,
    ),
    "pwcca": _Kind(
        lambda c: CanonicalCorrelation(True, c.n_components, c.rank_tolerance),
        False,
        frozenset({"n_components", "rank_tolerance"}),
        frozenset({"offset", "scale", "permutation"}),
    ),
    "linear_regression": _Kind(
        lambda c: RegressionError(c.n_folds, c.ridge, c.seed, c.rank_tolerance),
        False,
        frozenset({"n_folds", "ridge", "seed", "rank_tolerance"}),
        SHAPE,
    ),
    "rsa_correlation": _Kind(
        lambda c: RDMCorrelation(c.rdm, c.correlation),
        True,
        frozenset({"rdm", "correlation"}),
        frozenset({"scale", "permutation", "duplication"}),
    ),
    "debiased_cka": _Kind(
        lambda c: CosineGap(AngularCKA(debias=c.hsic)),
        True,
        frozenset({"hsic"}),
        SHAPE | {"duplication"},
    ),
    "normalized_bures": _Kind(
        lambda c: CosineGap(LinearMetric()), True, frozenset(), SHAPE | {"duplication"}
    ),
    "cknna": _Kind(
        lambda c: NeighborAlignment(c.n_neighbors),
        False,
        frozenset({"n_neighbors"}),
        frozenset({"scale", "rotation", "permutation", "duplication"}),
    ),
    "partial_soft_matching": _Kind(
        lambda c: PartialMatching(c.mass),
        True,
        frozenset({"mass"}),
        frozenset({"offset", "scale", "permutation", "duplication", "unit_scale"}),
    ),
}


@dataclass(frozen=True)
class Comparison(Metric):
    r"""One minus a usual similarity of representations; none satisfies the triangle inequality.

    Parameters
    ----------
    measure : str
        One of :meth:`names`:

        - ``"cka"``: linear centred kernel alignment.
        - ``"mean_cca"``: mean canonical correlation.
        - ``"pwcca"``: mean canonical correlation weighted by the first network. Asymmetric.
        - ``"linear_regression"``: R^2 of predicting the second network from the first. Asymmetric.
        - ``"rsa_correlation"``: correlation between the matrices of dissimilarities of stimuli.
        - ``"debiased_cka"``: linear CKA by an estimator without similarities of stimuli to
          themselves.
        - ``"normalized_bures"``: normalised Bures similarity (NBS), the cosine of the Procrustes
          angle.
        - ``"cknna"``: CKA of the neighbours that stimuli have in both networks. Asymmetric.
        - ``"partial_soft_matching"``: mean correlation of matched units, where a share of them
          may stay without a match.
    n_components : int, optional
        mean_cca, pwcca: reduce each network to at most so many principal components first.
    n_folds : int or None, default=5
        linear_regression: folds of stimuli; None measures R^2 on the stimuli that were fitted.
    ridge : float, default=0.0
        linear_regression: penalty as a fraction of the mean eigenvalue of the training responses'
        :math:`X^T X`, so that it does not depend on units; 0 is ordinary least squares (of minimum
        norm).
    seed : int, default=0
        linear_regression: draws the folds, which all networks share.
    rank_tolerance : float, optional
        mean_cca, pwcca, linear_regression: singular values below this fraction of the largest count
        as zero; by default what rounding in float64 can hide.
    rdm : {"correlation", "euclidean", "squared_euclidean"}, default="correlation"
        rsa_correlation: dissimilarity between the responses to two stimuli.
    correlation : {"pearson", "spearman"}, default="pearson"
        rsa_correlation: between entries above the diagonals.
    hsic : {"song", "lange"}, default="song"
        debiased_cka: the estimator.
    n_neighbors : int, default=10
        cknna: neighbours of each stimulus, at least 2.
    mass : float, default=0.9
        partial_soft_matching: share of the units that is matched, in (0, 1].

    Attributes
    ----------
    symmetric : bool
        Whether d(X, Y) = d(Y, X). Where not, row i and column j of a matrix hold the dissimilarity
        from network i to network j.

    Notes
    -----
    With centred responses, an orthonormal basis :math:`U` of each network's, canonical correlations
    :math:`\rho` (singular values of :math:`U_X^T U_Y`) and canonical variates :math:`h` of X:

    - cka: :math:`1 - \|X^T Y\|_F^2 / (\|X^T X\|_F \|Y^T Y\|_F)` (Kornblith et al. 2019,
      arXiv:1905.00414).
    - mean_cca: :math:`1 - \sum_i \rho_i / \min(r_X, r_Y)` with ranks r (as in Raghu et al. 2017,
      arXiv:1706.05806). Zero wherever one network's span contains the other's.
    - pwcca: :math:`1 - \sum_i w_i \rho_i / \sum_i w_i` with
      :math:`w_i = \sum_j |\langle h_i, x_j \rangle|` over the units j of X (Morcos, Raghu, Bengio
      2018, arXiv:1806.05759).
    - linear_regression: :math:`1 - R^2 = \|Y - \hat Y\|_F^2 / \|Y - \bar Y\|_F^2`, all units
      together. :math:`\hat Y` holds out-of-fold predictions by regression with intercept,
      :math:`\bar Y` the mean over all stimuli (scikit-learn's ``r2_score`` with
      ``multioutput="variance_weighted"``). Above 1 where prediction is worse than the mean. On a
      matrix's diagonal it is not 0 where training stimuli are fewer than units, or with ridge.
    - rsa_correlation: one minus the correlation of dissimilarities (Kriegeskorte, Mur, Bandettini
      2008), in [0, 2].
    - debiased_cka: :math:`1 - \langle U_X, U_Y \rangle / \|U_X\| \|U_Y\|`, in [0, 2], with U of
      :class:`AngularCKA` (Song et al. 2012; Lange et al. 2023); 1 is what unrelated networks are
      at on average. ``AngularCKA(debias="song")`` is the angle, and a metric.
    - normalized_bures: :math:`1 - \|X^T Y\|_* / \|X\|_F \|Y\|_F`, nuclear norm above Frobenius
      norms (Harvey, Larsen, Williams 2023, arXiv:2311.11436). ``LinearMetric()`` is the angle, and
      a metric.
    - cknna: :math:`1 - h(A, B) / \sqrt{h(X', X') h(Y', Y')}` with Song's HSIC h (2012) of the
      matrices of cosines between stimuli, of which X' and Y' keep each row's `n_neighbors` largest
      entries off the diagonal, and A and B what both keep (Huh et al. 2024, arXiv:2405.07987, as
      their program computes it). Not every row's neighbour has the row as its neighbour, hence the
      asymmetry.
    - partial_soft_matching: :math:`\min_P \sum_{ij} P_{ij} (1 - r_{ij}) / s` over plans with
      :math:`P 1 \le 1/n_x`, :math:`P^T 1 \le 1/n_y` and total mass s, with the correlations r of
      units (Kapoor, Williams, Khosla 2026, arXiv:2602.19331). Needs POT. At s = 1 it is half the
      square of ``SoftMatchingMetric("correlation")``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 4))
    >>> Y = np.hstack([X, rng.normal(size=(60, 4))])
    >>> regression = Comparison("linear_regression")
    >>> round(regression.distance(Y, X), 6), bool(regression.distance(X, Y) > 0.3)
    (0.0, True)
    >>> regression.symmetric, regression.is_metric
    (False, False)
    """

    measure: str
    n_components: int | None = None
    n_folds: int | None = 5
    ridge: float = 0.0
    seed: int = 0
    rdm: RDM = "correlation"
    correlation: Literal["pearson", "spearman"] = "pearson"
    rank_tolerance: float | None = None
    hsic: Literal["song", "lange"] = "song"
    n_neighbors: int = 10
    mass: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.measure, "measure", self.names())
        used = KINDS[self.measure].options | {"measure"}
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            if option.name not in used and value != option.default:
                raise ValueError(
                    f"{option.name}: found {value!r}, expected none, as {self.measure!r} has no "
                    "such option"
                )
        check_choice(self.rdm, "rdm", RDMS)
        check_choice(self.correlation, "correlation", CORRELATIONS)
        check_integer(self.n_components, "n_components", 1, optional=True)
        check_integer(self.n_folds, "n_folds", 2, optional=True)
        check_integer(self.seed, "seed", 0)
        check_choice(self.hsic, "hsic", ("song", "lange"))
        check_integer(self.n_neighbors, "n_neighbors", 2)
        check_number(self.mass, "mass", above=0.0)
        if self.mass > 1.0:
            raise ValueError(f"mass: found {self.mass!r}, expected a share in (0, 1]")
        check_number(self.ridge, "ridge", low=0.0)
        if self.rank_tolerance is not None:
            check_fraction(self.rank_tolerance, "rank_tolerance")

    @staticmethod
    def names() -> tuple[str, ...]:
        """Measures there are.

        Examples
        --------
        >>> Comparison.names()
        ('cka', 'mean_cca', 'pwcca', 'linear_regression', 'rsa_correlation', 'debiased_cka',
         'normalized_bures', 'cknna', 'partial_soft_matching')
        """
        return tuple(KINDS)

    @property
    def is_metric(self) -> bool:
        """Never: the triangle inequality fails."""
        return False

    @property
    def symmetric(self) -> bool:
        """Whether d(X, Y) = d(Y, X)."""
        return KINDS[self.measure].symmetric

    @property
    def invariances(self) -> frozenset[str]:
        """Changes that the measure does not see."""
        found = KINDS[self.measure].invariances
        whole = self.n_components is None and self.rank_tolerance is None
        if self.measure == "mean_cca" and whole:
            found = found | {"linear"}
        if self.measure == "rsa_correlation" and self.rdm != "correlation":
            found = found | SHAPE
        return found

    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> Any:
        """Do everything that depends on one network only.

        Parameters
        ----------
        X : array-like of shape (m, n)
            Responses of n units to m stimuli.
        name : str
            Network's name, for messages.
        dtype : dtype, default=float64
            Precision of what is kept; it is computed in float64.

        Returns
        -------
        object
            What :meth:`stack` takes.

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance, or the measure is not defined for it.
        """
        return self._measure().prepare(X, name=name, dtype=dtype, metric=self.preparation)

    def stack(self, prepared: Sequence[Any], *, backend: Backend | None = None) -> Any:
        """Gather prepared networks into what :meth:`pairwise` reads."""
        return self._measure().stack(prepared)

    def pairwise(self, stack_a: Any, stack_b: Any) -> Array:
        """All dissimilarities from the networks of one stack to those of another.

        Parameters
        ----------
        stack_a, stack_b
            From :meth:`stack`, with the same stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        return self._measure().pairwise(stack_a, stack_b)

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """Time per pair of the measure."""
        return self._measure().pair_seconds(m, n)

    def _measure(self) -> Measure:
        return KINDS[self.measure].make(self)
