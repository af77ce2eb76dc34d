"""The page of a run in a browser: it loads alone, can be searched and filtered, and its address keeps the view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.browser import Browsing, Opened
from tests.support.pages import Pages, decided, described, recorded, served, with_details, write_pages
from tests.support.reports import report

pytestmark = pytest.mark.browser

ALL = ["1", "2", "3", "10", "four", "30"]


@pytest.mark.parametrize("which", ["run", "list"])
def test_a_page_loads_from_a_file_without_error_or_request(browsing: Browsing, demo_pages: Pages, which: str) -> None:
    """One file is all that a reader needs."""
    path = getattr(demo_pages, which)
    opened = browsing.open(path)
    opened.page.wait_for_load_state("networkidle")
    assert (opened.faults, opened.requests) == ([], [path.as_uri()])


def test_a_server_is_asked_only_for_the_page(browsing: Browsing, demo_pages: Pages) -> None:
    """Not even for an icon."""
    with served(demo_pages.run.parent) as (address, asked):
        opened = browsing.open(f"{address}/index.html")
        opened.page.wait_for_load_state("networkidle")
    assert (opened.faults, asked) == ([], ["/index.html"])


def test_the_list_of_runs_and_the_run_link_to_each_other(browsing: Browsing, demo_pages: Pages) -> None:
    """By relative addresses."""
    opened = browsing.open(demo_pages.list)
    opened.page.get_by_role("row").get_by_role("link").first.click()
    opened.page.wait_for_url(demo_pages.run.as_uri())
    opened.page.get_by_role("link", name="All runs").click()
    opened.page.wait_for_url(demo_pages.list.as_uri())


def test_the_heading_leads_to_what_decided(known: Opened) -> None:
    """The findings below it link to the criteria."""
    assert known.page.get_by_role("heading", level=1).inner_text().startswith("✖ CRITICAL · ")
    known.follow(known.page.locator(".why").get_by_role("link", name="agreement").click)
    assert known.address.endswith("#criterion-agreement")


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
def test_a_search_finds_records_with_all_its_words(known: Opened, searched: str, found: list[str]) -> None:
    """In texts, categories and reasons, folded or not, ignoring case; at first, all are shown."""
    assert (known.ids, known.count) == (ALL, "6 of 6 shown")
    known.field("Search").fill(searched)
    assert (known.ids, known.count) == (found, f"{len(found)} of 6 shown")


@pytest.mark.parametrize(
    ("label", "value", "found"),
    [
        ("Label pair", "fraud → cyber", ["3", "10"]),
        ("Criterion", "agreement", ["1", "2", "3", "10"]),
        ("Criterion", "store_consistency", ["2", "four"]),
        ("Stratum", "old", ["2", "four"]),
    ],
)
def test_a_filter_shows_matching_records(known: Opened, label: str, value: str, found: list[str]) -> None:
    """By pair of categories, failed criterion or stratum."""
    known.choose(label, value)
    assert (known.ids, known.count) == (found, f"{len(found)} of 6 shown")


def test_groups_count_what_the_others_leave(known: Opened) -> None:
    """A group without a record is hidden; choosing a group a second time gives it up."""
    assert known.counts("Stratum") == {"low confidence": 3, "old": 2, "baseline": 1}
    known.choose("Label pair", "financial → regulatory")
    assert (known.ids, known.counts("Stratum")) == (["1", "2"], {"low confidence": 1, "old": 1})
    assert known.counts("Label pair") == {"financial → regulatory": 2, "fraud → cyber": 2}
    known.choose("Label pair", "financial → regulatory")
    assert (known.ids, "pair" in known.address) == (ALL, False)


def test_records_are_grouped_by_versions_and_other_slices(browsing: Browsing, tmp_path: Path) -> None:
    """The link of a group is the address of its view, which can be copied or opened elsewhere."""
    made = report([decided(key, "a", "b") for key in (1, 2, 3)])
    details = [replace(described(key, "t"), slices={"model_version": f"m-{key % 2}"}) for key in (1, 2, 3)]
    opened = browsing.open(write_pages(tmp_path / "reports", with_details(made, details)).run)
    assert opened.counts("Model version") == {"m-1": 2, "m-0": 1}
    assert opened.groups("Model version").first.get_attribute("href") == "#model_version=m-1"
    assert browsing.open(opened.address, "model_version=m-1").ids == ["1", "3"]


def test_new_disagreements_are_told_from_those_found_before(browsing: Browsing, tmp_path: Path) -> None:
    """In the record's line, and as groups."""
    made = report([decided(key, "a", "b") for key in (1, 2, 3)], record_ids=(1, 2, 3))
    before = recorded(report([decided(1, "a", "b")], record_ids=(1, 2)))
    opened = browsing.open(write_pages(tmp_path / "reports", replace(made, past=(before,))).run)
    lines = [opened.record(key).locator("h3 + p").inner_text().split(" · ")[1] for key in "123"]
    assert lines == ["second time", "new since the run before", "confidence 0.50 → 0.50"]
    opened.choose("New or again", "new")
    assert opened.ids == ["2"]


