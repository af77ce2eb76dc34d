"""The page of a run in a browser: it loads alone, is searched and filtered, and its address keeps what is shown."""

from __future__ import annotations

import pytest

from tests.support.browser import Browsing, Opened
from tests.support.pages import Pages, served

pytestmark = pytest.mark.browser

ALL = ["1", "2", "3", "10", "four", "30"]


def go_back(opened: Opened) -> None:
    """Go to the place before, and let the page notice."""
    opened.page.go_back()
    opened.page.wait_for_timeout(50)


def test_the_page_of_a_run_loads_from_a_file_with_no_error_and_no_request(
    browsing: Browsing, demo_pages: Pages
) -> None:
    """A file is all that a reader needs."""
    opened = browsing.open(demo_pages.run)
    opened.page.wait_for_load_state("networkidle")
    assert (opened.faults, opened.requests) == ([], [demo_pages.run.as_uri()])


def test_the_list_of_runs_loads_from_a_file_with_no_error_and_no_request(browsing: Browsing, demo_pages: Pages) -> None:
    """The list is as self-contained as the page of a run."""
    opened = browsing.open(demo_pages.list)
    opened.page.wait_for_load_state("networkidle")
    assert (opened.faults, opened.requests) == ([], [demo_pages.list.as_uri()])


def test_a_server_is_asked_for_the_page_alone(browsing: Browsing, demo_pages: Pages) -> None:
    """Not even an icon is asked for."""
    with served(demo_pages.run.parent) as (address, asked):
        opened = browsing.open(f"{address}/index.html")
        opened.page.wait_for_load_state("networkidle")
    assert (opened.faults, asked) == ([], ["/index.html"])


def test_the_list_of_runs_leads_to_the_run_and_back(browsing: Browsing, demo_pages: Pages) -> None:
    """Both pages link to each other where they lie."""
    opened = browsing.open(demo_pages.list)
    opened.page.get_by_role("row").get_by_role("link").first.click()
    assert opened.page.url == demo_pages.run.as_uri()
    opened.page.get_by_role("link", name="All runs").click()
    assert opened.page.url == demo_pages.list.as_uri()


def test_all_records_are_shown_at_first_the_surest_ahead(known: Opened) -> None:
    """What disagrees comes first, then what failed, then what was not reviewed."""
    assert (known.ids, known.count) == (ALL, "6 of 6 shown")


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("HEDGED", ["1"]),
        ("regulatory", ["1", "2"]),
        ("sentence 59", ["3"]),
        ("timed out", ["30"]),
        ("cyber -5", ["10"]),
        ("nothing holds this", []),
        ("   ", ALL),
    ],
    ids=["case", "category", "folded text", "reason", "two words", "none", "blank"],
)
def test_a_search_finds_records_that_hold_all_its_words(known: Opened, searched: str, found: list[str]) -> None:
    """Texts, categories and reasons are searched, folded or not, whatever the case."""
    known.field("Search").fill(searched)
    assert (known.ids, known.count) == (found, f"{len(found)} of 6 shown")


@pytest.mark.parametrize(
    ("label", "value", "found"),
    [
        ("Stored → reviewed", "fraud → cyber", ["3", "10"]),
        ("Criterion", "agreement", ["1", "2", "3", "10"]),
        ("Criterion", "store_consistency", ["2", "four"]),
        ("Drawn as", "old", ["2", "four"]),
        ("Drawn as", "baseline", ["10"]),
    ],
)
def test_a_filter_shows_the_records_it_names(known: Opened, label: str, value: str, found: list[str]) -> None:
    """A record is shown where it is of the pair, failed the criterion, or was drawn as that."""
    known.choose(label, value)
    assert (known.ids, known.count) == (found, f"{len(found)} of 6 shown")


def test_filters_hold_together(known: Opened) -> None:
    """Each filter narrows what the others leave."""
    known.choose("Criterion", "agreement")
    known.choose("Drawn as", "low_confidence")
    known.field("Search").fill("fraud")
    assert known.ids == ["3"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("stored", ["1", "10", "2", "3", "four", "30"]),
        ("age", ["2", "four", "3", "1", "10", "30"]),
        ("pair", ["1", "2", "3", "10", "four", "30"]),
        ("id", ["1", "2", "3", "10", "30", "four"]),
        ("", ALL),
    ],
)
def test_records_are_sorted_with_what_has_no_value_last(known: Opened, order: str, found: list[str]) -> None:
    """Numbers sort as numbers, the largest first, and ids from the smallest."""
    known.choose("Sort by", "stored")
    known.choose("Sort by", order)
    assert known.ids == found


def test_a_sorted_page_is_still_filtered(known: Opened) -> None:
    """The order holds for what the filter leaves."""
    known.choose("Criterion", "agreement")
    known.choose("Sort by", "age")
    assert known.ids == ["2", "3", "1", "10"]


