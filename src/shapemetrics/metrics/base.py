"""The contract of every metric: each network is prepared once, then compared pairwise or in stacks.

A new metric is one class: a frozen dataclass whose fields are its parameters, derived from
:class:`Metric`. It must give :meth:`Metric.prepare` and :meth:`Metric.compare`; everything else has
a default, or says in one line that the metric lacks it. ``shapemetrics.testing.check_metric``
checks that an instance keeps the contract.
"""

from __future__ import annotations

import dataclasses
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import numpy as np

from shapemetrics.arrays import (
    Responses,
    RoundingWarning,
    as_numeric,
    as_responses,
    in_order,
)
from shapemetrics.backends.base import Backend
from shapemetrics.linalg import Array, rounding_level
from shapemetrics.stimuli import StimulusOrder
from shapemetrics.validation import check_boolean

Geometry = Literal["angular", "euclidean"]

#: Changes of a network's responses that a metric may promise not to see.
INVARIANCES = (
    "offset",  # a number added to each unit
    "scale",  # one factor for all units
    "rotation",  # an orthogonal map of the units
    "permutation",  # another order of the units
    "linear",  # an invertible linear map of the units
    "duplication",  # every unit repeated equally often
    "unit_scale",  # a positive factor for each unit
    "shift",  # a circular shift of the grid of positions
)

#: Annotations of parameters that are True or False, and of those that are real numbers.
BOOLEANS, REALS = ("bool", bool), ("float", float, "float | None")
#: Share of an answer from which directions below the rounding of the data are worth a warning.
DOUBTFUL_SHARE = 1e-3


@dataclass(frozen=True)
class Doubt:
    """Directions that lie below the rounding of the stored data, and what hangs on them.

    Attributes
    ----------
    directions : int
        How many there are.
    of : int
        How many directions the network has.
    share : float
        Their share of what is compared, in [0, 1].
    tolerance : float
        `rank_tolerance` above which they would be left out.
    stored : str
        Name of the type that stored the data.
    """

    directions: int
    of: int
    share: float
    tolerance: float
    stored: str


@dataclass(frozen=True)
class Origin:
    """Where a prepared network comes from.

    Attributes
    ----------
    name : str
        What messages call the network.
    exponent : int
        What is kept stands for ``data * 2**-exponent``.
    stimuli : str or None
        Digest of the stimuli's labels, in order.
    metric : str
        The metric that prepared it, as far as preparing depends on its parameters.
    doubt : Doubt or None
        What rounding of the stored data leaves open.
    """

    name: str
    exponent: int = 0
    stimuli: str | None = None
    metric: str = ""
    doubt: Doubt | None = None


@dataclass(frozen=True, eq=False)
class Prepared(ABC):
    """One network as a metric prepared it. Metrics derive their own kind from this."""

    origin: Origin

    @property
    def name(self) -> str:
        """What messages call the network."""
        return self.origin.name

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """Number of stimuli (of a layer that was flattened, stimuli times positions)."""

    @property
    def width(self) -> int:
        """Columns of a matrix whose products cost about as much as this network's."""
        return 128


