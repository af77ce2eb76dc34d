"""Two runs compared in a browser, in the list of runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drift_checks.report.folder import PAGE
from drift_checks.report.history.kept import KeptRun
from drift_checks.report.history.recorded import KnownDisagreement, RecordedDisagreement
from drift_checks.report.page.html import render_list
from tests.e2e.report.test_accessibility import violations
from tests.support.browser import NARROW, Browsing
from tests.support.histories import NIGHTS, altered, run

pytestmark = pytest.mark.browser


def disagreement(key: int, reviewed: str) -> RecordedDisagreement:
    """Return a record that is stored as fraud, with another label."""
    return RecordedDisagreement(
        record_id=key,
        stratum="old",
        stored="fraud",
        reviewed=reviewed,
        stored_confidence=None,
        reviewed_confidence=None,
    )


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """The list of three runs over the same records; before the newest, somebody judged record 5."""
    labels = [{1: "loan", 2: "loan"}, {2: "card", 3: "loan", 5: "loan"}, {2: "card", 3: "<b>loan</b>", 4: "loan"}]
    runs = [
        replace(
            altered(run(night), sample={"record_ids": (1, 2, 3, 4, 5)}),
            disagreements=tuple(disagreement(key, label) for key, label in found.items()),
            agreed_records={},
        )
        for night, found in zip(NIGHTS, labels, strict=False)
    ]
    settled = KnownDisagreement(**vars(disagreement(5, "loan")), why="judged by anna: the store is right")
    runs[2] = replace(runs[2], known_disagreements=(settled,))
    path = tmp_path / PAGE
    path.write_text(render_list([KeptRun(item, whole=True) for item in reversed(runs)], runs), encoding="utf-8")
    return path


def test_the_newest_run_is_compared_with_the_one_before(browsing: Browsing, listed: Path) -> None:
    """At first; each record leads to the page of the run in which it disagrees."""
    opened = browsing.open(listed)
    text = opened.page.locator("#differences").inner_text()
    assert "Records in both samples: 5. Disagreements: 1 new, 0 gone, 1 changed, 1 same, 1 settled." in text
    assert "3 fraud → <b>loan</b>, before fraud → loan" in text
    assert "5 fraud → loan, judged by anna: the store is right" in text
    link = opened.page.locator("#differences").get_by_role("link", name="4", exact=True)
    assert str(link.get_attribute("href")) == f"{NIGHTS[2]}/index.html#record-4"
    assert (opened.faults, opened.requests) == ([], [listed.as_uri()])


def test_any_two_runs_can_be_chosen_and_shared(browsing: Browsing, listed: Path) -> None:
    """The address names them."""
    opened = browsing.open(listed)
    opened.field("Earlier run").select_option(NIGHTS[0])
    opened.field("Later run").select_option(NIGHTS[1])
    assert "2 new, 1 gone, 1 changed, 0 same" in opened.page.locator("#differences").inner_text()
    opened.field("Verdict").select_option(index=1)
    shared = browsing.open(opened.address)
    assert shared.chosen("Verdict") == opened.chosen("Verdict") != ""
    assert "2 new, 1 gone, 1 changed, 0 same" in shared.page.locator("#differences").inner_text()


@pytest.mark.parametrize("width", [1280, NARROW])
def test_the_comparison_is_accessible(browsing: Browsing, listed: Path, width: int) -> None:
    """By the rules of axe-core, and nothing is wider than the window."""
    opened = browsing.open(listed, width=width)
    assert violations(opened) == []
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
