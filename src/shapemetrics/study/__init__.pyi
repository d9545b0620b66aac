# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .config import (
    ConfigError as ConfigError,
)
from .config import (
    default_config as default_config,
)
from .config import (
    load_schema as load_schema,
)
from .config import (
    validated as validated,
)
from .plan import Study as Study
