"""The page for judges: accessible, by keyboard alone, and in two browsers at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift_checks.operations.judging.web import JudgingServer
from drift_checks.reviews.judgements.file import JudgementFile
from tests.e2e.report.test_accessibility import violations
from tests.support.browser import NARROW, WIDE, Browsing, Opened
from tests.support.judging import ListedRecords, served, serving
from tests.support.stores import BuiltStore

pytestmark = pytest.mark.browser


@pytest.fixture
def server(store: BuiltStore, tmp_path: Path) -> Iterator[JudgingServer]:
    """The page, served; each browser asks who judges."""
    with served(store, tmp_path / "reports") as running:
        yield running


def begin(browsing: Browsing, server: JudgingServer, name: str, *, width: int = WIDE, dark: bool = False) -> Opened:
    """Open the page in a browser and give a name."""
    opened = browsing.open(server.address, width=width, dark=dark)
    opened.page.get_by_label("Your name").fill(name)
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_selector("text=category")
    return opened


def press(opened: Opened, key: str) -> None:
    """Press a key that leads to another page."""
    with opened.page.expect_navigation():
        opened.page.keyboard.press(key)


def test_the_page_is_accessible_and_fits_a_phone(browsing: Browsing, server: JudgingServer) -> None:
    """Each of its views, light and dark; it asks no other host, and its policy stops none of its own parts."""
    for dark in (False, True):
        opened = browsing.open(server.address, width=NARROW, dark=dark)
        seen = [(violations(opened), opened.overflow())]
        opened = begin(browsing, server, "anna", width=NARROW, dark=dark)
        opened.page.get_by_label("Another category").fill("a category that the store does not have " * 3)
        press(opened, "Enter")
        seen.append((violations(opened), opened.overflow()))
        with opened.page.expect_navigation():
            opened.page.get_by_role("button", name="Pause").click()
        seen.append((violations(opened), opened.overflow()))
        assert seen == [([], 0)] * 3
        requests = {request.partition("?")[0] for request in opened.requests if not request.startswith("data:")}
        assert requests == {server.address}
        assert opened.faults == []


@pytest.mark.parametrize("text", ["short", "a text of many words " * 500])
def test_both_categories_are_on_the_first_screen_of_a_phone(browsing: Browsing, tmp_path: Path, text: str) -> None:
    """Similar texts are folded below them."""
    file = JudgementFile(tmp_path)
    with serving(ListedRecords(file, text=text), file) as server:
        opened = begin(browsing, server, "anna", width=NARROW)
        assert opened.evaluate(
            "[...document.querySelectorAll('.sides button')].map(e => e.getBoundingClientRect().bottom <= innerHeight)"
        ) == [True, True]
        assert opened.page.locator(".near details[open]").count() == 0


def test_the_keyboard_alone_judges(browsing: Browsing, server: JudgingServer, tmp_path: Path) -> None:
    """By keys that name the answers, and without them by Tab and Enter; a key that is held down counts once."""
    opened = begin(browsing, server, "anna")
    press(opened, "2" if opened.page.get_by_role("button", name="2").count() else "1")
    opened.page.keyboard.press("o")
    opened.page.keyboard.type("operational")
    press(opened, "Enter")
    press(opened, "u")
    opened.page.get_by_role("checkbox", name="keys").focus()
    opened.page.keyboard.press("Space")
    opened.page.keyboard.press("1")
    while opened.evaluate("document.activeElement.value") != "first":
        opened.page.keyboard.press("Tab")
    press(opened, "Enter")
    saved = [str(item.answer) for item in JudgementFile(tmp_path / "reports").read().judgements]
    assert len(saved) == 4
    assert saved[2] == "withdrawn"


def test_two_browsers_at_once_show_different_records(browsing: Browsing, server: JudgingServer) -> None:
    """With and without script."""
    anna = begin(browsing, server, "anna")
    ben = browsing.open(server.address, scripts=False)
    ben.page.get_by_label("Your name").fill("ben")
    ben.page.get_by_role("button", name="Begin").click()
    titles = [ben.page.title(), anna.page.title()]
    ben.page.get_by_role("button", name="Cannot tell").click()
    titles.append(ben.page.title())
    press(anna, "c")
    titles.append(anna.page.title())
    assert len(set(titles)) == 4
    assert all(title.startswith("Record ") for title in titles)
