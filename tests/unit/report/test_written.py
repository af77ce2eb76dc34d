"""The document, junit.xml and the summary of a run."""

from __future__ import annotations

import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result
from drift_checks.report.document import drift_document
from drift_checks.report.history.recorded import SelfDisagreement
from drift_checks.report.junit import junit_document
from drift_checks.report.reviewing import concurrency_in_words, noise, reviewer_in_words, usage
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from tests.support.reports import AGREEMENT, BASELINE, INTEGRITY, LOW, OLD, facts, outcomes, report, reviewed

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"
CONTROLS = "bell\x07 escape\x1b[31m nul\0 bidi\u202e half\ud800 \ufffe"
NUMBER = (int, float)
MAYBE_NUMBER = (*NUMBER, type(None))
# Each key of the contract with its types.
CONTRACT: dict[str, Any] = {
    **dict.fromkeys(("run_id", "started", "verdict"), str),
    "schema": int,
    "exit_code": int,
    "duration_seconds": NUMBER,
    "store": {"db": str, "chroma": (str, type(None)), "records": int, "vectors": (int, type(None))},
    "sample": {"size": int, "seed": int, "strata": dict, "record_ids": list},
    "reviewer": {
        "name": str,
        "model": (str, type(None)),
        "calls": int,
        "failed": int,
        **dict.fromkeys(("input_tokens", "output_tokens", "cost"), MAYBE_NUMBER),
    },
    "agreement": {
        **dict.fromkeys(("agreed", "reviewed"), int),
        **dict.fromkeys(("rate", "confidence_change"), MAYBE_NUMBER),
        "interval": (list, type(None)),
        "population": (dict, type(None)),
    },
    "criteria": [
        {
            **dict.fromkeys(("name", "message"), str),
            **dict.fromkeys(("passed", "failed", "unmeasured"), int),
            **dict.fromkeys(("rate", "critical"), MAYBE_NUMBER),
            "verdict": (str, type(None)),
            "interval": (list, type(None)),
            "warn": NUMBER,
        }
    ],
    "disagreements": [
        {
            "record_id": (int, str, type(None)),
            "stratum": (str, type(None)),
            **dict.fromkeys(("stored", "reviewed"), (str, type(None))),
            **dict.fromkeys(("stored_confidence", "reviewed_confidence"), MAYBE_NUMBER),
        }
    ],
}


def misfits(value: Any, shape: Any, where: str = "drift") -> list[str]:
    """Return where a document lacks a key of the shape or has a wrong type."""
    if isinstance(shape, list):
        return [fault for item in value for fault in misfits(item, shape[0], where)]
    if isinstance(shape, dict):
        missing = [f"{where}.{key} is missing" for key in shape.keys() - value.keys()]
        there = shape.keys() & value.keys()
        return missing + [fault for key in there for fault in misfits(value[key], shape[key], f"{where}.{key}")]
    fits = isinstance(value, shape) and not isinstance(value, bool)
    return [] if fits else [f"{where}: {value!r}"]


def full() -> RunReport:
    """Return a report with some of everything."""
    return report(
        [
            *reviewed(20, 10, stratum=LOW),
            *reviewed(20, 0, stratum=OLD),
            *reviewed(10, 0, stratum=BASELINE),
            *outcomes(Result.FAILED, 2, criterion="record_integrity", message="the text is empty"),
            *outcomes(Result.PASSED, 98, criterion="record_integrity"),
        ]
    )


def bare() -> RunReport:
    """Return a report without anything that may be missing."""
    made = [Outcome("record_integrity", Result.FAILED), Outcome("agreement", Result.UNMEASURED)]
    changed: dict[str, Any] = {"chroma": None, "vectors": None, "model": None, "record_ids": [], "records": 0}
    return report(made, drawn={}, sizes={}, **changed)


def hostile(text: str) -> RunReport:
    """Return a report in which every text from the store is this one."""
    decision = Decision(text, 0.5, text, 0.6)
    made = [
        Outcome("agreement", Result.FAILED, text, text, LOW, decision),
        Outcome("record_integrity", Result.FAILED, text, text, LOW),
        Outcome("unmeasured", Result.UNMEASURED, text, text, LOW),
    ]
    criteria = [AGREEMENT, INTEGRITY, Criterion("unmeasured", text, remedy=text)]
    return report(made, criteria, collection=text, table=text, settings={"table": text}, model=text)


def whole() -> RunReport:
    """Return a report of an agreement without a record, as a user's own criterion may report it."""
    return report([Outcome("agreement", Result.FAILED, "whole")])


ANY = pytest.mark.parametrize(
    "found", [full(), bare(), hostile(HOSTILE), whole()], ids=["full", "bare", "hostile", "without a record"]
)


