"""How much a test tries: little by default, much with DRIFT_THOROUGH=1 (`scripts/test --thorough`)."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("DRIFT_THOROUGH") == "1"


def repetitions(few: int, many: int) -> int:
    """Return `many` in a thorough run, else `few`."""
    return many if THOROUGH else few
