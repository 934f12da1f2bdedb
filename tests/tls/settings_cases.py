"""All tests of settings."""

import trust_settings  # noqa: F401  (registers its tests)
from settings import SETTINGS  # noqa: F401
