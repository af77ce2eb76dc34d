"""The settings that are there, each with its source; what cannot be used is told, and the rest goes on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drift_checks.doctor.finding import Check, Said, refused, right
from drift_checks.errors import SettingError
from drift_checks.options import Sources, fill_defaults, parse, refuse_combinations, refuse_unknown
from drift_checks.reporting.phrases import printable
from drift_checks.settings import Setting, Settings, declared

GROUP = "settings"
_CHROMA_VARIABLE = "CHROMA_PERSIST_PATH"
_LONGEST = 300
# As sh and systemd read it: a value in double quotes may be of several lines.
_ASSIGNMENT = re.compile(
    r"""^(?:export[ \t]+)?([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"'\n][^\n]*|))[ \t]*$""",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\([\\"$`])')


@dataclass(frozen=True)
class Fault:
    """Why a setting cannot be used; the key is that of the setting, or of what is no setting."""

    key: str
    error: SettingError

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


def checks(configured: Configured) -> list[Check]:
    """Return a line a setting: those that cannot be used, then those that are no default."""
    found = [
        Check(GROUP, fault.name, lambda fault=fault: _refused(fault))  # type: ignore[misc]
        for fault in configured.faults
    ]
    faulty = {fault.name for fault in configured.faults}
    for setting in declared():
        value = getattr(configured.settings, setting.key)
        is_told = setting.key in configured.settings.sources and setting.name not in faulty
        if is_told and value != setting.default:
            found.append(Check(GROUP, setting.name, lambda setting=setting: _told(setting, configured)))  # type: ignore[misc]
    return found or [Check(GROUP, "all", lambda: right("the defaults: no option, variable or ini file says otherwise"))]


def read_env_file(file: Path) -> dict[str, str]:
    """Return the variables of a file of `NAME=value` lines, as a service manager or a shell reads it.

    Raises:
        OSError: It cannot be read.
    """
    found = _ASSIGNMENT.finditer(file.read_text(encoding="utf-8", errors="replace"))
    return {item[1]: item[4].strip() if item[2] is None and item[3] is None else _unquoted(item) for item in found}


def _unquoted(found: re.Match[str]) -> str:
    return found[3] if found[2] is None else _ESCAPE.sub(r"\1", found[2])


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
        if "naive_timezone" in broken:
            values.setdefault("naive_timezone", ZoneInfo("UTC"))
        try:
            fill_defaults(values, origins, sources, now)
        except SettingError as error:
            key = "chroma" if str(error).startswith("chroma:") else "naive_timezone"
            broken.add(key)
            faults.append(Fault(key, error))
        else:
            return faults


def _at_odds(settings: Settings) -> list[Fault]:
    try:
        refuse_combinations(settings)
    except SettingError as error:
        return [Fault(str(error).partition(":")[0], error)]
    return []


def _refused(fault: Fault) -> Said:
    said = refused(fault.error)
    return said._replace(message=said.message.removeprefix(f"{fault.name}: "))


def _told(setting: Setting, configured: Configured) -> Said:
    settings = configured.settings
    value = getattr(settings, setting.key)
    text = str(value) if isinstance(value, Path) else settings.texts.get(setting.key, str(value))
    source = settings.sources[setting.key]
    if source == f"the variable {setting.variable}" and setting.variable in configured.taken:
        source = f"{setting.variable} in {configured.env_file}"
    return right(f"{printable(setting.kind.shown(text), _LONGEST)} ({source})")


def with_env_file(environment: Mapping[str, str], file: Path) -> tuple[dict[str, str], frozenset[str]]:
    """Return the variables with those of a file added that are not there, and the names of these.

    A file that is not there, or cannot be read, adds none.
    """
    try:
        found = read_env_file(file)
    except OSError:
        found = {}
    added = {name: text for name, text in found.items() if not environment.get(name)}
    return {**environment, **added}, frozenset(added)
