# Names of this package, for type checkers and editors; __init__.py loads them when first used.
from .settings.errors import ConfigError as ConfigError
from .settings.reading import (
    default_config as default_config,
)
from .settings.reading import (
    load_config as load_config,
)
from .settings.reading import (
    read_settings as read_settings,
)
from .settings.reading import (
    validated as validated,
)
from .study import Study as Study
