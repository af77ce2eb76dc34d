"""What is written of acknowledged disagreements and criteria: document, JUnit, summary and page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from drift_checks.core.outcomes import AGREEMENT as NAME
from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.document import drift_document
from drift_checks.report.headline import headline
from drift_checks.report.history.recorded import recorded_run
from drift_checks.report.junit import junit_document
from drift_checks.report.page.html import render
from drift_checks.report.page.record_rows import record_rows
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict
from tests.support.pages import decided
from tests.support.reports import (
    AGREEMENT,
    INTEGRITY,
    LOW,
    OLD,
    known_criterion,
    known_record,
    outcomes,
    report,
    reviewed,
)

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"
EFFECT = Criterion("class_mix", "Is the mix the same?", effect="PSI", warn=0.2, critical=0.5)
REASON = "the guideline is being changed"
UNTIL = "2027-02-01T00:00:00Z"
ENDED = "record 99 (fraud → loan) is no longer acknowledged: it was until 2026-01-14 (new desk)"


def some(reason: str = REASON, **changed: Any) -> RunReport:
    """Return a run that met a known record and a known criterion, but not a third item; a fourth has ended."""
    made = [
        *outcomes(Result.PASSED, 40, stratum=OLD),
        decided(101, "financial", "regulatory", LOW, (0.9, 0.9)),
        decided(102, "fraud", "cyber", LOW, (0.5, 0.5)),
        *outcomes(Result.PASSED, 9, criterion="record_integrity"),
        Outcome(EFFECT.name, Result.PASSED, statistics=(Statistic("class mix", "it moved", 0.9, 500),)),
    ]
    active = [
        known_record(101, 1, reason=reason),
        known_criterion("class_mix", number=2, reason=reason),
        known_record("gone", 3, reason=reason),
        known_criterion("record_integrity", number=4, reason=reason),
    ]
    known = Acknowledged(active, [(known_record(99, 5, reason=reason), ENDED)])
    return report(made, (AGREEMENT, INTEGRITY, EFFECT), acknowledged=known, **changed)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as another program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(drift_document(some()), allow_nan=False))
    return read


def test_the_document_tells_of_each_item_that_holds_and_whether_it_was_met(document: dict[str, Any]) -> None:
    """In the order in which they were made."""
    record, criterion, *others = document["acknowledged"]
    assert record == {
        "number": 1,
        "record_id": 101,
        "stored": "financial",
        "reviewed": "regulatory",
        "criterion": None,
        "verdict": None,
        "until": UNTIL,
        "reason": REASON,
        "found": True,
    }
    assert criterion == {
        "number": 2,
        "record_id": None,
        "stored": None,
        "reviewed": None,
        "criterion": "class_mix",
        "verdict": "CRITICAL",
        "until": UNTIL,
        "reason": REASON,
        "found": True,
    }
    assert [(item["number"], item["found"]) for item in others] == [(3, False), (4, False)]


def test_an_item_that_does_not_cover_what_was_met_was_not_found() -> None:
    """As that of a milder verdict beside that of a worse one."""
    active = [known_criterion("agreement", Verdict.WARNING, 1), known_criterion("agreement", Verdict.CRITICAL, 2)]
    found = drift_document(report(reviewed(1, 9), acknowledged=Acknowledged(active)))
    assert [item["found"] for item in found["acknowledged"]] == [False, True]


def test_the_document_tells_what_has_ended_and_why(document: dict[str, Any]) -> None:
    """Nobody knows of it any more."""
    (ended,) = document["acknowledgements_ended"]
    assert (ended["number"], ended["record_id"], ended["why"]) == (5, 99, ENDED)


def test_the_document_counts_what_is_known_apart(document: dict[str, Any]) -> None:
    """In no rate and no list of disagreements."""
    agreement = document["agreement"]
    assert (agreement["agreed"], agreement["reviewed"], agreement["acknowledged"]) == (40, 41, 1)
    assert [item["record_id"] for item in document["disagreements"]] == [102]
    assert [item["known"] for item in document["criteria"]] == [1, 0, 0]
    assert (document["verdict"], document["exit_code"]) == ("OK", 0)


def test_a_known_criterion_of_the_document_keeps_its_verdict(document: dict[str, Any]) -> None:
    """And says until when it does not count; the others say null."""
    known = {item["name"]: (item["verdict"], item["acknowledged"]) for item in document["criteria"]}
    assert known == {
        "agreement": ("OK", None),
        "record_integrity": ("OK", None),
        "class_mix": ("CRITICAL", {"number": 2, "until": UNTIL, "reason": REASON}),
    }


def test_the_document_names_the_strata_that_the_estimate_leaves_out() -> None:
    """All that was reviewed of them is known."""
    made = [*reviewed(10, 0), decided(50, "financial", "regulatory", OLD), *reviewed(5, 0, stratum="baseline")]
    found = drift_document(report(made, acknowledged=Acknowledged([known_record(50)])))["agreement"]
    assert (found["population"]["rate"], found["population_without"]) == (1.0, ["old"])


def test_a_history_reads_a_run_with_known_items(document: dict[str, Any]) -> None:
    """It keeps what counted."""
    run = recorded_run(document)
    assert (run.verdict, run.agreement.agreed, run.agreement.reviewed) == (Verdict.OK, 40, 41)
    assert [item.record_id for item in run.disagreements] == [102]


def test_without_acknowledgements_the_document_is_empty_of_them() -> None:
    """The keys are there all the same."""
    found = drift_document(report(reviewed(40, 2)))
    assert (found["acknowledged"], found["acknowledgements_ended"], found["agreement"]["acknowledged"]) == ([], [], 0)
    assert {item["acknowledged"] for item in found["criteria"]} == {None}


def test_a_known_criterion_is_skipped_in_junit_with_the_reason() -> None:
    """CI shows neither a failure nor a pass."""
    suite = junit_document(some()).getroot()[0]
    assert (suite.get("failures"), suite.get("skipped"), suite.get("tests")) == ("0", "1", "3")
    (case,) = [case for case in suite if case.get("name") == "class_mix"]
    skipped = case.find("skipped")
    assert case.find("failure") is None
    assert skipped is not None
    assert f"acknowledged until 2027-01-31: {REASON}" in skipped.get("message", "")
    assert case.findtext("system-out", "").startswith("CRITICAL: ")


def lines(found: RunReport) -> list[str]:
    """Return the summary."""
    return list(summarise(found, None))


def test_the_summary_says_what_is_known_and_what_no_more() -> None:
    """In a line each."""
    found = lines(some())
    assert f"acknowledged  1 record, class_mix (until 2027-01-31: {REASON})" in found
    assert any(line.startswith("note") and line.endswith(ENDED) for line in found)


def test_the_summary_shows_a_known_criterion_beside_its_verdict() -> None:
    """The names of all criteria stay in one column."""
    found = lines(some())
    shown = found[found.index("criteria") + 1 :][:3]
    assert shown[0].startswith("  CRITICAL, acknowledged  class_mix ")
    assert {line.index(name) for line, name in zip(shown, ("class_mix", "agreement", "record_"), strict=True)} == {26}


def test_the_summary_lists_known_records_neither_as_disagreements_nor_as_failures() -> None:
    """They are counted in their own line."""
    found = lines(some())
    assert "disagreements (1)" in found
    assert not any(line.startswith("  101 ") for line in found)


@pytest.mark.parametrize(
    ("found", "end"),
    [
        (some(), ") · 2 acknowledged"),
        (report(reviewed(9, 0)), ")"),
        (
            report([decided(1, "financial", "regulatory")], acknowledged=Acknowledged([known_record(1)])),
            " · 1 acknowledged",
        ),
    ],
    ids=["some", "none", "all"],
)
def test_the_headline_counts_what_was_left_out(found: RunReport, end: str) -> None:
    """Records and criteria together."""
    assert headline(found).startswith("OK · ")
    assert headline(found).endswith(end)


def test_the_headline_accuses_no_criterion_that_is_known() -> None:
    """Another one is to blame."""
    made = [
        *reviewed(50, 0),
        *outcomes(Result.FAILED, 9, criterion="record_integrity"),
        Outcome(EFFECT.name, Result.PASSED, statistics=(Statistic("class mix", "it moved", 0.9, 500),)),
    ]
    known = Acknowledged([known_criterion("class_mix")])
    found = report(made, (AGREEMENT, INTEGRITY, EFFECT), acknowledged=known)
    assert headline(found).startswith("CRITICAL · record_integrity: ")


def test_known_records_are_shown_last_and_are_no_failures_of_agreement() -> None:
    """Though store and reviewer are surest of them; they can be found by their own word."""
    known, unknown = Acknowledged([known_record(1)]), replace_key(reviewed(0, 0, 1), 7)
    made = [
        decided(1, "financial", "regulatory", LOW, (0.99, 0.99)),
        *unknown,
        decided(2, "fraud", "cyber", LOW, (0.1, 0.1)),
    ]
    rows = record_rows(report(made, acknowledged=known))
    assert [row.record_id for row in rows] == [2, 7, 1]
    assert [row.criteria for row in rows] == [[NAME], [], ["acknowledged"]]
    assert (rows[-1].disagrees, rows[-1].pair) == (False, "financial → regulatory")
    assert rows[-1].known == f"acknowledged until 2027-01-31: {REASON}"


def test_a_known_record_that_failed_another_criterion_stands_with_those_that_failed() -> None:
    """Nobody acknowledged that."""
    made = [
        *replace_key(reviewed(0, 0, 1), 7),
        decided(1, "financial", "regulatory"),
        decided(1, "financial", "regulatory", criterion="record_integrity"),
    ]
    found = report(made, acknowledged=Acknowledged([known_record(1)]))
    rows = record_rows(found)
    assert [(row.record_id, row.criteria) for row in rows] == [(1, ["acknowledged", "record_integrity"]), (7, [])]
    assert "Records that disagree or failed (2)" in words(render(found))


def replace_key(made: list[Outcome], key: int) -> list[Outcome]:
    """Return the outcomes as those of this record."""
    return [Outcome(item.criterion, item.result, item.message, key, item.stratum, item.decision) for item in made]


def words(page: str) -> str:
    """Return the text of a page, blanks as one."""
    return " ".join(re.sub("<[^>]*>", " ", page).split())


def test_the_page_tells_what_is_known_in_words() -> None:
    """At the top, in the table, at the criterion and at the record."""
    page = words(render(some()))
    assert f"Acknowledged 1 record, class_mix (until 2027-01-31: {REASON}); not counted" in page
    assert f"Counts again {ENDED}" in page
    assert page.count("acknowledged, not counted") == 2
    assert "41 0 1 acknowledged" in page
    assert "Records that disagree or failed (1), and 1 acknowledged" in page
    assert f"Not counted: acknowledged until 2027-01-31: {REASON}" in page
    assert "acknowledged (1)" in page


def test_the_page_of_a_run_that_knows_nothing_says_nothing_of_it() -> None:
    """Nobody looks for what is not there."""
    assert "cknowledged" not in render(report(reviewed(40, 2)))


def test_a_known_criterion_is_folded_on_the_page() -> None:
    """What is open is what counts."""
    page = render(some())
    (details,) = re.findall('<details class="criterion" id="criterion-class_mix"[^>]*>', page)
    assert " open" not in details
    counted = render(report([*reviewed(1, 9)]))
    assert re.search('<details class="criterion" id="criterion-agreement" open>', counted)


def everything_written(found: RunReport) -> Iterator[str]:
    """Yield what people see of a run."""
    yield "".join(summarise(found, None))
    yield render(found)


def test_a_hostile_reason_is_shown_and_does_nothing() -> None:
    """Neither on the terminal nor on the page."""
    terminal, page = everything_written(some(HOSTILE))
    assert not set("\x1b\u202e") & set(terminal + page)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
