"""Who moved, as the summary, the page and attribution.csv show it."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest

from drift_checks.core.outcomes import Criterion, Outcome, Result, Statistic
from drift_checks.core.records import Record, Stratum
from drift_checks.report.attribution import Findings, attribution_findings, statements_csv
from drift_checks.report.page.html import render
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.reviews.witnesses import Statement, Witness, Witnesses
from drift_checks.statistics.attribution import Role
from tests.support.reports import report

CRITERION = Criterion("attribution", "Who moved?", effect="share", warn=0.05, least=30)
DETAILS: dict[str, Any] = {
    "moved": "store",
    "sentence": "the store moved: neighbours and llm (gpt) agree",
    "witnesses": ["the store", "neighbours", "llm (gpt)"],
    "counting": [0, 1, 2],
    "records": 60,
    "agreeing": 40,
    "alone": [14, 4, 1],
    "before": [0.02, 0.05, 0.0],
    "otherwise": 1,
    "intervals": [[0.53, 0.77], [0.14, 0.35], [0.02, 0.16], [0.0, 0.09]],
    "otherwise_interval": [0.0, 0.09],
    "differing": 20,
    "rows": [
        {"id": 7, "labels": ["<b>", "fraud", "fraud"], "alone": 0, "version": "v2", "date": "2026-01-02"},
        {"id": 8, "labels": ["loan", "card", "fraud"], "alone": None, "version": "", "date": ""},
    ],
}


def judged(p_value: float, **changed: Any) -> RunReport:
    """Return a run in which the criterion found this."""
    statistic = Statistic("the store", "alone", 0.2, 60, p_value=p_value, details={**DETAILS, **changed})
    return report([Outcome("attribution", Result.PASSED, statistics=(statistic,))], [CRITERION])


def found(run: RunReport) -> Findings:
    """Return what is shown of it."""
    findings = attribution_findings(run)
    assert findings is not None
    return findings


@pytest.mark.parametrize(
    ("p_value", "moved", "first"), [(1e-6, "store", "the"), (0.03, "store", "perhaps"), (0.03, "nobody", "the")]
)
def test_who_moved_is_said_with_reserve_if_all_tests_of_the_run_explain_it(
    p_value: float, moved: str, first: str
) -> None:
    """The verdict allows for every test of the run, the sentence for those of the criterion."""
    assert found(judged(p_value, moved=moved)).sentence.split()[0] == first


def test_patterns_are_counted_with_intervals() -> None:
    """And compared with earlier nights."""
    patterns = found(judged(1e-6)).patterns
    assert [(item.name, item.number, item.before) for item in patterns] == [
        ("all agree", 40, None),
        ("the store alone", 14, 0.02),
        ("neighbours alone", 4, 0.05),
        ("llm (gpt) alone", 1, 0.0),
        ("they differ otherwise", 1, None),
    ]
    assert sum(item.number for item in patterns) == 60


def test_page_and_summary_show_it() -> None:
    """Each record with every label; a label is no markup."""
    run = judged(1e-6)
    page = render(run)
    section = page.partition('<section aria-labelledby="moved">')[2].partition("</section>")[0]
    assert "The store moved: neighbours and llm (gpt) agree" in section
    assert "The first 2 of 20 records" in section
    assert "<strong><bdi>&lt;b&gt;</bdi></strong>" in section
    assert "moved       the store moved: neighbours and llm (gpt) agree" in list(summarise(run, None))


def test_a_run_without_it_shows_nothing() -> None:
    """As with one reviewer."""
    run = report([Outcome("attribution", Result.UNMEASURED, "it takes two reviewers")], [CRITERION])
    assert attribution_findings(run) is None
    assert "Who moved?</h2>" not in render(run)


def test_file_lists_all_records_on_which_not_all_agree() -> None:
    """No cell is a formula."""

    def statement(key: int | str, labels: tuple[str, ...], lone: int | None) -> Statement:
        values = {"id": key, "text": "", "category": labels[0], "model_version": "v2", "timestamp": "2026-01-02"}
        return Statement(Record(key, Stratum.OLD, values), labels, lone)

    names = (Witness("the store", Role.STORE), Witness("neighbours", Role.NEIGHBOURS), Witness("llm", Role.INDEPENDENT))
    statements = (
        statement(1, ("a", "b", "b"), 0),
        statement(2, ("a", "a", "a"), None),
        statement("=3", ("a", "@b", "c"), None),
    )
    written = list(csv.DictReader(StringIO(statements_csv(Witnesses(names, statements, (0, 1, 2))))))
    shown = [[line[key] for key in ("record_id", "stored", "neighbours", "llm", "alone")] for line in written]
    assert shown == [["1", "a", "b", "b", "the store"], ["'=3", "a", "'@b", "c", ""]]
    assert (written[0]["model_version"], written[0]["timestamp"]) == ("v2", "2026-01-02")
