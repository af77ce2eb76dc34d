"""The machine itself: versions, and the zones that timestamps are read in."""

from __future__ import annotations

import platform
import sqlite3
import sys
from datetime import datetime, timedelta
from importlib import metadata

from drift_checks.operations.doctor.finding import Check, Said, right, warned, wrong
from drift_checks.operations.doctor.setup import Setup

GROUP = "machine"
_LEAST_PYTHON = (3, 11)
_PACKAGES = ("pytest", "chromadb", "sqlalchemy")


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the machine."""
    settings = setup.settings
    source = settings.sources.get("naive_timezone", "this machine's")
    return [
        Check(GROUP, "Python", lambda: python(sys.version_info[:3])),
        Check(GROUP, "packages", packages),
        Check(GROUP, "time zone", lambda: zone(settings.naive_timezone.key, source), ("naive_timezone",)),
        Check(GROUP, "clock", lambda: clock(setup.now, settings.as_of, "as_of" in settings.sources)),
    ]


def python(version: tuple[int, ...]) -> Said:
    """Say whether Python is new enough."""
    said = f"{platform.python_implementation()} {'.'.join(map(str, version))} in {sys.prefix}"
    least = ".".join(map(str, _LEAST_PYTHON))
    if version[:2] < _LEAST_PYTHON:
        return wrong(f"{said}, and {least} is the oldest that will do", f"make the environment with Python {least}")
    return right(said)


def packages() -> Said:
    """Say which versions there are of what a review stands on."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            return wrong(f"{name} is not installed", "pip install --force-reinstall drift-checks")
    return right(
        ", ".join([*(f"{name} {version}" for name, version in found.items()), f"SQLite {sqlite3.sqlite_version}"])
    )


def zone(name: str, source: str) -> Said:
    """Say in which zone timestamps without one are read."""
    return right(
        f"timestamps without a zone are read in {name} ({source})",
        "" if source != "this machine's" else "where the application runs in another: --drift-naive-timezone",
    )


def clock(now: datetime, as_of: datetime, is_set: bool) -> Said:
    """Say what time it is, and whether ages are counted from now."""
    said = f"{now:%Y-%m-%d %H:%M} UTC"
    if is_set and abs(now - as_of) > timedelta(days=1):
        return warned(
            f"{said}, but ages are counted from {as_of:%Y-%m-%d}: each night draws by the same",
            "leave as-of away in a schedule",
        )
    return right(said)