def through_json(found: RunReport) -> dict[str, Any]:
    """Return the document as another program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(drift_document(found), allow_nan=False))
    return read


@ANY
def test_the_document_has_every_key_of_the_contract(found: RunReport) -> None:
    """With its type; others may be added."""
    assert misfits(through_json(found), CONTRACT) == []


def test_the_document_has_the_figures_of_the_run() -> None:
    """Under the names of the contract."""
    document = through_json(full())
    assert (document["schema"], document["verdict"], document["exit_code"]) == (1, "WARNING", 0)
    assert document["sample"]["strata"] == {"low_confidence": 30, "old": 20, "baseline": 10}
    assert document["agreement"]["agreed"] == 40
    assert document["agreement"]["interval"] == pytest.approx([0.6696, 0.8876], abs=1e-3)
    assert set(document["agreement"]["population"]) == {"rate", "interval"}
    assert document["criteria"][0]["verdict"] == "WARNING"
    assert document["disagreements"][0] == {
        "record_id": 1,
        "stratum": "low_confidence",
        "stored": "financial",
        "reviewed": "regulatory",
        "stored_confidence": 0.5,
        "reviewed_confidence": None,
    }


def test_unmeasured_rates_are_null() -> None:
    """They are never 0."""
    document = through_json(report(reviewed(0, 0, 50)))
    agreement, criterion = document["agreement"], document["criteria"][0]
    assert (agreement["rate"], agreement["interval"], agreement["population"]) == (None, None, None)
    assert (criterion["rate"], criterion["interval"]) == (None, None)
    assert document["criteria"][1]["verdict"] is None


def junit(found: RunReport) -> ElementTree.Element:
    """Return the JUnit file as another program reads it."""
    file = io.BytesIO()
    junit_document(found).write(file, encoding="utf-8", xml_declaration=True)
    return ElementTree.fromstring(file.getvalue())


@pytest.mark.parametrize(
    ("made", "failures", "skipped"),
    [
        (reviewed(50, 0), 0, 1),
        (reviewed(40, 10), 0, 1),
        (reviewed(10, 40), 1, 1),
        (reviewed(0, 0, 50), 0, 2),
        (reviewed(10, 40) + outcomes(Result.FAILED, 9, criterion="record_integrity"), 2, 0),
    ],
    ids=["ok", "warning", "critical", "inconclusive", "two critical"],
)
def test_junit_has_a_case_per_criterion_that_is_red_only_if_critical(
    made: list[Outcome], failures: int, skipped: int
) -> None:
    """A criterion without a verdict is skipped."""
    root = junit(report(made))
    [suite] = root.iter("testsuite")
    assert [case.get("name") for case in root.iter("testcase")] == ["agreement", "record_integrity"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", str(failures), str(skipped))
    assert len(list(root.iter("failure"))) == failures
    assert len(list(root.iter("skipped"))) == skipped
    assert list(root.iter("error")) == []


@given(st.text())
def test_junit_is_well_formed_whatever_the_store_holds(text: str) -> None:
    """XML allows few control characters."""
    junit(report(outcomes(Result.UNMEASURED, 1, message=text)))


@ANY
def test_any_run_has_a_summary(found: RunReport) -> None:
    """Its first line is the headline, its last the exit code."""
    lines = list(summarise(found, None))
    assert lines[0].startswith(str(found.verdict))
    assert lines[-1].startswith(f"exit {found.exit_code}")


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (None, ""),
        (UsedConcurrency(start=16, most=1), "up to 1 call at once"),
        (UsedConcurrency(start=1, most=1, refusals={"429": 2}), "up to 1 call at once; 2 answers of 429"),
        (UsedConcurrency(start=16, most=64), "up to 64 calls at once"),
        (
            UsedConcurrency(start=16, most=40, refusals={"429": 3}, halved=1),
            "up to 40 calls at once; 3 answers of 429 halved it",
        ),
        (
            UsedConcurrency(start=16, most=40, refusals={"429": 1, "529": 1}, halved=2),
            "up to 40 calls at once; 2 answers of 429 and 529 halved it twice",
        ),
        (
            UsedConcurrency(start=16, most=40, refusals={"503": 1_000}, halved=3),
            "up to 40 calls at once; 1,000 answers of 503 halved it 3 times",
        ),
    ],
)
def test_the_summary_says_how_many_calls_were_made_at_once(used: UsedConcurrency | None, words: str) -> None:
    """And what halved their number."""
    found = report(reviewer="llm", reviewing={"concurrency": used})
    assert concurrency_in_words(found.facts.reviewer) == words
    assert [line.strip() for line in summarise(found, None) if "at once" in line] == [words] * bool(words)


def test_nothing_in_the_summary_controls_the_terminal() -> None:
    """Control characters of the store are replaced."""
    lines = list(summarise(hostile(CONTROLS), None))
    assert not set("\x07\x1b\0\u202e\ud800\n\r") & set("".join(lines))


def test_the_summary_says_what_the_reviews_took() -> None:
    """Failures, tokens, time and noise, as far as they are known."""
    reviewing = {
        "reviewed": 48, "failed": 1, "not_asked": 3, "calls": 55, "input_tokens": 9_000, "cost": 0.25,
        "median_seconds": 1.0, "slowest_seconds": 4.0, "self_disagreement": SelfDisagreement.of(3, 1),
    }  # fmt: skip
    found = facts(reviewer="llm", model="small", reviewing=reviewing)
    assert reviewer_in_words(found) == "llm (small): 48 records reviewed, 1 review failed, 3 not asked"
    assert (
        usage(found.reviewer) == "55 calls; 9,000 tokens in, 0 out; cost 0.2500; median 1.0 s per call, slowest 4.0 s"
    )
    assert noise(found.reviewer) == "1 of 3 records reviewed twice got two different categories, 33 % (6–79 %)"
    assert (usage(facts().reviewer), noise(facts().reviewer)) == ("", "")
