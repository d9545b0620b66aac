# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .base import Metric as Metric
from .base import Prepared as Prepared
from .cka import AngularCKA as AngularCKA
from .comparisons import Comparison as Comparison
from .convolution import ConvolutionMetric as ConvolutionMetric
from .kernel import KernelMetric as KernelMetric
from .linear import Alignment as Alignment
from .linear import LinearMetric as LinearMetric
from .neighbors import NeighborhoodMetric as NeighborhoodMetric
from .permutation import PermutationMetric as PermutationMetric
from .rdms import (
    from_rsatoolbox as from_rsatoolbox,
)
from .rdms import (
    gram_of_rdm as gram_of_rdm,
)
from .rdms import (
    rdm_of as rdm_of,
)
from .rdms import (
    to_rsatoolbox as to_rsatoolbox,
)
from .soft_matching import SoftMatchingMetric as SoftMatchingMetric
from .stochastic_energy import EnergyStochasticMetric as EnergyStochasticMetric
from .stochastic_gaussian import GaussianStochasticMetric as GaussianStochasticMetric
