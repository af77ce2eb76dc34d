"""The whole checklist, in the order in which it is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from drift_checks.core.errors import DriftError, SettingError
from drift_checks.core.secrets import find_secret
from drift_checks.operations.doctor import (
    channels,
    configured,
    folders,
    machine,
    reviewers,
    runs,
    schedule,
    stores,
    upkeep,
)
from drift_checks.operations.doctor.configured import with_env_file
from drift_checks.operations.doctor.finding import Check, Finding, Said, made
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.schedule.paths import BACKUPS, CREDENTIALS, ENVIRONMENT_FILE, below
from drift_checks.operations.schedule.preset import SECRET_NAMES
from drift_checks.settings.loading import Sources
from drift_checks.settings.usable import Configured, Fault, configure

_SHORTEST_SECRET = 8
_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Attributes:
        root: What stands for `/`.
        backups: Where backups are kept; None for the usual folder.
        live: Whether the reviewer is asked once.
        thorough: Whether large stores are checked for damage as well.
        user: The number of the user who looks.
    """

    root: Path = Path("/")
    backups: Path | None = None
    live: bool = False
    thorough: bool = False
    user: int = field(default_factory=os.geteuid)


def run_all(sources: Sources, asked: Asked, now: datetime) -> list[Finding]:
    """Make every check, and say what was found; nothing is written to the store, and nothing is sent.

    Args:
        sources: Where the settings are.
        asked: What the user asked for.
        now: The moment, with a zone.
    """
    env_file = below(asked.root, ENVIRONMENT_FILE)
    environment, taken = with_env_file(sources.environment, env_file)
    sources = replace(sources, environment=environment)
    known = _with_demo(replace(configure(sources, now), env_file=env_file, taken=taken))
    setup = _setup(known, sources, asked, now)
    with ExitStack() as closing, reviewers.variables(setup.environment):
        closing.callback(setup.store.close)
        findings = [made(check, known.broken) for check in _all(setup, known)]
    hidden = _secrets(setup)
    return [_without(finding, hidden) for finding in findings]


def _all(setup: Setup, known: Configured) -> Iterator[Check]:
    scheduled = schedule.Schedule(setup.root, setup.now)
    past = runs.past_of(setup)
    yield from _of(configured.GROUP, lambda: configured.checks(known))
    yield from _of(stores.GROUP, lambda: stores.checks(setup))
    yield from _of(folders.RIGHTS, lambda: folders.checks(setup, scheduled.user))
    yield from _of(reviewers.GROUP, lambda: reviewers.checks(setup))
    yield from _of(channels.GROUP, lambda: channels.checks(setup))
    yield from _of(schedule.GROUP, lambda: schedule.checks(setup, scheduled))
    yield from _of(runs.GROUP, lambda: runs.checks(past, setup.now, lambda: scheduled.every))
    yield from _of(upkeep.GROUP, lambda: upkeep.checks(setup, lambda: scheduled.timer is not None))
    yield from _of(machine.GROUP, lambda: machine.checks(setup))


def _secrets(setup: Setup) -> list[str]:
    """Return the words of all secrets, the longest first; but those that are words of a sentence as well."""
    words: set[str] = set()
    for name in SECRET_NAMES:
        with suppress(SettingError):
            secret = find_secret([name], setup.environment, several_lines=True)
            words |= set() if secret is None else set(secret.reveal().split())
    return sorted((word for word in words if len(word) >= _SHORTEST_SECRET), key=len, reverse=True)


def _without(finding: Finding, secrets: Sequence[str]) -> Finding:
    """Return the line without what no line should hold; each check sees to that itself, and this to what it forgot."""
    message, remedy = finding.message, finding.remedy
    for word in secrets:
        message, remedy = message.replace(word, "…"), remedy.replace(word, "…")
    return replace(finding, message=message, remedy=remedy)


def _of(group: str, checks: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """Return the checks of a group; where they cannot even be listed, one that fails as that did."""
    try:
        return checks()
    except Exception as error:
        return [Check(group, "all", partial(_fail, error))]


def _fail(error: Exception) -> Said:
    raise error


def _setup(known: Configured, sources: Sources, asked: Asked, now: datetime) -> Setup:
    ini_folders: Sequence[Path] = () if sources.ini_file is None else (sources.ini_file.parent,)
    environment, hidden = _with_credentials(sources.environment, below(asked.root, CREDENTIALS))
    return Setup(
        known.settings,
        environment,
        root=asked.root,
        now=now,
        backups=asked.backups or below(asked.root, BACKUPS),
        folders=(sources.folder, *ini_folders),
        live=asked.live,
        thorough=asked.thorough,
        user=asked.user,
        hidden=hidden,
    )


def _with_credentials(environment: Mapping[str, str], folder: Path) -> tuple[dict[str, str], frozenset[str]]:
    """Return the variables with a schedule's credentials, as its service manager passes them on.

    Returns:
        The variables, and the names of what this user may not read; the service manager reads it as root.
    """
    if _CREDENTIALS_VARIABLE in environment or not os.path.isdir(folder):  # noqa: PTH112 - what may not be looked into is none
        return dict(environment), frozenset()
    try:
        kept = list(folder.iterdir())
    except OSError:
        return dict(environment), frozenset(SECRET_NAMES)
    unread = [file.name for file in kept if not os.access(file, os.R_OK, effective_ids=True)]
    return {**environment, _CREDENTIALS_VARIABLE: str(folder)}, frozenset(unread)


def _with_demo(known: Configured) -> Configured:
    """Return the settings with the demo store in place of any other, where that is asked for."""
    if not known.settings.demo or known.broken:
        return known
    from drift_checks.stores.demo.settings import demo_settings

    try:
        return replace(known, settings=demo_settings(known.settings))
    except DriftError as error:
        return replace(known, faults=(*known.faults, Fault("demo", error)), broken=known.broken | {"demo"})