class Metric(ABC):
    """A dissimilarity between representations.

    Concrete metrics are frozen dataclasses, whose fields are their parameters. A network is
    prepared by itself, so nothing about it depends on its partners and the work is done K times,
    not K^2 times.

    Attributes
    ----------
    is_metric : bool
        Whether symmetry, identity and the triangle inequality hold.
    symmetric : bool
        Whether d(x, y) = d(y, x), so that one triangle of the matrix suffices.
    axes : tuple of int
        Numbers of array axes that :meth:`prepare` takes.
    backends : tuple of str
        Array libraries with certified routes on which :meth:`stack` can put networks.
    invariances : frozenset of str
        Changes of a network that no distance sees, of `INVARIANCES`.
    """

    axes: ClassVar[tuple[int, ...]] = (2,)
    backends: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Parameters as Python's own numbers: equal ones make equal metrics, and JSON holds them.

        Raises
        ------
        TypeError
            If a parameter that is declared as `bool` is none.
        """
        for field in dataclasses.fields(cast(Any, self)):
            value = getattr(self, field.name)
            plain = value.item() if isinstance(value, np.generic) else value
            if field.type in BOOLEANS:
                check_boolean(plain, field.name)
            elif field.type in REALS and isinstance(plain, int) and not isinstance(plain, bool):
                with suppress(OverflowError):
                    plain = float(plain)
            if plain is not value:
                object.__setattr__(self, field.name, plain)

    @property
    def is_metric(self) -> bool:
        """Whether symmetry, identity and the triangle inequality hold."""
        return True

    @property
    def symmetric(self) -> bool:
        """Whether d(x, y) = d(y, x)."""
        return True

    @property
    def invariances(self) -> frozenset[str]:
        """Changes of a network's responses that no distance sees."""
        return frozenset()

    @abstractmethod
    def prepare(self, X: Any, *, name: str = "X", dtype: Any = np.float64) -> Any:
        """Do everything that depends on one network only.

        Parameters
        ----------
        X : array-like
            Responses, stimuli on the first axis.
        name : str
            Network's name, for messages.
        dtype : dtype
            Precision in which what is compared is kept; the preparation itself is in float64.

        Returns
        -------
        Prepared
        """

    def compare(self, x: Any, y: Any) -> float:
        """Distance between two prepared networks."""
        return float(self.pairwise(self.stack([x]), self.stack([y]))[0, 0])

    def stack(self, prepared: Sequence[Any], *, backend: Backend | None = None) -> Any:
        """Put prepared networks side by side for :meth:`pairwise`. By default a list.

        Parameters
        ----------
        prepared : sequence of Prepared
        backend : Backend, optional
            From :func:`shapemetrics.backends.get_backend`; by default NumPy and no tolerance.
        """
        return list(prepared)

    def pairwise(self, stack_a: Any, stack_b: Any) -> Array:
        """All distances between two stacks.

        Parameters
        ----------
        stack_a, stack_b
            From :meth:`stack`. Of one stack given twice, each pair of a symmetric metric may be
            computed once.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        same = stack_a is stack_b and self.symmetric
        D = np.zeros((len(stack_a), len(stack_b)))
        for i, x in enumerate(stack_a):
            for j in range(i + 1 if same else 0, len(stack_b)):
                D[i, j] = self.compare(x, stack_b[j])
        return D + D.T if same else D

    @property
    def has_heldout(self) -> bool:
        """Whether distances can be measured on other stimuli than alignments are fitted on."""
        return type(self).heldout_pairwise is not Metric.heldout_pairwise

    def prepare_heldout(self, item: Any, X: Any) -> Any:
        """Other responses of a prepared network, mapped as the fitted ones were.

        Parameters
        ----------
        item : Prepared
        X : array-like
            Responses of the same units to other stimuli.

        Returns
        -------
        Prepared
        """
        raise self._lacks("heldout", "held-out distance")

    def heldout_pairwise(self, stack_a: Any, stack_b: Any, heldout_a: Any, heldout_b: Any) -> Array:
        """Distances on held-out stimuli under the alignment fitted on others.

        Parameters
        ----------
        stack_a, stack_b
            Networks as fitted, from :meth:`stack`.
        heldout_a, heldout_b
            Stacks of what :meth:`prepare_heldout` returned for the same networks.

        Returns
        -------
        ndarray of shape (len(a), len(b))
        """
        raise self._lacks("heldout", "held-out distance")

    @property
    def has_alignment(self) -> bool:
        """Whether the transformations behind a distance can be had."""
        return type(self).align is not Metric.align

    def align(self, X: Any, Y: Any) -> Any:
        """The transformations that realise the distance.

        Parameters
        ----------
        X, Y : array-like or Prepared

        Returns
        -------
        object
            With ``apply_x(X)`` and ``apply_y(Y)``, which land in one space, and `distance`.
        """
        raise self._lacks("align", "alignment")

    @property
    def has_barycentres(self) -> bool:
        """Whether means of networks can be found by the metric's own alignment."""
        return type(self).turn is not Metric.turn

    def points(self, prepared: Sequence[Any]) -> Any:
        """Prepared networks as points of the space in which they are turned and averaged.

        Parameters
        ----------
        prepared : sequence of Prepared

        Returns
        -------
        ndarray of shape (K, m, ..., n), or list of ndarray
            In float64 and the data's units; of unit norm where the geometry is angular. Narrower
            networks are padded by zeros, where that changes no distance.
        """
        raise self._lacks("means", "barycentres")

    def turn(self, points: Any, target: Array) -> tuple[Array, Array]:
        """Turn networks towards a target, as far as the metric allows.

        Parameters
        ----------
        points : from :meth:`points`
        target : ndarray of shape (m, ..., n)

        Returns
        -------
        turned : ndarray of shape (K, m, ..., n)
            What the average is taken of.
        squared : ndarray of shape (K,)
            Squared distances (chords, if angular) from each network to the target.
        """
        raise self._lacks("means", "barycentres")

    def squared_to(self, points: Any, target: Array) -> Array:
        """Squared distances of networks to a target: the second of what :meth:`turn` returns."""
        return self.turn(points, target)[1]

    def pair_seconds(
        self, m: int, n: int, *, grid: tuple[int, int] = (1, 1), trials: int = 10
    ) -> float:
        """Rough time that one more pair takes on one core, in float64.

        Parameters
        ----------
        m, n : int
            Stimuli and units (channels).
        grid : tuple of int
            Height and width of a convolutional layer.
        trials : int
            Trials per stimulus.

        Raises
        ------
        TypeError
            If the metric does not know.
        """
        raise TypeError(f"metric: found {type(self).__name__}, whose time per pair is not known")

    def distance(self, X: Any, Y: Any) -> float:
        """Distance between two representations.

        Parameters
        ----------
        X, Y : array-like or Prepared
            Responses to the same stimuli, or what :meth:`prepare` returned for them.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError
            If one is not valid, or they cannot be compared; the message names it.
        """
        x, y = self.ready_pair(X, Y)
        value = float(self.compare(x, y))
        if not np.isfinite(value):
            raise ValueError(not_finite(x.name, y.name, value))
        return value

    def check_pair(self, x: Any, y: Any) -> None:
        """ValueError where two prepared networks cannot be compared (numbers of stimuli)."""
        if x.n_samples != y.n_samples:
            raise ValueError(
                f"{y.name!r}: found {y.n_samples} stimuli, expected {x.n_samples} as in "
                f"{x.name!r}: the same stimuli in the same order"
            )
        labels = x.origin.stimuli, y.origin.stimuli
        if None not in labels and labels[0] != labels[1]:
            raise ValueError(
                f"{y.name!r}: found labels of stimuli that differ from those of {x.name!r}, or "
                "their order, expected the same; prepared networks cannot be aligned any more"
            )

    def parameters(self) -> dict[str, Any]:
        """Name and parameters, as JSON can hold them."""
        return {"metric": type(self).__name__, "is_metric": self.is_metric, **self._fields()}

    @property
    def preparation(self) -> str:
        """The metric as far as preparing a network depends on it."""
        fields = ", ".join(
            f"{name}={value!r}" for name, value in self._fields().items() if name != "geometry"
        )
        return f"{type(self).__name__}({fields})"

    def ready_pair(self, X: Any, Y: Any) -> tuple[Any, Any]:
        """Two networks, prepared where they are not, their stimuli aligned by their labels."""
        order = StimulusOrder()
        pair = []
        for network, name in ((X, "X"), (Y, "Y")):
            if isinstance(network, Prepared):
                self.check_prepared(network)
                pair.append(network)
            elif isinstance(network, tuple) and len(self.axes) == 1 and self.axes[0] == 3:
                pair.append(self.prepare(network, name=name))  # means and covariances
            else:
                responses = in_order(as_numeric(network, name), order, name)
                pair.append(self.prepare(responses, name=name))
        self.check_pair(*pair)
        warn_of_doubts((pair[0].origin, pair[1].origin), stacklevel=4)
        return pair[0], pair[1]

    def check_prepared(self, item: Prepared) -> None:
        """TypeError unless a network was prepared as this metric prepares."""
        if item.origin.metric != self.preparation:
            raise TypeError(
                f"{item.name!r}: found a network prepared by {item.origin.metric or 'another'}, "
                f"expected an array, or one prepared by {self.preparation}"
            )

    def read(
        self, X: Any, name: str, *, min_stimuli: int = 2, exponent: int | None = None
    ) -> Responses:
        """One network's responses, checked, in float64 and of magnitude one."""
        return as_responses(X, name, axes=self.axes, min_stimuli=min_stimuli, exponent=exponent)

    def origin_of(self, X: Responses, doubt: Doubt | None = None) -> Origin:
        """What a prepared network keeps of where it comes from."""
        return Origin(X.name, X.exponent, X.stimuli, self.preparation, doubt)

    def _fields(self) -> dict[str, Any]:
        if not dataclasses.is_dataclass(self):
            return {}
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def _lacks(self, where: str, what: str) -> ValueError:
        return ValueError(f"{where}: {type(self).__name__} has no {what}")


