"""The headline names the verdict and what decided it, everywhere it is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from drift_checks.core.outcomes import Criterion, Outcome, Result
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.document import drift_document
from drift_checks.report.headline import deciding_criteria, headline, reason
from drift_checks.report.junit import junit_document
from drift_checks.report.page.html import render
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import Verdict
from tests.support.reports import (
    AGREEMENT,
    BASELINE,
    INTEGRITY,
    OLD,
    known_criterion,
    known_record,
    outcomes,
    report,
    reviewed,
)

CONSISTENCY = Criterion("store_consistency", "Do both stores match?", failing="are inconsistent", critical=0.95)
DAMAGED = outcomes(Result.FAILED, 9, criterion="record_integrity")
INCONSISTENT = outcomes(Result.FAILED, 4, criterion="store_consistency")
SOUND = outcomes(Result.PASSED, 9, criterion="record_integrity")
AGREED = "50 of 50 agree (100 %, 95 % interval 93–100 %)"
DOWN = "agreement: only 0 of 50 could be reviewed; 80 % are needed: the reviewer is down"


def made(*parts: Sequence[Outcome], **changed: Any) -> RunReport:
    """Return the report of these outcomes, each checked by up to three criteria."""
    return report([outcome for part in parts for outcome in part], (AGREEMENT, INTEGRITY, CONSISTENCY), **changed)


def every_stratum(low: tuple[int, int], old: tuple[int, int], baseline: tuple[int, int]) -> list[Outcome]:
    """Return outcomes that agree and disagree in each stratum."""
    return [*reviewed(*low), *reviewed(*old, stratum=OLD), *reviewed(*baseline, stratum=BASELINE)]


CASES: dict[str, tuple[RunReport, str]] = {
    "ok": (made(reviewed(50, 0), SOUND), f"OK · {AGREED}"),
    "warning by agreement": (
        made(reviewed(41, 9), SOUND),
        "WARNING · 41 of 50 agree (82 %, 95 % interval 69–90 %), below 85 %",
    ),
    "critical by agreement": (
        made(reviewed(33, 17), SOUND),
        "CRITICAL · 33 of 50 agree (66 %, 95 % interval 52–78 %), below 75 %",
    ),
    "critical by another criterion": (
        made(reviewed(50, 0), DAMAGED),
        f"CRITICAL · record_integrity: 9 of 9 are damaged, 100 % · {AGREED}",
    ),
    "critical by another criterion, with a warning of agreement": (
        made(reviewed(41, 9), DAMAGED),
        "CRITICAL · record_integrity: 9 of 9 are damaged, 100 %"
        " · 41 of 50 agree (82 %, 95 % interval 69–90 %), below 85 %",
    ),
    "critical by two other criteria": (
        made(reviewed(50, 0), DAMAGED, INCONSISTENT),
        f"CRITICAL · record_integrity: 9 of 9 are damaged, 100 % · also store_consistency · {AGREED}",
    ),
    "critical by agreement and others": (
        made(reviewed(33, 17), DAMAGED, INCONSISTENT),
        "CRITICAL · 33 of 50 agree (66 %, 95 % interval 52–78 %), below 75 %"
        " · also record_integrity, store_consistency",
    ),
    "damaged records while the reviewer is down": (
        made(reviewed(0, 0, 50), DAMAGED),
        f"CRITICAL · record_integrity: 9 of 9 are damaged, 100 % · {DOWN}",
    ),
    "inconclusive": (made(reviewed(0, 0, 50), SOUND), f"INCONCLUSIVE · {DOWN}"),
    "nothing measured": (
        report(criteria=[Criterion("class_mix", "Is the mix the same?")]),
        "INCONCLUSIVE · class_mix: not measured: nothing was checked",
    ),
    "nothing checked": (report(criteria=()), "INCONCLUSIVE · nothing was checked"),
    "ok without agreement": (made(SOUND), "OK · every measured criterion holds · agreement was not measured"),
    "interrupted": (
        made(reviewed(10, 0), interrupted="10 of 60 records were reviewed"),
        "INTERRUPTED · 10 of 60 records were reviewed",
    ),
    "demo": (made(reviewed(50, 0), demo=True), f"DEMO · OK · {AGREED}"),
    "acknowledged record": (
        made(reviewed(9, 1), acknowledged=Acknowledged([known_record(1)])),
        "OK · 9 of 9 agree (100 %, 95 % interval 70–100 %) · 1 acknowledged",
    ),
    "acknowledged criterion": (
        made(reviewed(33, 17), DAMAGED, acknowledged=Acknowledged([known_criterion("agreement")])),
        "CRITICAL · record_integrity: 9 of 9 are damaged, 100 %"
        " · 33 of 50 agree (66 %, 95 % interval 52–78 %), below 75 % · 1 acknowledged",
    ),
    "only acknowledged records": (
        made(reviewed(0, 1), acknowledged=Acknowledged([known_record(1)])),
        "OK · every reviewed record is acknowledged · 1 acknowledged",
    ),
    "judged by the estimate for the whole store": (
        made(every_stratum((30, 0), (20, 0), (5, 5)), judge="population"),
        "WARNING · an estimated 75 % of the whole store agree (95 % interval 59–90 %), below 85 %;"
        " 50 of 50 in the sample",
    ),
    "no estimate for the whole store": (
        made(every_stratum((30, 0), (20, 0), (0, 0)), judge="population"),
        f"OK · {AGREED}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_headline_names_what_decided(case: str) -> None:
    """Each reason once, with the agreement; the verdict is that of the deciding criteria."""
    found, expected = CASES[case]
    assert {item.counts_as for item in deciding_criteria(found)} <= {found.verdict}
    assert deciding_criteria(found) or found.verdict is Verdict.INCONCLUSIVE
    beginning, cut, _ = expected.partition("…")
    assert headline(found).startswith(beginning) if cut else headline(found) == expected
    assert reason(found) == headline(found).removeprefix("DEMO · ").split(" · ", 1)[1]


def test_a_rate_just_below_its_threshold_does_not_read_as_the_threshold() -> None:
    """It gets a decimal."""
    assert "(84.8 %, 95 % interval 80–89 %), below 85 %" in headline(report(reviewed(195, 35)))


def test_a_broken_check_is_not_blamed_on_missing_reviews() -> None:
    """Its own message is enough."""
    broken = outcomes(Result.BROKEN, 1, criterion="record_integrity")
    unmeasured = outcomes(Result.UNMEASURED, 2, criterion="record_integrity", message="no hash is stored")
    found = headline(made(reviewed(50, 0), SOUND, broken, unmeasured))
    assert found == f"INCONCLUSIVE · record_integrity: the check itself broke; 0 of 9 are damaged, 0 % · {AGREED}"


def test_agreement_is_the_first_of_the_deciding_criteria() -> None:
    """The others are in alphabetical order; milder and acknowledged ones are left out."""
    found, _ = CASES["critical by agreement and others"]
    names = [result.criterion.name for result in deciding_criteria(found)]
    assert names == drift_document(found)["decided_by"] == ["agreement", "record_integrity", "store_consistency"]
    known, _ = CASES["acknowledged criterion"]
    assert [result.criterion.name for result in deciding_criteria(known)] == ["record_integrity"]


def words(markup: str) -> str:
    """Return the words of a piece of the page."""
    return " ".join(re.sub("<[^>]*>", " ", markup).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("case", CASES)
def test_page_terminal_document_and_junit_show_the_headline(case: str) -> None:
    """Word for word: nobody has to look for the reason."""
    found, _ = CASES[case]
    line = headline(found)
    assert next(summarise(found, None)) == drift_document(found)["headline"] == line
    properties = {item.get("name"): item.get("value") for item in junit_document(found).iter("property")}
    assert (properties["headline"], properties["verdict"]) == (line, found.verdict)
    page = render(found)
    (title,) = re.findall("<title>(.*?)</title>", page)
    (heading,) = re.findall("<h1>(.*?)</h1>", page, re.DOTALL)
    assert words(title) == line
    assert words(heading).endswith(f"· {reason(found)}")
    assert str(found.verdict) in words(heading)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("ok", "Every measured criterion is OK."),
        ("only acknowledged records", "Every measured criterion is OK or acknowledged."),
        ("interrupted", "The run was interrupted, so it has no verdict of its own."),
        ("nothing checked", "No criterion was measured."),
    ],
)
def test_a_sentence_below_the_heading_says_why_no_criterion_decided(case: str, sentence: str) -> None:
    """It is the first one."""
    found, _ = CASES[case]
    assert f"{reason(found)} {sentence} " in words(render(found))


@pytest.mark.parametrize("case", ["critical by agreement and others", "damaged records while the reviewer is down"])
def test_each_criterion_that_decided_is_named_above_the_records(case: str) -> None:
    """It is a link to its row."""
    found, _ = CASES[case]
    top = render(found).partition('<h2 id="records">')[0]
    assert all(f'<a href="#criterion-{item.criterion.name}">' in top for item in deciding_criteria(found))


def test_junit_names_what_decided() -> None:
    """It is red for the same criteria."""
    found, _ = CASES["critical by two other criteria"]
    root = junit_document(found).getroot()
    (decided,) = [item.get("value") for item in root.iter("property") if item.get("name") == "decided_by"]
    assert decided == "record_integrity, store_consistency"
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert failed == ["record_integrity", "store_consistency"]
