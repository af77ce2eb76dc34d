"""The settings that can be used, for what goes on where some cannot: a look at what is wrong, news of a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drift_checks.core.errors import DriftError, SettingError
from drift_checks.settings.declarations import Settings, declared
from drift_checks.settings.loading import Sources, fill_defaults, parse, refuse_combinations, refuse_unknown

_CHROMA_VARIABLE = "CHROMA_PERSIST_PATH"


@dataclass(frozen=True)
class Fault:
    """Why a setting cannot be used; the key is that of the setting, or of what is no setting."""

    key: str
    error: DriftError

    @property
    def name(self) -> str:
        """The name in messages."""
        known = {setting.key: setting.name for setting in declared()}
        return known.get(self.key, self.key)


@dataclass(frozen=True)
class Configured:
    """The settings as far as they can be used.

    Attributes:
        settings: Defaults where one cannot be used.
        faults: Those that cannot.
        broken: Their keys, those included that depend on them.
        env_file: The file from which variables were taken that the environment lacks.
        taken: Those variables.
    """

    settings: Settings
    faults: tuple[Fault, ...]
    broken: frozenset[str]
    env_file: Path | None = None
    taken: frozenset[str] = frozenset()


def configure(sources: Sources, now: datetime) -> Configured:
    """Read the settings, those that can be used.

    Args:
        sources: Where they are.
        now: The moment.
    """
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
            origins[setting.key], texts[setting.key] = origin.source, origin.text
    faults += _filled(values, origins, sources, now, {fault.key for fault in faults})
    settings = Settings(**values, sources=origins, texts=texts)
    broken = {fault.key for fault in faults}
    if "chroma" in broken and "db" not in values:
        broken.add("db")
    if not broken:
        faults += _at_odds(settings)
    return Configured(settings, tuple(faults), frozenset(broken))


def _unknown(sources: Sources) -> list[Fault]:
    """Return what looks like a setting and is none; one at a time, since all are to be told."""
    faults = []
    alone = [replace(sources, ini={key: text}, environment={}) for key, text in sources.ini.items()]
    alone += [replace(sources, ini={}, environment={name: text}) for name, text in sources.environment.items()]
    for one in alone:
        try:
            refuse_unknown(one)
        except SettingError as error:
            faults.append(Fault(next(iter({**one.ini, **one.environment})), error))
    return faults


def _filled(
    values: dict[str, Any], origins: dict[str, str], sources: Sources, now: datetime, broken: set[str]
) -> list[Fault]:
    """Add the defaults that depend on the machine; return why one cannot be had."""
    faults: list[Fault] = []
    while True:
        if "chroma" in broken:
            # Where the setting cannot be used, the directory that it stands above must not take its place.
            others = {name: text for name, text in sources.environment.items() if name != _CHROMA_VARIABLE}
            sources = replace(sources, environment=others)
        if "db" in broken:
            # Likewise the file that lies in the Chroma directory.
            values["db"] = None
        if "naive_timezone" in broken:
            values.setdefault("naive_timezone", ZoneInfo("UTC"))
        try:
            fill_defaults(values, origins, sources, now)
        except SettingError as error:
            key = "chroma" if error.what == "chroma" else "naive_timezone"
            broken.add(key)
            faults.append(Fault(key, error))
        else:
            return faults


def _at_odds(settings: Settings) -> list[Fault]:
    try:
        refuse_combinations(settings)
    except SettingError as error:
        return [Fault(error.what.replace("-", "_"), error)]
    return []
