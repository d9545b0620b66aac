# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .authors_allen import AuthorsAllen as AuthorsAllen
from .tables import DistanceTable as DistanceTable
from .tables import read_distances as read_distances
