# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .audit import (
    TriangleAudit as TriangleAudit,
)
from .audit import (
    Triple as Triple,
)
from .audit import (
    triangle_audit as triangle_audit,
)
from .clustering import (
    Medoids as Medoids,
)
from .clustering import (
    ShapeClusters as ShapeClusters,
)
from .clustering import (
    Tree as Tree,
)
from .clustering import (
    cluster_distances as cluster_distances,
)
from .clustering import (
    cluster_kmeans as cluster_kmeans,
)
from .clustering import (
    kmeans_shapes as kmeans_shapes,
)
from .clustering import (
    kmedoids as kmedoids,
)
from .clustering import (
    linkage_table as linkage_table,
)
from .distortions import (
    Distortion as Distortion,
)
from .distortions import (
    distortion as distortion,
)
from .distortions import (
    distortion_curve as distortion_curve,
)
from .embedding import Embedding as Embedding
from .embedding import embed as embed
from .estimates import (
    MomentEstimate as MomentEstimate,
)
from .estimates import (
    bootstrap_distances as bootstrap_distances,
)
from .estimates import (
    check_distances as check_distances,
)
from .estimates import (
    distance_vs_samples as distance_vs_samples,
)
from .estimates import (
    half_distances as half_distances,
)
from .estimates import (
    moment_angle as moment_angle,
)
from .estimates import (
    split_half_floor as split_half_floor,
)
from .landmark_embedding import (
    LandmarkEmbedding as LandmarkEmbedding,
)
from .landmark_embedding import (
    landmark_distortion as landmark_distortion,
)
from .landmark_selection import select_landmarks as select_landmarks
from .landmarks import LandmarkDistances as LandmarkDistances
from .landmarks import triangle_bounds as triangle_bounds
from .means import FrechetMean as FrechetMean
from .means import frechet_mean as frechet_mean
