"""Accessibility: the rules of axe-core, the keyboard, and narrow windows."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import NARROW, WIDE, Browsing, Opened
from tests.support.pages import Pages

pytestmark = pytest.mark.browser

ALL = ["1", "2", "3", "10", "four", "30"]
LOOKS = pytest.mark.parametrize(
    ("width", "dark"),
    [(WIDE, False), (WIDE, True), (NARROW, False), (NARROW, True)],
    ids=["wide, light", "wide, dark", "narrow, light", "narrow, dark"],
)
CONTROLS = "a[href], button, input, select, summary, [tabindex='0']"
# The focused element: its index among the controls, and whether its focus is visible.
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
    """Return the rules of axe-core that the page breaks, each with the first element."""
    found: list[Any] = Axe().run(opened.page).response["violations"]
    return [f"{item['id']} ({len(item['nodes'])}): {item['nodes'][0]['html'][:200]}" for item in found]


def open_all(opened: Opened) -> None:
    """Unfold everything at once."""
    opened.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")


@LOOKS
@pytest.mark.parametrize("which", ["run", "list"])
def test_a_page_is_accessible(browsing: Browsing, known_pages: Pages, which: str, width: int, dark: bool) -> None:
    """With everything unfolded."""
    opened = browsing.open(getattr(known_pages, which), width=width, dark=dark)
    open_all(opened)
    assert violations(opened) == []


def test_the_page_of_a_run_with_acknowledgements_is_accessible(browsing: Browsing, acknowledged_pages: Pages) -> None:
    """A filter of their own finds acknowledged records."""
    opened = browsing.open(acknowledged_pages.run)
    open_all(opened)
    assert violations(opened) == []
    for criterion, found in (("acknowledged", ["1"]), ("agreement", ["2"]), ("record_integrity", ["2"])):
        opened.choose("Criterion", criterion)
        assert opened.ids == found
        opened.choose("Criterion", criterion)


def test_the_page_of_the_demo_is_accessible(browsing: Browsing, demo_pages: Pages) -> None:
    """At first, and unfolded with all data tables on a narrow, dark page."""
    assert violations(browsing.open(demo_pages.run)) == []
    opened = browsing.open(demo_pages.run, width=NARROW, dark=True)
    open_all(opened)
    assert violations(opened) == []


def test_groups_are_chosen_with_the_keyboard_alone(known: Opened) -> None:
    """A screen reader is told which is chosen, and how many records are left."""
    known.page.locator("#by-stratum > summary").focus()
    known.page.keyboard.press("Enter")
    known.page.keyboard.press("Tab")
    known.page.keyboard.press("Enter")
    assert (known.ids, known.count) == (["1", "3", "30"], "3 of 6 shown")
    assert known.page.locator(":focus").get_attribute("aria-current") == "true"
    known.page.keyboard.press("Enter")
    assert (known.ids, known.page.locator(":focus").get_attribute("aria-current")) == (ALL, None)


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("which", ["run", "list"])
def test_every_control_can_be_focused_visibly_with_tab(
    browsing: Browsing, known_pages: Pages, which: str, width: int
) -> None:
    """Keyboard users see where they are."""
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
def test_folded_content_opens_and_closes_with_the_keyboard(known: Opened, key: str) -> None:
    """As buttons do."""
    summary = known.page.locator("#criterion-store_consistency > summary")
    remedy = known.page.get_by_text("Index it again.")
    summary.focus()
    known.page.keyboard.press(key)
    assert remedy.is_visible()
    known.page.keyboard.press(key)
    assert not remedy.is_visible()


def test_the_filter_works_with_the_keyboard_alone(known: Opened) -> None:
    """Typing filters, Enter does not submit, buttons respond to Enter, and the count is announced."""
    known.field("Search").focus()
    known.page.keyboard.type("hedged")
    known.page.keyboard.press("Enter")
    assert (known.ids, known.faults) == (["1"], [])
    known.page.get_by_role("button", name="Show all").focus()
    known.page.keyboard.press("Enter")
    known.page.wait_for_function("location.hash === ''")
    assert known.count == "6 of 6 shown"
    assert known.page.get_by_role("status").get_attribute("aria-live") in (None, "polite")


@pytest.mark.parametrize("which", ["run", "list"])
def test_no_page_is_wider_than_a_phone(browsing: Browsing, demo_pages: Pages, which: str) -> None:
    """Folded or unfolded: wide content scrolls in its own region."""
    opened = browsing.open(getattr(demo_pages, which), width=NARROW)
    assert opened.overflow() <= 0
    open_all(opened)
    assert opened.overflow() <= 0


def test_charts_fit_into_a_phone_and_can_be_read(browsing: Browsing, demo_pages: Pages) -> None:
    """No letter is smaller than ten pixels; a chart with too many words is a table there."""
    opened = browsing.open(demo_pages.run, width=390)
    small = opened.evaluate("""() => [...document.querySelectorAll('.pictures svg text')]
      .filter((text) => text.checkVisibility())
      .filter((text) => {
        const { a, b } = text.getScreenCTM();
        return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b) < 10;
      })
      .map((text) => text.outerHTML)""")
    assert small == []
    wide = opened.evaluate("""() => [...document.querySelectorAll('.pictures svg')]
      .filter((chart) => chart.checkVisibility() && chart.getBoundingClientRect().right > innerWidth)
      .map((chart) => chart.getAttribute('class'))""")
    assert wide == []
    assert opened.page.locator("#picture-slices table").is_visible()


def test_wide_content_scrolls_in_a_named_region(browsing: Browsing, demo_pages: Pages) -> None:
    """It can be focused and scrolled with the arrow keys, and a screen reader names it."""
    opened = browsing.open(demo_pages.run, width=NARROW)
    open_all(opened)
    nameless = opened.evaluate("""() => [...document.querySelectorAll('body *')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .filter((element) => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX))
      .filter((element) => !element.matches('[role=region][tabindex="0"]:is([aria-label], [aria-labelledby])'))
      .map((element) => element.outerHTML.slice(0, 120))""")
    assert nameless == []
    assert opened.evaluate("[...document.querySelectorAll('[role=region]')].some((e) => e.scrollWidth > e.clientWidth)")
