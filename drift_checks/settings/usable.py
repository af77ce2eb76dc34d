"""Reading as many settings as possible, for commands that report invalid ones and carry on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drift_checks.core.errors import DriftError, SettingError
from drift_checks.settings.declarations import Settings, declared
from drift_checks.settings.loading import Sources, fill_defaults, parse, refuse_combinations, refuse_unknown, text_of


@dataclass(frozen=True)
class Fault:
    """An unusable setting; its key is that of the setting, or the unknown ini key or variable."""

    key: str
    error: DriftError

    @property
    def name(self) -> str:
        """The name in messages."""
        return next((setting.name for setting in declared() if setting.key == self.key), self.key)


@dataclass(frozen=True)
class Configured:
    """The usable settings, with defaults in place of the others, and why those are not usable.

    `broken` holds the keys of the unusable settings and of those that depend on them. Of the variables missing from
    the environment, those named in `taken` came from `env_file`.
    """

    settings: Settings
    faults: tuple[Fault, ...]
    broken: frozenset[str]
    env_file: Path | None = None
    taken: frozenset[str] = frozenset()


def configure(sources: Sources, now: datetime) -> Configured:
    """Read the usable settings."""
    faults = list(_unknown(sources))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    texts: dict[str, str] = {}
    for setting in declared():
        origin = sources.find(setting)
        if origin is None:
            continue
        try:
            values[setting.key] = parse(setting, origin)
        except SettingError as error:
            faults.append(Fault(setting.key, error))
        else:
            origins[setting.key] = origin.source
            texts[setting.key] = text_of(values[setting.key], origin)
    faults += _fill(values, origins, sources, now, {fault.key for fault in faults})
    settings = Settings(**values, sources=origins, texts=texts)
    broken = {fault.key for fault in faults}
    if "chroma" in broken and "db" not in values:
        broken.add("db")
    if not broken:
        try:
            refuse_combinations(settings)
        except SettingError as error:
            faults.append(Fault(error.what.replace("-", "_"), error))
    return Configured(settings, tuple(faults), frozenset(broken))


def _unknown(sources: Sources) -> list[Fault]:
    """Return all unknown ini keys and variables, found one at a time."""
    faults = []
    alone = [replace(sources, ini={key: text}, environment={}) for key, text in sources.ini.items()]
    alone += [replace(sources, ini={}, environment={name: text}) for name, text in sources.environment.items()]
    for one in alone:
        try:
            refuse_unknown(one)
        except SettingError as error:
            faults.append(Fault(next(iter({**one.ini, **one.environment})), error))
    return faults


def _fill(
    values: dict[str, Any], origins: dict[str, str], sources: Sources, now: datetime, broken: set[str]
) -> list[Fault]:
    """Add the defaults that depend on the machine; return those that are not available."""
    faults: list[Fault] = []
    while True:
        # No default must replace a setting that overrides it.
        values |= {key: None for key in ("chroma", "db") if key in broken}
        if "naive_timezone" in broken:
            values.setdefault("naive_timezone", ZoneInfo("UTC"))
        try:
            fill_defaults(values, origins, sources, now)
        except SettingError as error:
            key = {"chroma": "chroma", "naive-timezone": "naive_timezone"}.get(error.what, "db")
            broken.add(key)
            faults.append(Fault(key, error))
        else:
            return faults
