"""Usual measures of similarity that are not metrics, kept for comparison and for the audit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np

from shapemetrics.linalg import Array
from shapemetrics.metrics.base import Metric, check_choice, check_integer
from shapemetrics.metrics.cka import AngularCKA, CKABlock, PreparedCKA
from shapemetrics.metrics.similarity_cca import CanonicalCorrelation
from shapemetrics.metrics.similarity_regression import RegressionError
from shapemetrics.metrics.similarity_rsa import CORRELATIONS, RDM, RDMS, RDMCorrelation


class Measure(Protocol):
    """What each dissimilarity does: prepare one network, compare two blocks of prepared ones."""

    def prepare(self, X: Any, *, name: str, dtype: Any) -> Any:
        """Do everything that depends on one network only."""

    def block(self, prepared: Sequence[Any]) -> Any:
        """Gather prepared networks."""

    def pairwise(self, block_a: Any, block_b: Any) -> Array:
        """All dissimilarities from one block to another."""


class AlignmentGap:
    """One minus linear CKA, from the accurate angle."""

    def __init__(self) -> None:
        self._angular = AngularCKA()

    def prepare(self, X: Any, *, name: str, dtype: Any) -> PreparedCKA:
        """Centre one network."""
        return self._angular.prepare(X, name=name, dtype=dtype)

    def block(self, prepared: Sequence[PreparedCKA]) -> CKABlock:
        """Put prepared networks side by side."""
        return self._angular.block(prepared)

    def pairwise(self, block_a: CKABlock, block_b: CKABlock) -> Array:
        """1 - cos(angle), without cancellation: (len(a), len(b))."""
        return 2.0 * np.sin(0.5 * self._angular.pairwise(block_a, block_b)) ** 2


class _Kind(NamedTuple):
    make: Callable[[Comparison], Measure]
    symmetric: bool
    options: frozenset[str]


KINDS: dict[str, _Kind] = {
    "cka": _Kind(lambda c: AlignmentGap(), True, frozenset()),
    "mean_cca": _Kind(
        lambda c: CanonicalCorrelation(False, c.n_components), True, frozenset({"n_components"})
    ),
    "pwcca": _Kind(
        lambda c: CanonicalCorrelation(True, c.n_components), False, frozenset({"n_components"})
    ),
    "linear_regression": _Kind(
        lambda c: RegressionError(c.n_folds, c.ridge, c.seed),
        False,
        frozenset({"n_folds", "ridge", "seed"}),
    ),
    "rsa_correlation": _Kind(
        lambda c: RDMCorrelation(c.rdm, c.correlation), True, frozenset({"rdm", "correlation"})
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
    rdm : {"correlation", "euclidean", "squared_euclidean"}, default="correlation"
        rsa_correlation: dissimilarity between the responses to two stimuli.
    correlation : {"pearson", "spearman"}, default="pearson"
        rsa_correlation: between entries above the diagonals.

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

    is_metric: ClassVar[bool] = False

    measure: str
    n_components: int | None = None
    n_folds: int | None = 5
    ridge: float = 0.0
    seed: int = 0
    rdm: RDM = "correlation"
    correlation: Literal["pearson", "spearman"] = "pearson"

    def __post_init__(self) -> None:
        check_choice(self.measure, "measure", self.names())
        used = KINDS[self.measure].options | {"measure"}
        for option in dataclasses.fields(self):
            value = getattr(self, option.name)
            if option.name not in used and value != option.default:
                raise ValueError(
                    f"{option.name}: found {value!r}, but {self.measure!r} has no such option"
                )
        check_choice(self.rdm, "rdm", RDMS)
        check_choice(self.correlation, "correlation", CORRELATIONS)
        check_integer(self.n_components, "n_components", 1, optional=True)
        check_integer(self.n_folds, "n_folds", 2, optional=True)
        check_integer(self.seed, "seed", 0)
        if isinstance(self.ridge, bool) or not isinstance(self.ridge, int | float | np.number):
            raise TypeError(f"ridge: found {self.ridge!r}, expected a number >= 0")
        if not (np.isfinite(self.ridge) and self.ridge >= 0.0):
            raise ValueError(f"ridge: found {self.ridge!r}, expected a number >= 0")

    @staticmethod
    def names() -> tuple[str, ...]:
        """Measures there are.

        Examples
        --------
        >>> Comparison.names()
        ('cka', 'mean_cca', 'pwcca', 'linear_regression', 'rsa_correlation')
        """
        return tuple(KINDS)

    @property
    def symmetric(self) -> bool:  # type: ignore[override]
        """Whether d(X, Y) = d(Y, X)."""
        return KINDS[self.measure].symmetric

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
            What :meth:`block` takes.

        Raises
        ------
        TypeError, ValueError
            If X is not a finite real matrix with variance, or the measure is not defined for it.
        """
        return self._measure().prepare(X, name=name, dtype=dtype)

    def block(self, prepared: Sequence[Any]) -> Any:
        """Gather prepared networks into what :meth:`pairwise` reads."""
        return self._measure().block(prepared)

    def pairwise(self, block_a: Any, block_b: Any) -> Array:
        """All dissimilarities from the networks of one block to those of another.

        Parameters
        ----------
        block_a, block_b
            From :meth:`block`, with the same stimuli.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        return self._measure().pairwise(block_a, block_b)

    def _measure(self) -> Measure:
        return KINDS[self.measure].make(self)
