"""The report for everybody: axe-core's rules, the keyboard, narrow windows."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import NARROW, WIDE, Browsing, Opened
from tests.support.pages import Pages

pytestmark = pytest.mark.browser

LOOKS = pytest.mark.parametrize(
    ("width", "dark"),
    [(WIDE, False), (WIDE, True), (NARROW, False), (NARROW, True)],
    ids=["wide, light", "wide, dark", "narrow, light", "narrow, dark"],
)
CONTROLS = "a[href], button, input, select, summary, [tabindex='0']"
# What has the focus: its place among the controls, and whether the focus is seen.
FOCUSED = f"""() => {{
  const controls = [...document.querySelectorAll("{CONTROLS}")];
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const marked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.stroke !== "none";
  const inside = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  return [controls.indexOf(element), marked && inside];
}}"""
REACHABLE = f"""() => [...document.querySelectorAll("{CONTROLS}")]
  .flatMap((element, at) => element.checkVisibility({{visibilityProperty: true}}) ? [at] : [])"""
NAMES = f"""(places) => {{
  const controls = [...document.querySelectorAll("{CONTROLS}")];
  return places.map((at) => controls[at].outerHTML.slice(0, 120));
}}"""


def violations(opened: Opened) -> list[str]:
    """Return the rules of axe-core that the page breaks, each with the first place."""
    found: list[Any] = Axe().run(opened.page).response["violations"]
    return [f"{item['id']} ({len(item['nodes'])}): {item['nodes'][0]['html'][:200]}" for item in found]


def open_all(opened: Opened) -> None:
    """Open all that is folded at once."""
    opened.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")


def test_the_page_of_a_run_breaks_no_rule_of_accessibility(browsing: Browsing, demo_pages: Pages) -> None:
    """As it is first seen."""
    assert violations(browsing.open(demo_pages.run)) == []


@LOOKS
def test_the_unfolded_page_of_a_run_breaks_no_rule_of_accessibility(
    browsing: Browsing, known_pages: Pages, width: int, dark: bool
) -> None:
    """With all that can be opened."""
    opened = browsing.open(known_pages.run, width=width, dark=dark)
    open_all(opened)
    assert violations(opened) == []


def test_the_page_of_a_run_with_acknowledged_items_breaks_no_rule_of_accessibility(
    browsing: Browsing, acknowledged_pages: Pages
) -> None:
    """Nor does its script know less of them than of others: they are found by their own word, apart from agreement."""
    opened = browsing.open(acknowledged_pages.run)
    open_all(opened)
    assert violations(opened) == []
    for criterion, found in (("acknowledged", ["1"]), ("agreement", ["2"]), ("record_integrity", ["2"])):
        opened.page.select_option("select[name=criterion]", criterion)
        assert opened.page.locator("#list > li:visible h3 a").all_inner_texts() == found


def test_the_unfolded_page_of_the_demo_breaks_no_rule_of_accessibility(browsing: Browsing, demo_pages: Pages) -> None:
    """With the tables of all pictures, on the smallest and darkest of pages."""
    opened = browsing.open(demo_pages.run, width=NARROW, dark=True)
    open_all(opened)
    assert violations(opened) == []


@LOOKS
def test_the_list_of_runs_breaks_no_rule_of_accessibility(
    browsing: Browsing, known_pages: Pages, width: int, dark: bool
) -> None:
    """With all that can be opened."""
    opened = browsing.open(known_pages.list, width=width, dark=dark)
    open_all(opened)
    assert violations(opened) == []


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("which", ["run", "list"])
def test_every_control_is_reached_with_tab_and_shows_that_it_is(
    browsing: Browsing, known_pages: Pages, which: str, width: int
) -> None:
    """Whoever has no mouse sees where they are."""
    opened = browsing.open(getattr(known_pages, which), width=width)
    wanted = set(opened.evaluate(REACHABLE))
    reached, unseen = set(), []
    for _ in range(len(wanted) + 1):
        opened.page.keyboard.press("Tab")
        place, seen = opened.evaluate(FOCUSED)
        reached.add(place)
        if place >= 0 and not seen:
            unseen.append(place)
    assert opened.evaluate(NAMES, sorted(wanted - reached)) == []
    assert opened.evaluate(NAMES, unseen) == []


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_what_is_folded_opens_and_closes_with_the_keyboard(known: Opened, key: str) -> None:
    """As buttons do."""
    summary = known.page.locator("#criterion-store_consistency > summary")
    remedy = known.page.get_by_text("Index it again.")
    summary.focus()
    known.page.keyboard.press(key)
    assert remedy.is_visible()
    known.page.keyboard.press(key)
    assert not remedy.is_visible()


def test_the_filter_is_used_with_the_keyboard_alone(known: Opened) -> None:
    """Typing filters, Enter does not send the page anywhere, and a button is pressed with Enter."""
    known.field("Search").focus()
    known.page.keyboard.type("hedged")
    known.page.keyboard.press("Enter")
    assert (known.ids, known.faults) == (["1"], [])
    known.page.get_by_role("button", name="Show all").focus()
    known.page.keyboard.press("Enter")
    known.page.wait_for_function("location.hash === ''")
    assert known.count == "6 of 6 shown"


def test_the_number_shown_is_announced(known: Opened) -> None:
    """A screen reader says what a filter left."""
    assert known.page.get_by_role("status").get_attribute("aria-live") in (None, "polite")
    assert known.page.get_by_role("status").inner_text() == "6 of 6 shown"


@pytest.mark.parametrize("unfolded", [False, True], ids=["folded", "unfolded"])
@pytest.mark.parametrize("which", ["run", "list"])
def test_no_page_is_wider_than_a_telephone(browsing: Browsing, demo_pages: Pages, which: str, unfolded: bool) -> None:
    """What is wide scrolls by itself."""
    opened = browsing.open(getattr(demo_pages, which), width=NARROW)
    if unfolded:
        open_all(opened)
    assert opened.overflow() <= 0


def test_what_is_wide_scrolls_in_a_region_with_a_name(browsing: Browsing, demo_pages: Pages) -> None:
    """It can be focused, so that the arrow keys scroll it, and a screen reader says what it is."""
    opened = browsing.open(demo_pages.run, width=NARROW)
    open_all(opened)
    nameless = opened.evaluate("""() => [...document.querySelectorAll('body *')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .filter((element) => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX))
      .filter((element) => !element.matches('[role=region][tabindex="0"]:is([aria-label], [aria-labelledby])'))
      .map((element) => element.outerHTML.slice(0, 120))""")
    assert nameless == []
    assert opened.evaluate("[...document.querySelectorAll('[role=region]')].some((e) => e.scrollWidth > e.clientWidth)")
