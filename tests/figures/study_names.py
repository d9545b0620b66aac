"""Names and sizes of the study that synthetic tables have."""

from __future__ import annotations

from collections.abc import Iterator


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


LAYERS = ("stem", "stack1", "stack2", "stack3", "pool")
STATES = ("untrained", "trained")
METRICS = {
    "procrustes_angular": True,
    "ridge_angular": True,
    "cca_angular": True,
    "angular_cka": True,
    "one_minus_cka": False,
    "one_minus_mean_cca": False,
    "linear_regression": False,
    "rsa_correlation": False,
}
REGIONS = words(
    "VISp VISl VISrl VISal VISpm VISam VISmma VISmmp VISli LGd LGv LP MGd MGv MGm PO POL PoT PP "
    "SGN TH VPL VPM VL Eth IntG CA1 CA2 CA3 DG ProS SUB PRE POST HPF APN NOT MB MRN PPT SCig SCiw "
    "SCop SCsg SCzo ZI RPF OLF"
)
DIVISIONS = {"Isocortex": 9, "Thalamus": 17, "Hippocampus": 9, "Midbrain": 13}
ATLAS = {
    "Isocortex": "#08858C",
    "Thalamus": "#FF90AD",
    "Hippocampus": "#7ED04B",
    "Midbrain": "#FF64FF",
}


def each_selection() -> Iterator[tuple[int, str, int, str]]:
    """Number and name of every state, and depth and name of every layer."""
    for s, state in enumerate(STATES):
        for depth, layer in enumerate(LAYERS):
            yield s, state, depth, layer


def strength(s: int, depth: int) -> float:
    """How much a layer knows about accuracy: nothing in the stem, more with depth and training."""
    return (0.0, 0.42, 0.62, 0.66, 0.6)[depth] + s * (0.0, 0.06, 0.05, 0.1, 0.2)[depth]
