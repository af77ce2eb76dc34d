"""The list of runs in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.report.history.kept import KeptRun
from drift_checks.report.page.html import render_list
from tests.support.browser import NARROW, Browsing, Opened
from tests.support.histories import NIGHTS, run

pytestmark = pytest.mark.browser


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """The list of five runs of two stores with the same file name, by two reviewers."""
    runs = [
        run(night, agreed, db=f"/a/very/long/path/{store}/records.db", reviewer=reviewer, model=model)
        for night, agreed, store, reviewer, model in zip(
            NIGHTS,
            (49, 5, 48, 5, 47),
            ("one", "one", "two", "one", "two"),
            ("neighbours", "llm", "llm", "neighbours", "neighbours"),
            (None, "small", "small", None, None),
            strict=False,
        )
    ]
    page = tmp_path / "index.html"
    page.write_text(render_list([KeptRun(item, whole=True) for item in reversed(runs)], runs), encoding="utf-8")
    return page


def stores(opened: Opened) -> list[str]:
    """Return the stores of the visible runs."""
    return opened.page.locator("#run-rows tr:visible td[data-label=store]").all_inner_texts()


def test_runs_are_filtered_by_verdict_store_and_reviewer(browsing: Browsing, several: Path) -> None:
    """The address keeps the filter, and the number of visible runs is announced."""
    opened = browsing.open(several)
    assert stores(opened) == ["two/records.db", "one/records.db", "two/records.db", "one/records.db", "one/records.db"]
    opened.field("Store").select_option("one/records.db")
    opened.field("Verdict").select_option("CRITICAL")
    assert (len(stores(opened)), opened.count) == (2, "2 of 5 shown")
    opened.field("Reviewer").select_option("llm (small)")
    assert opened.count == "1 of 5 shown"
    assert browsing.open(opened.address).count == "1 of 5 shown"
    opened.page.get_by_role("button", name="Show all").click()
    opened.page.wait_for_function("location.hash === ''")
    assert (opened.count, opened.faults) == ("5 of 5 shown", [])


def test_without_scripts_all_runs_are_listed(browsing: Browsing, several: Path) -> None:
    """A path is written once for each store, and nothing is wider than a phone."""
    opened = browsing.open(several, scripts=False, width=NARROW)
    assert (len(stores(opened)), opened.page.locator("form:visible").count()) == (5, 0)
    assert opened.text().count("/a/very/long/path/") == 2
    assert opened.overflow() <= 0


def test_an_address_that_names_no_store_of_the_list_shows_all(browsing: Browsing, several: Path) -> None:
    """It may have been made for another folder."""
    assert browsing.open(several, "store=gone&verdict=CRITICAL").count == "2 of 5 shown"
