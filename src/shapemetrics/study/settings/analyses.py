"""Settings of the analyses: one small section per analysis."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shapemetrics.store.arrays import Positions
from shapemetrics.study.section import Section


class Embedding(Section):
    """Metric multidimensional scaling of the distances."""

    n_components: int = Field(10, ge=2, description="Dimensions of the embedding.")
    n_init: int = Field(
        1,
        ge=1,
        description="Starts of SMACOF, of which the one of lowest stress is kept: the classical "
        "solution first, then random ones.",
    )


class Distortion(Section):
    """How well distances are kept by embeddings of few dimensions."""

    dimensions: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 2, 3, 5, 10, 20, 30], min_length=1, description="Dimensions of the embeddings."
    )


class Clustering(Section):
    """Hierarchical clustering."""

    method: Literal["average", "complete", "single", "weighted", "ward"] = Field(
        "average",
        description="Distance between clusters; leaves are in the optimal order.",
    )
    ward_on: Literal["embedding", "distances"] = Field(
        "embedding",
        description="What ward works on: the points of the embedding, which are Euclidean as the "
        "method supposes, or the distances as they are.",
    )


class Regression(Section):
    """Predicting a number from the distances, on held-out items."""

    n_outer: int = Field(5, ge=2, description="Outer folds, which score.")
    n_inner: int = Field(5, ge=2, description="Inner folds, which choose bandwidth and ridge.")
    n_repeats: int = Field(2, ge=1, description="Repeats of the whole procedure with other folds.")
    n_permutations: int = Field(
        100, ge=1, description="Permutations of the target, for the null distribution."
    )
    n_bootstrap: int = Field(
        1000, ge=10, description="Resamples of the items, for the confidence interval."
    )


class Baselines(Section):
    """What predicts the target of networks besides distances, in the folds of the regression."""

    n_repeats: int = Field(
        1, ge=1, description="Repeats with other folds: the first ones of the regression."
    )
    n_trees: int = Field(50, ge=1, description="Trees of each random forest.")
    n_permutations: int = Field(
        20, ge=1, description="Permutations of the target, for the null distribution of baselines."
    )


class Classification(Section):
    """Telling classes apart by the distances, on held-out items."""

    n_networks: int = Field(
        24, ge=4, description="Networks whose layers and states are classified."
    )
    positions: Positions = Field(
        "features",
        description="As for the dataset. Layers have different grids, so that every position is "
        "a feature here.",
    )
    classifiers: list[Literal["knn", "svm"]] = Field(
        ["knn", "svm"],
        min_length=1,
        description="Nearest neighbours (knn), or a support vector machine on a kernel of the "
        "distances (svm).",
    )
    n_outer: int = Field(4, ge=2, description="Outer folds, which score.")
    n_inner: int = Field(3, ge=2, description="Inner folds, which choose.")
    n_permutations: int = Field(
        30, ge=1, description="Permutations of the labels, for the null distribution."
    )


class Compared(Section):
    """Agreement of all metrics and comparisons on the same representations."""

    layers: list[str] = Field(
        ["stem", "stack1", "stack2", "stack3"],
        min_length=1,
        description="Layers of networks that all measures compare. The pool is the mean of stack "
        '3, so that positions "mean" would count it twice.',
    )
    positions: Positions = Field("mean", description="As for the dataset.")
    n_networks: int = Field(
        15, ge=3, description="Networks that all measures compare, before and after training."
    )
    n_permutations: int = Field(
        500, ge=1, description="Permutations of the networks in Mantel's test of agreement."
    )


class Samples(Section):
    """Distances against the number of stimuli."""

    n_networks: int = Field(
        8, ge=2, description="Networks whose distances are measured on fewer stimuli."
    )
    n_repeats: int = Field(20, ge=2, description="Random orders of the stimuli.")
    n_sizes: int = Field(
        6,
        ge=2,
        description="Numbers of stimuli, evenly spaced on a logarithmic scale up to all of them.",
    )


class Shifts(Section):
    """Distances between convolutional layers with and without shifts of their grids."""

    layers: list[str] = Field(
        ["stem", "stack1", "stack2"],
        min_length=1,
        description="Convolutional layers whose grids are shifted.",
    )
    n_networks: int = Field(
        12, ge=2, description="Networks whose distances are measured with and without shifts."
    )
    map_layer: str = Field(
        "stack1", description="One of the layers, whose maps of distance against shift are drawn."
    )
    n_maps: int = Field(4, ge=1, description="Pairs of networks whose whole map is drawn.")
    alpha: float = Field(1.0, ge=0, le=1, description="Whitening of the channels, 1 for none.")


class Growth(Section):
    """How the recovered hierarchy grows with units and repeats of the recordings."""

    metric: str | None = Field(
        None, description="Name of the metric of the distances; null takes the first."
    )
    units: list[Annotated[int, Field(ge=2)]] = Field(
        [20, 40, 80],
        min_length=1,
        description="Largest numbers of units per region; all units are added as the last.",
    )
    n_permutations: int = Field(
        100, ge=1, description="Permutations of the target at each number of units."
    )


class Analyses(Section):
    """What is done with the distances."""

    embedding: Embedding = Field(Embedding())
    distortion: Distortion = Field(Distortion())
    clustering: Clustering = Field(Clustering())
    regression: Regression = Field(Regression())
    baselines: Baselines = Field(Baselines())
    classification: Classification = Field(Classification())
    compared: Compared = Field(Compared())
    samples: Samples = Field(Samples())
    shifts: Shifts = Field(Shifts())
    growth: Growth = Field(Growth())
