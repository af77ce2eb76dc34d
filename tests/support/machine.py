"""What the machine's environment must not change in a test."""

from __future__ import annotations

import os

# With a secret, whole runs would send alerts.
SETTINGS = ("DRIFT_", "CHROMA_", "PG", "SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "CREDENTIALS_DIRECTORY")
# pytest shortens the lines of its summary unless CI or BUILD_NUMBER is set.
DISPLAY = frozenset({"BUILD_NUMBER", "CI", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTEST_ADDOPTS", "PY_COLORS"})


def variables_of_the_machine() -> list[str]:
    """Return the variables that configure a review or change what pytest prints."""
    return [name for name in os.environ if name.startswith(SETTINGS) or name in DISPLAY]
