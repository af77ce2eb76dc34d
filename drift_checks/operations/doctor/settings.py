"""The settings: what is unusable, and the source of each that is not a default."""

from __future__ import annotations

from functools import partial

from drift_checks.core.addresses import Location, written
from drift_checks.core.text import printable
from drift_checks.operations.doctor.check import Check, CheckResult, failed_with, passed
from drift_checks.operations.doctor.setup import Setup
from drift_checks.settings.declarations import Setting, declared
from drift_checks.settings.usable import Configured

GROUP = "settings"
_LONGEST = 300


def checks(setup: Setup) -> list[Check]:
    """Return a check for each setting: the unusable ones, then those that are not defaults."""
    configured = setup.configured
    found = [Check(fault.name, partial(failed_with, fault.error, fault.name)) for fault in configured.faults]
    faulty = {fault.name for fault in configured.faults}
    for setting in declared():
        is_set = setting.key in configured.settings.sources and setting.name not in faulty
        if is_set and getattr(configured.settings, setting.key) != setting.default:
            found.append(Check(setting.name, partial(_setting, setting, configured)))
    return found or [Check("all", lambda: passed("all defaults: no option, variable or ini file changes one"))]


def _setting(setting: Setting, configured: Configured) -> CheckResult:
    settings = configured.settings
    value = getattr(settings, setting.key)
    text = written(value) if isinstance(value, Location) else settings.texts.get(setting.key, str(value))
    source = settings.sources[setting.key]
    if source == f"the variable {setting.variable}" and setting.variable in configured.taken:
        source = f"{setting.variable} in {configured.env_file}"
    return passed(f"{printable(setting.kind.shown(text), _LONGEST)} ({source})")
