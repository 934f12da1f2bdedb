"""All tests of settings."""

import argument_settings  # noqa: F401  (registers its tests)
import client_settings  # noqa: F401
import key_log_settings  # noqa: F401
import negotiation_settings  # noqa: F401
import pin_settings  # noqa: F401
import resumption_settings  # noqa: F401
import trust_settings  # noqa: F401
from settings import SETTINGS  # noqa: F401
