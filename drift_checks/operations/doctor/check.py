"""Checks and their results; each result becomes one line of the checklist."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from drift_checks.core.errors import DriftError
from drift_checks.core.text import printable

# Longer than any message, and still bounded.
_LONGEST = 2000


class Status(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class CheckResult(NamedTuple):
    """What a check found, and how to fix it; for a passed or skipped check, the remedy is a hint."""

    status: Status
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """One line of the checklist, safe to print on a terminal."""

    group: str
    name: str
    status: Status
    message: str
    remedy: str = ""


class NotChecked(Exception):
    """A check cannot be made; the text says why."""


class Check(NamedTuple):
    """A check that has not run yet; `run` may raise anything, and `needs` are the settings it depends on."""

    name: str
    run: Callable[[], CheckResult]
    needs: tuple[str, ...] = ()


def passed(message: str, hint: str = "") -> CheckResult:
    """Return the result of a check that found nothing wrong."""
    return CheckResult(Status.OK, message, hint)


def warning(message: str, remedy: str) -> CheckResult:
    """Return a warning: reviews run, but this will cause trouble sooner or later."""
    return CheckResult(Status.WARNING, message, remedy)


def failed(message: str, remedy: str) -> CheckResult:
    """Return a failure: reviews do not run, alert nobody, or leak secrets."""
    return CheckResult(Status.ERROR, message, remedy)


def skipped(message: str, hint: str = "") -> CheckResult:
    """Return the result of a check that was not made, and why."""
    return CheckResult(Status.SKIPPED, message, hint)


def failed_with(error: DriftError, subject: str = "") -> CheckResult:
    """Return a failure with an error's problem and remedy, without what the line is about anyway (the subject)."""
    about = "" if error.what == subject else f"{error.what}: "
    return failed(f"{about}{error.problem}", error.remedy)


def run_check(group: str, check: Check, broken: Collection[str] = ()) -> Finding:
    """Run a check, whatever it raises; skip it if it needs one of the broken settings."""
    unusable = [name.replace("_", "-") for name in check.needs if name in broken]
    result = skipped(f"unknown: the setting {unusable[0]} is unusable") if unusable else _run(check.run)
    group, name, message, remedy = (
        printable(text, _LONGEST) for text in (group, check.name, result.message, result.remedy)
    )
    return Finding(group, name, result.status, message, remedy)


def count_statuses(findings: Sequence[Finding]) -> dict[str, int]:
    """Return the number of findings with each status, and how many checks were made."""
    counts = Counter(finding.status for finding in findings)
    by_status = {str(status): counts[status] for status in Status}
    return {"checked": len(findings) - counts[Status.SKIPPED], **by_status}


def _run(run: Callable[[], CheckResult]) -> CheckResult:
    try:
        return run()
    except NotChecked as error:
        return skipped(str(error))
    except DriftError as error:
        return failed_with(error)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except OSError as error:
        # Without the file's name, which may hold a record or a secret.
        reason = f": {error.strerror}" if error.strerror else ""
        return failed(f"could not be checked ({type(error).__name__}{reason})", "check the permissions along its path")
    except BaseException as error:  # a panic in Chroma's core is not an Exception
        return failed(
            f"could not be checked ({type(error).__name__})",
            "the other checks are not affected; if this persists, report it with the version of drift-checks",
        )
