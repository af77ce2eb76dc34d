"""The user's own classifier under the schedule: whether its user can import it, and whether it gets its variables."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import is_secret
from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, failed, passed, warning
from drift_checks.operations.doctor.installed import unit_values
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.schedule.environment import read_assignments
from drift_checks.operations.schedule.machine import closed_to, find_user
from drift_checks.operations.schedule.paths import ENVIRONMENT_FILE, REVIEW_SERVICE

# As in os.environ["RISK_API_KEY"].
_QUOTED = re.compile(r"""["']([A-Z][A-Z0-9_]+)["']""")


def checks(setup: Setup, reviewer: str, suffix: str) -> list[Check]:
    """Return the checks of a user's own classifier; none for other reviewers, or without a schedule."""
    schedule = setup.schedule
    if ":" not in reviewer.partition("=")[0] or (schedule.crontab is None and schedule.timer is None):
        return []
    needs = ("reviewer",)
    return [
        Check(f"reachable{suffix}", lambda: _reachable(setup, reviewer), needs),
        Check(f"variables{suffix}", lambda: _variables(setup, reviewer), needs),
    ]


def _reachable(setup: Setup, reviewer: str) -> CheckResult:
    """Check that the schedule's user may read the module."""
    name = setup.schedule.user()
    file = inspect.getsourcefile(_module(reviewer))
    if name is None or file is None:
        raise NotChecked("unknown: the user of the schedule, or the module's file, cannot be determined")
    try:
        closed = closed_to(Path(file), find_user(name, setup.options.root))
    except SettingError as error:
        return failed(error.problem, error.remedy)
    if closed is not None:
        return failed(
            f"{name} may not search {closed}, and so cannot import {file}",
            f"give {name} the right (chmod o+x {closed}), or install the module where everyone can read it",
        )
    return passed(f"{name} can import {file}")


def _variables(setup: Setup, reviewer: str) -> CheckResult:
    """Check that the schedule carries the secrets that the module names."""
    try:
        source = inspect.getsource(_module(reviewer))
    except (OSError, TypeError):
        raise NotChecked("unknown: the module has no source") from None
    named = sorted({name for name in _QUOTED.findall(source) if is_secret(name)})
    missing = [name for name in named if name not in _carried(setup)]
    if missing:
        options = " ".join(f"--env {name}" for name in missing)
        return warning(
            f"its code names {', '.join(missing)}, which the schedule does not carry",
            f"install it again with {options}, unless the code finds the value elsewhere, as in a .env file",
        )
    return passed(f"the schedule carries {', '.join(named)}" if named else "its code names no secret")


def _module(reviewer: str) -> ModuleType:
    # The check before has imported it.
    found = sys.modules.get(reviewer.partition(":")[0])
    if found is None:
        raise NotChecked("unknown: it cannot be imported, see above")
    return found


def _carried(setup: Setup) -> set[str]:
    """Return the names of the variables and secrets that a scheduled review gets."""
    schedule, carried = setup.schedule, set()
    service, env_file = setup.place(REVIEW_SERVICE), setup.place(ENVIRONMENT_FILE)
    if schedule.timer is not None and service.is_file():
        carried = {value.partition(":")[0] for value in unit_values(service, "LoadCredential")}
    try:
        carried |= read_assignments(env_file.read_text(encoding="utf-8", errors="replace")).keys()
    except OSError:
        if schedule.timer is None:
            raise NotChecked(f"unknown: {env_file} cannot be read by this user") from None
    return carried | {name.removesuffix("_FILE") for name in carried}