def not_finite(name_x: str, name_y: str, value: float) -> str:
    """What is said where a distance is no number."""
    return f"distance from {name_x!r} to {name_y!r}: found {value}, expected a finite number"


def doubt_of(
    weights: Array, values: Array, level: float, X: Responses, *, squared: bool = False
) -> Doubt | None:
    """What hangs on directions that rounding of the stored data can make or hide.

    Parameters
    ----------
    weights : ndarray of shape (r,)
        Weight of each direction in what is compared.
    values : ndarray of shape (r,)
        Singular value of each direction, descending.
    level : float
        Size of singular values that rounding can make.
    X : Responses
    squared : bool
        Whether `values` and `level` are eigenvalues of a Gram matrix, of which `rank_tolerance`
        bounds the square root.

    Returns
    -------
    Doubt or None
        None where less than `DOUBTFUL_SHARE` of the answer hangs on them.
    """
    if X.precision <= 4.0 * np.finfo(np.float64).eps or not len(values):
        return None
    doubtful = values <= level
    share = float(weights[doubtful].sum() / weights.sum())
    if share < DOUBTFUL_SHARE:
        return None
    tolerance = level / float(values[0])
    tolerance = np.sqrt(tolerance) if squared else tolerance
    return Doubt(int(doubtful.sum()), len(values), share, float(tolerance), X.stored)