def test_show_all_takes_every_filter_away(known: Opened) -> None:
    """One button brings back what was there at first, in the order and the address too."""
    known.choose("Sort by", "age")
    known.choose("Drawn as", "old")
    known.page.get_by_role("button", name="Show all").click()
    known.page.wait_for_function("location.hash === ''")
    assert (known.ids, known.count) == (ALL, "6 of 6 shown")


def test_where_nothing_matches_the_page_says_so_and_offers_all(known: Opened) -> None:
    """An empty list is no dead end."""
    known.field("Search").fill("nothing holds this")
    known.page.get_by_text("No record matches").get_by_role("button").click()
    known.page.wait_for_function("location.hash === ''")
    assert (known.ids, known.page.get_by_text("No record matches").is_visible()) == (ALL, False)


def test_the_address_of_a_view_opens_the_same_view(browsing: Browsing, known: Opened) -> None:
    """What is searched, chosen and sorted is sent on with the address."""
    known.field("Search").fill("fraud & cyber=#%")
    known.field("Search").fill("fraud")
    known.choose("Stored → reviewed", "fraud → cyber")
    known.choose("Sort by", "stored")
    other = browsing.open(known.address)
    assert (other.ids, other.count) == (["10", "3"], "2 of 6 shown")
    assert [other.chosen(label) for label in ("Search", "Stored → reviewed", "Sort by")] == [
        "fraud",
        "fraud → cyber",
        "stored",
    ]


def test_an_address_keeps_characters_that_have_a_meaning_in_addresses(browsing: Browsing, known: Opened) -> None:
    """A search may hold any character."""
    known.field("Search").fill("a&b=c#d%e+f é")
    assert browsing.open(known.address).chosen("Search") == "a&b=c#d%e+f é"


@pytest.mark.parametrize(
    "fragment",
    [
        "pair=fraud+%E2%86%92+gone",
        "criterion=gone&stratum=gone&sort=gone",
        "unknown=1",
        "record-999",
        "=",
        "%E0%A4%A",
    ],
)
def test_an_address_of_what_the_report_does_not_have_shows_all(
    browsing: Browsing, known_pages: Pages, fragment: str
) -> None:
    """A link that was made for another run, or was cut off, is no error."""
    opened = browsing.open(known_pages.run, fragment)
    assert (opened.ids, opened.count, opened.faults) == (ALL, "6 of 6 shown", [])


def test_a_criterion_links_to_its_records(known: Opened) -> None:
    """The number in the link is that of the records shown when it is followed."""
    section = known.page.locator("#criterion-agreement")
    section.get_by_role("link", name="4 records below").click()
    assert (known.ids, known.chosen("Criterion")) == (["1", "2", "3", "10"], "agreement")
    assert known.page.locator("#list").is_visible()


def test_back_and_forward_lead_through_the_links_that_were_followed(known: Opened) -> None:
    """The view is that of the address, whichever way the reader came to it."""
    known.page.locator("#criterion-agreement").get_by_role("link", name="records below").click()
    known.page.locator("#criterion-record_integrity").get_by_role("link", name="record below").click()
    assert known.ids == ["1"]
    go_back(known)
    assert (known.ids, known.chosen("Criterion")) == (["1", "2", "3", "10"], "agreement")
    known.page.go_forward()
    known.page.wait_for_timeout(50)
    assert known.ids == ["1"]


def test_back_to_the_page_without_a_filter_shows_all(known: Opened) -> None:
    """The address before the first link was followed is that of all records."""
    known.page.locator("#criterion-agreement").get_by_role("link", name="records below").click()
    go_back(known)
    assert (known.ids, known.chosen("Criterion")) == (ALL, "")


def test_a_long_text_is_folded_until_it_is_opened(known: Opened) -> None:
    """The beginning is read at once, the end on demand."""
    record = known.record("3")
    assert "sentence 0 of" in record.inner_text()
    assert "sentence 59 of" not in record.inner_text()
    record.get_by_text("sentence 0 of").click()
    assert "sentence 59 of" in record.inner_text()


def test_a_criterion_that_is_ok_is_folded_and_opens_when_its_link_is_followed(known: Opened) -> None:
    """A link never leads to something closed."""
    section = known.page.locator("#criterion-store_consistency")
    assert section.get_attribute("open") is None
    known.record("four").get_by_role("link", name="store_consistency").click()
    assert section.get_by_text("Index it again.").is_visible()


def test_a_criterion_that_was_closed_again_opens_when_its_link_is_followed_again(known: Opened) -> None:
    """The second click does what the first did."""
    link = known.page.get_by_role("row").get_by_role("link", name="store_consistency")
    section = known.page.locator("#criterion-store_consistency")
    link.click()
    section.locator("summary").first.click()
    assert section.get_attribute("open") is None
    link.click()
    assert section.get_by_text("Index it again.").is_visible()


def test_the_address_of_a_criterion_opens_it(browsing: Browsing, known_pages: Pages) -> None:
    """As from a mail."""
    opened = browsing.open(known_pages.run, "criterion-store_consistency")
    assert opened.page.get_by_text("Index it again.").is_visible()
