"""The checklist on terminals of any width, in any encoding, and as JSON."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion

from drift_checks.operations.doctor.check import Finding, Status
from drift_checks.operations.doctor.printing import ASCII, UNICODE, as_json, as_text, marks_for

PATH = "/srv/applications/risk-classification/production/risk_classifications.db"
OK, WARNING, ERROR, SKIPPED = Status
FINDINGS = [
    Finding("settings", "db", OK, f"{PATH} (DRIFT_DB in /etc/drift-checks/review.env)"),
    Finding("settings", "warn", ERROR, "'x' (from --drift-warn) is invalid", "it must be a number from 0 to 1"),
    Finding("store", "records", OK, f"{PATH}: 13,083 records in risk_classifications, 120 MB"),
    Finding(
        "rights",
        "user",
        WARNING,
        "root: its rights say nothing about the user who runs the reviews",
        "run this as the user of the schedule: sudo -u USER python -m drift_checks doctor",
    ),
    Finding("reviewer", "answers", SKIPPED, "not asked", "--live asks it about one record"),
    Finding("alerts", "report-url", OK, "not set: alerts give the report's path", "--drift-report-url links it"),
]
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40).map(lambda text: f"a {text} b")
LINES = st.lists(
    st.builds(Finding, st.sampled_from(["one", "two"]), TEXTS, st.sampled_from(Status), TEXTS, TEXTS | st.just("")),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 100_000])
def test_lines_fit_the_terminal(width: int, snapshot: SnapshotAssertion) -> None:
    """The remedy is on a line of its own; a pipe gets one line a check."""
    text = as_text(FINDINGS, width, UNICODE, colour=False)
    assert max(map(cell_len, text.splitlines()[:-1])) <= width
    assert text == snapshot


@given(LINES, st.integers(30, 200))
def test_nothing_is_lost_at_any_width(findings: list[Finding], width: int) -> None:
    """Every letter of a message is there."""
    text = "".join(as_text(findings, width, UNICODE, colour=False).split())
    for finding in findings:
        assert all(letter in text for letter in "".join(finding.message.split()))
    assert all(cell_len(line) <= width for line in as_text(findings, width, UNICODE, colour=False).splitlines()[:-1])


def test_the_last_line_counts_the_checks() -> None:
    """Skipped ones separately."""
    last = as_text(FINDINGS, 80, UNICODE, colour=False).splitlines()[-1]
    assert last == "5 checks: 3 passed, 1 warning, 1 failed; 1 skipped"
    last = as_text(FINDINGS[:1], 80, UNICODE, colour=False).splitlines()[-1]
    assert last == "1 check: 1 passed, 0 warnings, 0 failed"


def test_only_a_terminal_gets_colours() -> None:
    """Otherwise there is no escape sequence."""
    assert "\x1b[" not in as_text(FINDINGS, 80, UNICODE, colour=False)
    coloured = as_text(FINDINGS, 80, UNICODE, colour=True)
    assert "\x1b[32m" in coloured
    plain = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == as_text(FINDINGS, 80, UNICODE, colour=False).splitlines()


@pytest.mark.parametrize(
    ("encoding", "marks"),
    [("utf-8", UNICODE), ("ascii", ASCII), ("iso-8859-1", ASCII), ("no such encoding", ASCII), (None, ASCII)],
)
def test_an_encoding_without_the_marks_gets_ascii(encoding: str | None, marks: object) -> None:
    """So does an unknown one."""
    assert marks_for(encoding) is marks


def test_ascii_marks_leave_an_ascii_text(snapshot: SnapshotAssertion) -> None:
    """If the messages are."""
    text = as_text(FINDINGS, 80, ASCII, colour=False)
    assert text.isascii()
    assert text == snapshot


def test_json_holds_every_finding(snapshot: SnapshotAssertion) -> None:
    """In ASCII; a missing remedy is null."""
    text = as_json(FINDINGS)
    assert text.isascii()
    document = json.loads(text)
    assert document["counts"] == {"checked": 5, "ok": 3, "warning": 1, "error": 1, "skipped": 1}
    assert [tuple(item.values()) for item in document["checked"]] == [
        (item.group, item.name, str(item.status), item.message, item.remedy or None) for item in FINDINGS
    ]
    assert list(document["checked"][0]) == ["group", "name", "status", "message", "remedy"]
