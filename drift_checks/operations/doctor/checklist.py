"""The whole checklist, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import ModuleType

from drift_checks.core.errors import DriftError
from drift_checks.core.secrets import DB_PASSWORD, export_secrets
from drift_checks.operations.doctor import (
    channels,
    machine,
    reviewers,
    rights,
    room,
    runs,
    schedule,
    settings,
    stores,
    upkeep,
)
from drift_checks.operations.doctor.check import Check, CheckResult, Finding, run_check
from drift_checks.operations.doctor.environment import (
    added_variables,
    readable_secrets,
    with_credentials,
    with_env_file,
)
from drift_checks.operations.doctor.setup import DoctorOptions, Setup
from drift_checks.operations.schedule.paths import CREDENTIALS, ENVIRONMENT_FILE, below
from drift_checks.settings.loading import Sources
from drift_checks.settings.usable import Configured, Fault, configure

_SHORTEST_SECRET = 8
# Each has a name, GROUP, and checks.
_GROUPS = (settings, stores, rights, room, reviewers, channels, schedule, runs, upkeep, machine)


def run_checklist(sources: Sources, options: DoctorOptions, now: datetime) -> list[Finding]:
    """Run every check; nothing is written to the store, and nothing is sent."""
    setup = _setup(sources, options, now)
    with ExitStack() as closing, added_variables(setup.environment):
        closing.callback(setup.store.close)
        findings = [finding for group in _GROUPS for finding in _run_group(group, setup)]
    secrets = _secret_words(setup)
    return [_without_secrets(finding, secrets) for finding in findings]


def _setup(sources: Sources, options: DoctorOptions, now: datetime) -> Setup:
    env_file = below(options.root, ENVIRONMENT_FILE)
    environment, taken = with_env_file(sources.environment, env_file)
    sources = replace(sources, environment=environment)
    environment, hidden = with_credentials(environment, below(options.root, CREDENTIALS))
    # The password of a database is a part of the settings.
    readable = replace(sources, environment=sources.environment if DB_PASSWORD in hidden else environment)
    configured = _with_demo(replace(configure(readable, now), env_file=env_file, taken=taken))
    export_secrets(environment)
    ini_folders = () if sources.ini_file is None else (sources.ini_file.parent,)
    scheduled = map(Path, filter(None, environment.get("PYTHONPATH", "").split(":")))
    folders = (sources.folder, *ini_folders, *scheduled)
    return Setup(configured, environment, options, now, folders=folders, hidden=hidden)


def _with_demo(configured: Configured) -> Configured:
    """Return the settings of the demo store, if it is set."""
    if not configured.settings.demo or configured.broken:
        return configured
    from drift_checks.stores.demo.settings import demo_settings

    try:
        return replace(configured, settings=demo_settings(configured.settings))
    except DriftError as error:
        faults = (*configured.faults, Fault("demo", error))
        return replace(configured, faults=faults, broken=configured.broken | {"demo"})


def _run_group(group: ModuleType, setup: Setup) -> Iterator[Finding]:
    try:
        checks: Sequence[Check] = group.checks(setup)
    except Exception as error:
        # Not even the list of checks could be made.
        checks = [Check("all", partial(_raise, error))]
    for check in checks:
        yield run_check(group.GROUP, check, setup.configured.broken)


def _raise(error: Exception) -> CheckResult:
    raise error


def _secret_words(setup: Setup) -> list[str]:
    """Return the words of all secrets, longest first, without those short enough to be ordinary words."""
    words = {word for secret in readable_secrets(setup.environment) for word in secret.reveal().split()}
    return sorted((word for word in words if len(word) >= _SHORTEST_SECRET), key=len, reverse=True)


def _without_secrets(finding: Finding, words: Sequence[str]) -> Finding:
    """Return the finding without secrets; each check avoids them itself, and this is the safety net."""
    message, remedy = finding.message, finding.remedy
    for word in words:
        message, remedy = message.replace(word, "…"), remedy.replace(word, "…")
    return replace(finding, message=message, remedy=remedy)
