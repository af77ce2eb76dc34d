"""Sources of settings for tests, and the refusal of a setting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.settings.loading import Sources, load

FOLDER = Path("/home/ann/project")
INI = Path("/etc/drift/pytest.ini")
NOW = datetime(2026, 1, 15, 23, 30, tzinfo=timezone(timedelta(hours=-5)))


def given(
    options: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    ini: Mapping[str, str] | None = None,
    folder: Path = FOLDER,
) -> Sources:
    """Return sources with these texts; options and ini are keyed by the settings' names in code."""
    return Sources(
        options={f"drift_{key}": text for key, text in (options or {}).items()},
        environment={"TZ": "UTC", **(environment or {})},
        ini={f"drift_{key}": text for key, text in (ini or {}).items()},
        folder=folder,
        ini_file=INI,
    )


def refusal(sources: Sources) -> str:
    """Return the message with which the settings are refused."""
    with pytest.raises(SettingError) as refused:
        load(sources, NOW)
    return str(refused.value)
