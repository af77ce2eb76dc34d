"""What is left of the checks in report.json where no text of a record may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.plugin.json_report import withhold_texts

SECRET = "the secret text"


def stage(outcome: str) -> dict[str, Any]:
    """Return a stage of a check as pytest-json-report tells of it, the text in each place that may quote it."""
    told = {"message": SECRET, "path": "test_a.py", "lineno": 3}
    quoting = dict.fromkeys(("longrepr", "stdout", "stderr"), SECRET)
    lists = {"traceback": [told], "log": [{"msg": SECRET}]}
    return {"duration": 0.25, "outcome": outcome, "crash": told, **quoting, **lists}


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


def test_what_became_of_a_check_is_left() -> None:
    """Its outcome, and how long each stage took."""
    kept = withheld("passed")["tests"][0]
    passed = {"duration": 0.25, "outcome": "passed"}
    assert kept == {
        "nodeid": "test_0",
        "outcome": "passed",
        "lineno": 1,
        **dict.fromkeys(("setup", "call", "teardown"), passed),
    }


@pytest.mark.parametrize("outcome", ["failed", "skipped", "error", "findings"])
def test_a_check_that_did_not_pass_says_its_own_message(outcome: str) -> None:
    """Which holds no text, in place of what pytest made of it."""
    calls = [test["call"] for test in withheld("passed", outcome)["tests"]]
    assert calls == [
        {"duration": 0.25, "outcome": "passed"},
        {"duration": 0.25, "outcome": outcome, "longrepr": "said 1"},
    ]


def test_a_test_beside_the_checks_says_nothing() -> None:
    """No message of it is known to hold no text."""
    made = document("failed")
    withhold_texts(made, [])
    assert made["tests"][0]["call"]["longrepr"] == ""


def test_stages_that_were_not_reached_stay_away() -> None:
    """A check skipped at its setup has no call."""
    made = document("skipped")
    del made["tests"][0]["call"]
    withhold_texts(made, [])
    assert made["tests"][0].keys() == {"nodeid", "outcome", "lineno", "setup", "teardown"}


def test_a_document_without_tests_is_left_as_it_is() -> None:
    """As of a run that ended early."""
    made: dict[str, Any] = {"exitcode": 5}
    withhold_texts(made, [])
    assert made == {"exitcode": 5}
