"""How a check becomes a line, whatever it raises."""

from __future__ import annotations

import pytest

from drift_checks.core.errors import StoreError
from drift_checks.operations.doctor.finding import (
    Check,
    Finding,
    NotChecked,
    Said,
    Status,
    counted,
    made,
    right,
    warned,
    wrong,
)


def line(outcome: BaseException | Said, *needs: str) -> Finding:
    """Return what becomes of a check that says, or raises, this."""

    def make() -> Said:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return made(Check("group", "name", make, needs), {"broken_one"})


def test_what_a_check_says_is_its_line() -> None:
    """Status, message and remedy."""
    assert line(warned("it is old", "renew it")) == Finding("group", "name", Status.WARNING, "it is old", "renew it")


def test_a_refusal_is_divided_into_fault_and_remedy() -> None:
    """At the first semicolon outside brackets, where our sentences say what to do."""
    found = line(StoreError("/a", "is damaged (one; two; three)", "restore it from a backup"))
    assert (found.status, found.message) == (Status.ERROR, "/a: is damaged (one; two; three)")
    assert found.remedy == "restore it from a backup"


def test_a_refusal_without_a_remedy_has_none() -> None:
    """Its sentence is all there is to say."""
    assert line(StoreError("/a", "cannot be read (x)")).message == "/a: cannot be read (x)"


class Panic(BaseException):
    """What Chroma's core raises is no Exception."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("sk-secret"), "could not be checked (ZeroDivisionError)"),
        (Panic("sk-secret"), "could not be checked (Panic)"),
        (PermissionError(13, "Permission denied", "/sk-secret"), "(PermissionError: Permission denied)"),
        (UnicodeDecodeError("utf-8", b"sk-secret", 0, 1, "bad"), "could not be checked (UnicodeDecodeError)"),
    ],
)
def test_an_unexpected_error_is_a_cross_with_its_kind(error: BaseException, told: str) -> None:
    """And nothing of what it says, in which a secret may be."""
    found = line(error)
    assert found.status is Status.ERROR
    assert told in found.message
    assert "secret" not in found.message + found.remedy


def test_an_interruption_ends_the_checks() -> None:
    """It is no finding."""
    with pytest.raises(KeyboardInterrupt):
        line(KeyboardInterrupt())


def test_what_cannot_be_checked_is_no_tick() -> None:
    """It says why."""
    assert line(NotChecked("not known")) == Finding("group", "name", Status.SKIPPED, "not known")


def test_what_needs_a_setting_that_cannot_be_used_is_not_checked() -> None:
    """And is not looked at."""
    found = line(ZeroDivisionError(), "broken_one")
    assert (found.status, found.message) == (Status.SKIPPED, "not known: the setting broken-one cannot be used")


def test_a_line_is_fit_for_a_terminal() -> None:
    """Whatever names of files and tables hold."""
    hostile = "a\x1b[31m\nb\u202e\udcff"
    found = made(Check(hostile, hostile, lambda: wrong(hostile, hostile)))
    texts = {found.group, found.name, found.message, found.remedy}
    assert texts == {"a\N{REPLACEMENT CHARACTER}[31m b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"}


def test_lines_are_counted_by_status() -> None:
    """What was not looked at does not count as checked."""
    lines = [line(right("")), line(right("")), line(warned("", "")), line(NotChecked(""))]
    assert counted(lines) == {"checked": 3, "ok": 2, "warning": 1, "error": 0, "skipped": 1}
