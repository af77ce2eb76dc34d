"""How document, junit.xml, summary and page show what is acknowledged."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from drift_checks.core.outcomes import AGREEMENT as NAME
from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.document import drift_document
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
    """Return a run with an acknowledged record and criterion, two unused acknowledgements, and one that ended."""
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


def test_the_document_lists_each_acknowledgement_and_whether_it_was_found(document: dict[str, Any]) -> None:
    """In the order in which they were made; those that have ended come with the reason."""
    record, criterion, *others = document["acknowledged"]
    common = {"until": UNTIL, "reason": REASON, "found": True}
    pair = {"record_id": 101, "stored": "financial", "reviewed": "regulatory"}
    verdict = {"criterion": "class_mix", "verdict": "CRITICAL"}
    assert record == {**common, "number": 1, **pair, **dict.fromkeys(verdict)}
    assert criterion == {**common, "number": 2, **dict.fromkeys(pair), **verdict}
    assert [(item["number"], item["found"]) for item in others] == [(3, False), (4, False)]
    (ended,) = document["acknowledgements_ended"]
    assert (ended["number"], ended["record_id"], ended["why"]) == (5, 99, ENDED)


def test_an_acknowledgement_of_a_milder_verdict_is_not_found() -> None:
    """Only that of the worse one covers it."""
    active = [known_criterion("agreement", Verdict.WARNING, 1), known_criterion("agreement", Verdict.CRITICAL, 2)]
    found = drift_document(report(reviewed(1, 9), acknowledged=Acknowledged(active)))
    assert [item["found"] for item in found["acknowledged"]] == [False, True]


def test_the_document_counts_acknowledged_records_separately(document: dict[str, Any]) -> None:
    """They are in no rate and no list of disagreements, and the history records only what counts."""
    agreement = document["agreement"]
    assert (agreement["agreed"], agreement["reviewed"], agreement["acknowledged"]) == (40, 41, 1)
    assert [item["record_id"] for item in document["disagreements"]] == [102]
    assert [item["known"] for item in document["criteria"]] == [1, 0, 0]
    assert (document["verdict"], document["exit_code"]) == ("OK", 0)
    run = recorded_run(document)
    assert (run.verdict, run.agreement.agreed, run.agreement.reviewed) == (Verdict.OK, 40, 41)
    assert [item.record_id for item in run.disagreements] == [102]


def test_an_acknowledged_criterion_keeps_its_verdict_in_the_document(document: dict[str, Any]) -> None:
    """With the last day on which it does not count; the others have null."""
    known = {item["name"]: (item["verdict"], item["acknowledged"]) for item in document["criteria"]}
    assert known == {
        "agreement": ("OK", None),
        "record_integrity": ("OK", None),
        "class_mix": ("CRITICAL", {"number": 2, "until": UNTIL, "reason": REASON}),
    }


def test_the_document_names_the_strata_that_the_estimate_leaves_out() -> None:
    """Every reviewed record of them is acknowledged."""
    made = [*reviewed(10, 0), decided(50, "financial", "regulatory", OLD), *reviewed(5, 0, stratum="baseline")]
    found = drift_document(report(made, acknowledged=Acknowledged([known_record(50)])))["agreement"]
    assert (found["population"]["rate"], found["population_without"]) == (1.0, ["old"])


def test_without_acknowledgements_nothing_is_said_of_them() -> None:
    """The keys of the document are there, but empty."""
    found = drift_document(report(reviewed(40, 2)))
    assert (found["acknowledged"], found["acknowledgements_ended"], found["agreement"]["acknowledged"]) == ([], [], 0)
    assert {item["acknowledged"] for item in found["criteria"]} == {None}
    assert "cknowledged" not in render(report(reviewed(40, 2)))


def test_an_acknowledged_criterion_is_skipped_in_junit_with_the_reason() -> None:
    """CI shows neither a failure nor a pass."""
    suite = junit_document(some()).getroot()[0]
    assert (suite.get("failures"), suite.get("skipped"), suite.get("tests")) == ("0", "1", "3")
    (case,) = [case for case in suite if case.get("name") == "class_mix"]
    skipped = case.find("skipped")
    assert case.find("failure") is None
    assert skipped is not None
    assert f"acknowledged until 2027-01-31: {REASON}" in skipped.get("message", "")
    assert case.findtext("system-out", "").startswith("CRITICAL: ")


def test_the_summary_says_what_is_acknowledged_and_what_has_ended() -> None:
    """It marks the verdict of an acknowledged criterion, and the names of all criteria stay aligned."""
    found = list(summarise(some(), None))
    assert f"acknowledged  1 record, class_mix (until 2027-01-31: {REASON})" in found
    assert any(line.startswith("note") and line.endswith(ENDED) for line in found)
    assert "disagreements (1)" in found
    assert not any(line.startswith("  101 ") for line in found)
    shown = found[found.index("criteria") + 1 :][:3]
    assert shown[0].startswith("  CRITICAL, acknowledged  class_mix ")
    assert {line.index(name) for line, name in zip(shown, ("class_mix", "agreement", "record_"), strict=True)} == {26}


def test_the_summary_counts_the_judged_among_the_acknowledged() -> None:
    """Those whose stored category people called right."""
    said = "judged by anna on 2026-01-15: the store is right"
    made = [*reviewed(40, 0), decided(50, "financial", "regulatory"), decided(51, "financial", "regulatory")]
    known = Acknowledged([known_record(50)], settled={(51, "financial"): said})
    found = list(summarise(report(made, acknowledged=known), None))
    assert "acknowledged  2 records (1 judged: the store is right)" in found


def test_acknowledged_records_come_last_and_are_not_failures_of_agreement() -> None:
    """However confident both sides are; the filter `acknowledged` finds them."""
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


def test_an_acknowledged_record_that_failed_another_criterion_is_listed_with_the_failures() -> None:
    """That failure is not acknowledged."""
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
    """Return the outcomes as outcomes of this record."""
    return [Outcome(item.criterion, item.result, item.message, key, item.stratum, item.decision) for item in made]


def words(page: str) -> str:
    """Return the text of a page with single spaces."""
    return " ".join(re.sub("<[^>]*>", " ", page).split())


def test_the_page_says_what_is_acknowledged() -> None:
    """At the top, at the criterion, at the record and among the groups."""
    page = words(render(some()))
    assert f"Acknowledged 1 record, class_mix (until 2027-01-31: {REASON}); not counted" in page
    assert f"Counts again {ENDED}" in page
    assert page.count("acknowledged, not counted") == 1
    assert "41 measured, 1 acknowledged" in page
    assert "Records that disagree or failed (1), and 1 acknowledged" in page
    assert f"Not counted: acknowledged until 2027-01-31: {REASON}" in page
    assert "acknowledged 1" in page


def test_an_acknowledged_criterion_is_folded_on_the_page() -> None:
    """Those that count are open."""
    page = render(some())
    (details,) = re.findall('<details class="criterion" id="criterion-class_mix"[^>]*>', page)
    assert " open" not in details
    counted = render(report([*reviewed(1, 9)]))
    assert re.search('<details class="criterion" id="criterion-agreement" open>', counted)


def test_a_hostile_reason_is_text() -> None:
    """On the terminal and on the page."""
    terminal, page = "".join(summarise(some(HOSTILE), None)), render(some(HOSTILE))
    assert not set("\x1b\u202e") & set(terminal + page)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
