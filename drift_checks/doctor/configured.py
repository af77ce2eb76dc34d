"""The settings that are there, each with its source; what cannot be used is told, and the rest goes on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from drift_checks.configuration.settings import Setting, declared
from drift_checks.configuration.usable import Configured, Fault
from drift_checks.doctor.finding import Check, Said, refused, right
from drift_checks.reporting.phrases import printable

GROUP = "settings"
_LONGEST = 300
# As sh and systemd read it: a value in double quotes may be of several lines.
_ASSIGNMENT = re.compile(
    r"""^(?:export[ \t]+)?([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"'\n][^\n]*|))[ \t]*$""",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\([\\"$`])')


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
