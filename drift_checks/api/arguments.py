"""Settings as keyword arguments: their values as the texts that an option would have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError, nearest
from drift_checks.settings.declarations import declared

# What separates several values of one name; elsewhere, it is a plus sign.
_BETWEEN_VALUES = {"thresholds": ":"}


def setting_texts(arguments: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of the settings by their ini keys; None leaves a setting as it is.

    Raises:
        SettingError: A name is unknown.
    """
    known = {setting.key: setting for setting in declared()}
    for name in arguments:
        if name == "quiet":
            raise SettingError(name, "only verbose=True prints anything", "omit it")
        if name not in known:
            closest = nearest(name, known) or "the settings are those of `pytest --help`, with underscores"
            raise SettingError(name, "unknown setting", closest)
    return {known[name].ini: text_of(value, name) for name, value in arguments.items() if value is not None}


def text_of(value: object, name: str) -> str:
    """Return the value of the setting of this name as its text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, ZoneInfo):
        return value.key
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_several(given, name)}" for key, given in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ",".join(str(item) for item in value)
    return str(value)


def _several(value: object, name: str) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"' if {",", '"'} & {*value} else value
    if isinstance(value, Iterable):
        return _BETWEEN_VALUES.get(name, "+").join("" if item is None else str(item) for item in value)
    return str(value)
