"""The settings that are there, each with its source; what cannot be used is told, and the rest goes on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from drift_checks.core.text import printable
from drift_checks.operations.doctor.finding import Check, Said, refused, right
from drift_checks.operations.schedule.environment import read_assignments
from drift_checks.settings.declarations import Setting, declared
from drift_checks.settings.usable import Configured, Fault

GROUP = "settings"
_LONGEST = 300


def checks(configured: Configured) -> list[Check]:
    """Return a line a setting: those that cannot be used, then those that are no default."""
    found = [Check(GROUP, fault.name, partial(_refused, fault)) for fault in configured.faults]
    faulty = {fault.name for fault in configured.faults}
    for setting in declared():
        value = getattr(configured.settings, setting.key)
        is_told = setting.key in configured.settings.sources and setting.name not in faulty
        if is_told and value != setting.default:
            found.append(Check(GROUP, setting.name, partial(_told, setting, configured)))
    return found or [Check(GROUP, "all", lambda: right("the defaults: no option, variable or ini file says otherwise"))]


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
        found = read_assignments(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = {}
    added = {name: text for name, text in found.items() if not environment.get(name)}
    return {**environment, **added}, frozenset(added)
