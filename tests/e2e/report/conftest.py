"""Fixtures for tests of the report in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import sync_playwright

from drift_checks.core.outcomes import Result
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.folder import PAGE
from drift_checks.report.verdict import Verdict
from tests.support.browser import ARGUMENTS, Browsing, Opened
from tests.support.pages import Pages, decided, described, known_report, recorded, with_details, write_pages
from tests.support.reports import OLD, known_criterion, known_record, outcomes, report, reviewed
from tests.support.session_runs import run_in

# Read before a fixture removes the machine's settings.
REQUIRED = os.environ.get("DRIFT_REQUIRE_SERVERS") == "1"


# One per module: while Playwright runs, so does an event loop in the main thread, where other tests start theirs.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browsing]:
    """Chromium for the tests of a module; without it they are skipped, or fail if it is required."""
    found = shutil.which("chromium")
    if found is None:
        reason = "chromium is missing: apt-get install --no-install-recommends chromium"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield Browsing(browser)
        browser.close()


@pytest.fixture
def browsing(chromium: Browsing) -> Iterator[Browsing]:
    """Open pages for one test."""
    yield chromium
    chromium.close_pages()


@pytest.fixture(scope="session")
def demo_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages of one review of the demo store."""
    done = run_in(tmp_path_factory.mktemp("demo"), "--drift-demo")
    return Pages(done.folder / PAGE, done.reports / PAGE, done.drift)


@pytest.fixture(scope="session")
def known_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages of the run with six listed records, after one like it."""
    made = known_report()
    before = replace(recorded(made), run_id="20260114T020000Z-abc122")
    return write_pages(tmp_path_factory.mktemp("known") / "reports", replace(made, past=(before,)))


@pytest.fixture(scope="session")
def acknowledged_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages of a run in which record 2 disagrees and is damaged, and record 1 and the damage are acknowledged."""
    items = [known_record(1, 1), known_criterion("record_integrity", Verdict.WARNING, 2)]
    ended = [
        (known_record(99, 3), "record 99 (fraud → loan) is no longer acknowledged: it was until 2026-01-14 (new desk)")
    ]
    made = [
        *reviewed(40, 0, stratum=OLD),
        *(decided(key, "financial", "regulatory") for key in (1, 2)),
        *outcomes(Result.PASSED, 49, criterion="record_integrity"),
        decided(2, "financial", "regulatory", criterion="record_integrity", message="the hash does not fit"),
    ]
    found = with_details(
        report(made, acknowledged=Acknowledged(items, ended)), [described(1, "a text"), described(2, "b")]
    )
    return write_pages(tmp_path_factory.mktemp("acknowledged") / "reports", found)


@pytest.fixture
def known(browsing: Browsing, known_pages: Pages) -> Opened:
    """The page with six listed records, opened."""
    return browsing.open(known_pages.run)