def warn_of_doubts(origins: Iterable[Origin], stacklevel: int = 3) -> None:
    """One RoundingWarning for all networks whose answer hangs on rounding of their stored data."""
    found = [(origin, origin.doubt) for origin in origins if origin.doubt is not None]
    if not found:
        return
    worst, doubt = max(found, key=lambda pair: pair[1].share)
    tolerance = max(other.tolerance for _, other in found)
    others = f" ({len(found)} networks in all)" if len(found) > 1 else ""
    warnings.warn(
        f"{worst.name!r}{others}: {doubt.directions} of {doubt.of} directions lie below the "
        f"rounding of the stored {doubt.stored} numbers and carry {doubt.share:.1%} of what is "
        "compared; the numbers are taken as given. "
        f"rank_tolerance={_round_up(tolerance):g} would leave such directions out",
        RoundingWarning,
        stacklevel=stacklevel,
    )


def _round_up(value: float) -> float:
    """To one digit, and not below."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(min(np.ceil(value / power) * power, 1.0))


@dataclass(frozen=True, eq=False)
class Centred:
    """Responses without their mean, and how large they are.

    Attributes
    ----------
    values : ndarray of shape (m, n)
    mean : ndarray of shape (n,)
        What was subtracted; zeros where nothing was.
    norm : float
        Frobenius norm of `values`.
    stored_norm : float
        Frobenius norm of the responses before centring.
    """

    values: Array
    mean: Array
    norm: float
    stored_norm: float

    def rounding_level(self, precision: float) -> float:
        """See :func:`shapemetrics.linalg.rounding_level`."""
        return rounding_level(self.stored_norm, self.values.shape, precision)


def centred(X: Responses, *, center: bool = True) -> Centred:
    """Subtract each unit's mean over stimuli, in place.

    Parameters
    ----------
    X : Responses
        A matrix; its values are overwritten.
    center : bool

    Returns
    -------
    Centred

    Raises
    ------
    ValueError
        If nothing but rounding is left: all responses are equal.
    """
    values = X.values
    m, n = values.shape
    mean = np.zeros(n)
    if center:
        mean = values.mean(axis=0)
        values -= mean
    norm = float(np.linalg.norm(values))
    offset = float(np.linalg.norm(mean)) * np.sqrt(m)
    if center and offset > 100.0 * norm:
        # The mean's own rounding is the same for all stimuli. Beside large offsets whitening would
        # take it for a direction of its own, and one that all networks share.
        rest = values.mean(axis=0)
        values -= rest
        mean = mean + rest
        norm = float(np.linalg.norm(values))
    check_variance(norm, X.peak, values.size, X.name)
    return Centred(values, mean, norm, float(np.hypot(norm, offset)))


def check_variance(norm: float, peak: float, size: int, name: str) -> None:
    """ValueError where what is left after centring is nothing but rounding."""
    if norm <= 8.0 * np.finfo(np.float64).eps * peak * np.sqrt(size):
        raise ValueError(
            f"{name!r}: found zero variance across stimuli, expected responses that differ"
        )


def check_heldout_units(found: int, expected: int, name: str) -> None:
    """ValueError where held-out responses have another number of units than the fitted ones."""
    if found != expected:
        raise ValueError(
            f"{name!r}: found {found} units in the held-out responses, expected {expected}"
        )


def check_heldout(norm: float, name: str) -> None:
    """ValueError where held-out responses, minus the fitted mean, are nothing."""
    if norm == 0.0:
        raise ValueError(
            f"{name!r}: found held-out responses that are all at the fitted mean, expected "
            "responses that differ from it"
        )