def test_keys_move_from_record_to_record(known: Opened) -> None:
    """Only to those that are shown, with a visible focus, and not while someone types."""
    known.choose("Stratum", "low confidence")
    focused = []
    for key in "jjkjjjj":
        known.page.keyboard.press(key)
        focused.append(known.evaluate("document.activeElement.textContent"))
    assert (known.ids, focused) == (["1", "3", "30"], ["1", "3", "1", "3", "30", "30", "30"])
    assert known.evaluate("document.activeElement.matches(':focus-visible')")
    known.field("Search").press_sequentially("jk")
    assert known.field("Search").input_value() == "jk"


def test_filters_and_order_combine(known: Opened) -> None:
    """Each filter narrows what the others leave, in the chosen order."""
    known.choose("Criterion", "agreement")
    known.sort("age")
    assert known.ids == ["2", "3", "1", "10"]
    known.choose("Stratum", "low confidence")
    known.field("Search").fill("fraud")
    assert known.ids == ["3"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("stored", ["1", "10", "2", "3", "four", "30"]),
        ("age", ["2", "four", "3", "1", "10", "30"]),
        ("pair", ["1", "2", "3", "10", "four", "30"]),
        ("id", ["1", "2", "3", "10", "30", "four"]),
        ("sure", ["1", "2", "3", "10", "four", "30"]),
        ("", ALL),
    ],
)
def test_records_without_a_value_sort_last(known: Opened, order: str, found: list[str]) -> None:
    """Numbers sort as numbers, the largest first, and ids from the smallest."""
    known.sort("stored")
    known.sort(order)
    assert known.ids == found


def test_show_all_removes_every_filter(known: Opened) -> None:
    """The order and the address are reset too; an empty list offers it."""
    known.sort("age")
    known.choose("Stratum", "old")
    known.page.get_by_role("button", name="Show all").click()
    known.page.wait_for_function("location.hash === ''")
    assert (known.ids, known.count) == (ALL, "6 of 6 shown")
    known.field("Search").fill("nothing holds this")
    known.page.get_by_text("No record matches").get_by_role("button").click()
    known.page.wait_for_function("location.hash === ''")
    assert (known.ids, known.page.get_by_text("No record matches").is_visible()) == (ALL, False)


def test_the_address_of_a_view_opens_the_same_view(browsing: Browsing, known: Opened) -> None:
    """It keeps the search with any characters, the filters and the order."""
    known.field("Search").fill("a&b=c#d%e+f é")
    assert browsing.open(known.address).chosen("Search") == "a&b=c#d%e+f é"
    known.field("Search").fill("fraud")
    known.choose("Label pair", "fraud → cyber")
    known.sort("stored")
    other = browsing.open(known.address)
    assert (other.ids, other.count) == (["10", "3"], "2 of 6 shown")
    assert [other.chosen(label) for label in ("Search", "Sort by")] == ["fraud", "stored"]
    assert other.chosen_group("Label pair") == "fraud → cyber"


@pytest.mark.parametrize(
    "fragment",
    ["pair=fraud+%E2%86%92+gone", "criterion=gone&stratum=gone&sort=gone", "unknown=1", "record-999", "=", "%E0%A4%A"],
)
def test_an_address_that_does_not_fit_the_report_shows_all(
    browsing: Browsing, known_pages: Pages, fragment: str
) -> None:
    """A link made for another run, or cut off, is not an error."""
    opened = browsing.open(known_pages.run, fragment)
    assert (opened.ids, opened.count, opened.faults) == (ALL, "6 of 6 shown", [])


def test_back_and_forward_follow_the_links_of_criteria(known: Opened) -> None:
    """The link gives the number of records; the view is always that of the address."""
    agreement = ["1", "2", "3", "10"], "agreement"
    known.follow(known.page.locator("#criterion-agreement").get_by_role("link", name="4 records above").click)
    assert (known.ids, known.chosen_group("Criterion")) == agreement
    assert known.page.locator("#list").is_visible()
    known.follow(known.page.locator("#criterion-record_integrity").get_by_role("link", name="record above").click)
    assert known.ids == ["1"]
    known.follow(known.page.go_back)
    assert (known.ids, known.chosen_group("Criterion")) == agreement
    known.follow(known.page.go_forward)
    assert known.ids == ["1"]
    known.follow(known.page.go_back)
    known.follow(known.page.go_back)
    assert (known.ids, known.chosen_group("Criterion")) == (ALL, "")


def test_a_long_text_is_folded(known: Opened) -> None:
    """Its beginning is visible, its end on demand."""
    record = known.record("3")
    assert "sentence 0 of" in record.inner_text()
    assert "sentence 59 of" not in record.inner_text()
    record.get_by_text("sentence 0 of").click()
    assert "sentence 59 of" in record.inner_text()


def test_a_folded_criterion_opens_whenever_its_link_is_followed(
    browsing: Browsing, known_pages: Pages, known: Opened
) -> None:
    """Even if it was closed again in between, or from a mail."""
    link = known.record("four").get_by_role("link", name="store_consistency")
    section = known.page.locator("#criterion-store_consistency")
    assert section.get_attribute("open") is None
    known.follow(known.record("four").get_by_role("link", name="store_consistency").click)
    assert section.get_by_text("Index it again.").is_visible()
    section.locator("summary").first.click()
    assert section.get_attribute("open") is None
    link.click()
    assert section.get_by_text("Index it again.").is_visible()
    opened = browsing.open(known_pages.run, "criterion-store_consistency")
    assert opened.page.get_by_text("Index it again.").is_visible()
