"""How a check becomes a line of the checklist, whatever it raises."""

from __future__ import annotations

import pytest

from drift_checks.core.errors import SettingError, StoreError
from drift_checks.operations.doctor.check import (
    Check,
    CheckResult,
    Finding,
    NotChecked,
    Status,
    count_statuses,
    failed,
    failed_with,
    passed,
    run_check,
    warning,
)


def line(outcome: BaseException | CheckResult, *needs: str) -> Finding:
    """Return the line of a check that returns, or raises, this."""

    def run() -> CheckResult:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return run_check("group", Check("name", run, needs), {"broken_one"})


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (warning("it is old", "renew it"), (Status.WARNING, "it is old", "renew it")),
        (
            StoreError("/a", "is damaged (one; two)", "restore it from a backup"),
            (Status.ERROR, "/a: is damaged (one; two)", "restore it from a backup"),
        ),
        (StoreError("/a", "cannot be read"), (Status.ERROR, "/a: cannot be read", "")),
        (NotChecked("unknown"), (Status.SKIPPED, "unknown", "")),
    ],
)
def test_a_result_or_an_error_becomes_a_line(
    outcome: BaseException | CheckResult, expected: tuple[Status, str, str]
) -> None:
    """An error's remedy is the line's; the message does not repeat what the line names, as a setting."""
    found = line(outcome)
    assert (found.status, found.message, found.remedy) == expected
    error = SettingError("warn", "'x' is invalid", "it must be a number")
    assert failed_with(error, "warn") == failed("'x' is invalid", "it must be a number")


class Panic(BaseException):
    """Chroma's core raises one that is not an Exception."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ZeroDivisionError("sk-secret"), "could not be checked (ZeroDivisionError)"),
        (Panic("sk-secret"), "could not be checked (Panic)"),
        (PermissionError(13, "Permission denied", "/sk-secret"), "(PermissionError: Permission denied)"),
        (UnicodeDecodeError("utf-8", b"sk-secret", 0, 1, "bad"), "could not be checked (UnicodeDecodeError)"),
    ],
)
def test_an_unexpected_error_is_a_failure_that_names_its_kind_only(error: BaseException, message: str) -> None:
    """Its text may hold a secret."""
    found = line(error)
    assert found.status is Status.ERROR
    assert message in found.message
    assert "secret" not in found.message + found.remedy


def test_a_check_that_needs_an_unusable_setting_is_skipped() -> None:
    """It is not run; an interruption ends all checks."""
    found = line(KeyboardInterrupt(), "broken_one")
    assert (found.status, found.message) == (Status.SKIPPED, "unknown: the setting broken-one is unusable")
    with pytest.raises(KeyboardInterrupt):
        line(KeyboardInterrupt())


def test_a_line_is_safe_for_a_terminal() -> None:
    """Whatever the names of files and tables contain."""
    hostile = "a\x1b[31m\nb\u202e\udcff"
    found = run_check(hostile, Check(hostile, lambda: failed(hostile, hostile)))
    texts = {found.group, found.name, found.message, found.remedy}
    assert texts == {"a\N{REPLACEMENT CHARACTER}[31m b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"}


def test_lines_are_counted_by_status() -> None:
    """A skipped check does not count as checked."""
    lines = [line(passed("")), line(passed("")), line(warning("", "")), line(NotChecked(""))]
    assert count_statuses(lines) == {"checked": 3, "ok": 2, "warning": 1, "error": 0, "skipped": 1}
