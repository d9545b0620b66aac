# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .accuracy import accuracy_agreement as accuracy_agreement
from .agreement import (
    Mantel as Mantel,
)
from .agreement import (
    mantel as mantel,
)
from .agreement import (
    mean_of_directions as mean_of_directions,
)
from .agreement import (
    metric_agreement as metric_agreement,
)
from .baselines import (
    BaselineResult as BaselineResult,
)
from .baselines import (
    nested_baselines as nested_baselines,
)
from .classification import (
    ClassificationResult as ClassificationResult,
)
from .classification import (
    nested_classification as nested_classification,
)
from .clustering import (
    Tree as Tree,
)
from .clustering import (
    cluster_agreement as cluster_agreement,
)
from .clustering import (
    cluster_distances as cluster_distances,
)
from .clustering import (
    cluster_kmeans as cluster_kmeans,
)
from .clustering import (
    linkage_table as linkage_table,
)
from .covariates import (
    axis_correlations as axis_correlations,
)
from .covariates import (
    variance_explained as variance_explained,
)
from .distance_kernel import DistanceKernel as DistanceKernel
from .kernels import gaussian_kernel as gaussian_kernel
from .kernels import median_distance as median_distance
from .regression import RegressionResult as RegressionResult
from .regression import nested_regression as nested_regression
from .ridge import DistanceKernelRidge as DistanceKernelRidge
from .transformers import ShapeDistances as ShapeDistances
