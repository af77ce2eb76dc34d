"""The checks in report.json of a redacted run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.plugin.json_report import withhold_texts

SECRET = "the secret text"


def stage(outcome: str) -> dict[str, Any]:
    """Return a stage of a check of pytest-json-report, with the text in each place that may quote it."""
    crash = {"message": SECRET, "path": "test_a.py", "lineno": 3}
    quoting = dict.fromkeys(("longrepr", "stdout", "stderr"), SECRET)
    lists = {"traceback": [crash], "log": [{"msg": SECRET}]}
    return {"duration": 0.25, "outcome": outcome, "crash": crash, **quoting, **lists}


def document(*outcomes: str) -> dict[str, Any]:
    """Return a document with one check for each outcome, in three stages."""
    tests = [
        {"nodeid": f"test_{number}", "outcome": outcome, "lineno": 1}
        | {"setup": stage("passed"), "call": stage(outcome), "teardown": stage("passed")}
        for number, outcome in enumerate(outcomes)
    ]
    return {"exitcode": 1, "summary": {"total": len(tests)}, "tests": tests, "warnings": [{"message": SECRET}]}


def withheld(*outcomes: str) -> dict[str, Any]:
    """Return the document without texts; the check of this number says `said 0`, `said 1` and so on."""
    made = document(*outcomes)
    withhold_texts(made, [Outcome("c", Result.FAILED, f"said {n}", check=f"test_{n}") for n in range(len(outcomes))])
    return made


def test_no_text_is_left() -> None:
    """Neither in a stage of a check nor in a warning."""
    assert SECRET not in json.dumps(withheld("passed", "failed", "skipped", "error"))


@pytest.mark.parametrize("outcome", ["failed", "skipped", "error", "findings"])
def test_outcome_and_durations_are_kept(outcome: str) -> None:
    """A check that did not pass has its own message, which quotes no text, in place of pytest's."""
    stages = {name: {"duration": 0.25, "outcome": "passed"} for name in ("setup", "call", "teardown")}
    passed, other = withheld("passed", outcome)["tests"]
    assert passed == {"nodeid": "test_0", "outcome": "passed", "lineno": 1, **stages}
    assert other["call"] == {"duration": 0.25, "outcome": outcome, "longrepr": "said 1"}


def test_other_tests_have_no_message() -> None:
    """It might quote a text; a stage that was not reached is not added."""
    made = document("failed")
    del made["tests"][0]["teardown"]
    withhold_texts(made, [])
    assert made["tests"][0]["call"]["longrepr"] == ""
    assert made["tests"][0].keys() == {"nodeid", "outcome", "lineno", "setup", "call"}


def test_a_document_without_tests_is_unchanged() -> None:
    """As of a run that ended early."""
    made: dict[str, Any] = {"exitcode": 5}
    withhold_texts(made, [])
    assert made == {"exitcode": 5}
