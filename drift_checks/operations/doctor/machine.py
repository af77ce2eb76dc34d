"""The machine: versions, the clock, and the time zone of timestamps."""

from __future__ import annotations

import platform
import sqlite3
import sys
from datetime import datetime, timedelta
from importlib import metadata

from drift_checks.operations.doctor.check import Check, CheckResult, failed, passed, warning
from drift_checks.operations.doctor.setup import Setup

GROUP = "machine"
_PACKAGES = ("pytest", "chromadb", "sqlalchemy")


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the machine."""
    settings = setup.settings
    python = f"{platform.python_implementation()} {platform.python_version()} in {sys.prefix}"
    return [
        Check("Python", lambda: passed(python)),
        Check("packages", packages),
        Check(
            "time zone",
            lambda: zone(settings.naive_timezone.key, settings.sources.get("naive_timezone")),
            ("naive_timezone",),
        ),
        Check("clock", lambda: clock(setup.now, settings.as_of, "as_of" in settings.sources)),
    ]


def packages() -> CheckResult:
    """Report the versions of the packages that a review depends on."""
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            return failed(f"{name} is not installed", "pip install --force-reinstall drift-checks")
    return passed(", ".join([*found, f"SQLite {sqlite3.sqlite_version}"]))


def zone(name: str, source: str | None) -> CheckResult:
    """Report the time zone of timestamps that name none, and where it is set; None for the machine's."""
    return passed(
        f"timestamps without a zone are read as {name} ({source or 'the zone of this machine'})",
        "" if source else "if the application runs in another zone: --drift-naive-timezone",
    )


def clock(now: datetime, as_of: datetime, is_set: bool) -> CheckResult:
    """Report the time, and warn if ages are counted from a fixed one."""
    message = f"{now:%Y-%m-%d %H:%M} UTC"
    if is_set and abs(now - as_of) > timedelta(days=1):
        return warning(
            f"{message}, but ages are counted from {as_of:%Y-%m-%d}, every night alike", "omit as-of in a schedule"
        )
    return passed(message)
