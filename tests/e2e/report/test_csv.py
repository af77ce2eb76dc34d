"""The records that the page of a run shows, saved as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.browser import Browsing, Opened
from tests.support.pages import FORMULA, LAYOUT, LONG_TEXT, decided, described, with_details, write_pages
from tests.support.reports import report

pytestmark = pytest.mark.browser

# What begins a formula in Excel, LibreOffice or Google Sheets; some of them take the wide forms for the narrow ones.
FORMULAS = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1")
WIDE_FORMULAS = ("＝1+1", "＋1", "－1", "＠SUM(A1)")


def save(opened: Opened) -> list[dict[str, str]]:
    """Save the records that are shown, and read the file as a program would."""
    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Save as CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    content = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline=""), strict=True))
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


def by_id(opened: Opened) -> dict[str, dict[str, str]]:
    """Return the saved rows by the record's id."""
    return {row["record_id"]: row for row in save(opened)}


def test_all_records_are_saved_in_the_order_of_the_page(known: Opened) -> None:
    """Without a filter the file holds what the page holds."""
    assert [row["record_id"] for row in save(known)] == known.ids


def test_the_records_that_are_shown_are_saved_and_no_others(known: Opened) -> None:
    """The filter and the order of the page are those of the file."""
    known.choose("Stored → reviewed", "fraud → cyber")
    known.choose("Sort by", "stored")
    assert [row["record_id"] for row in save(known)] == ["10", "3"]


def test_a_file_of_no_records_has_its_header(known: Opened) -> None:
    """What reads the file need not know that nothing matched."""
    known.field("Search").fill("nothing holds this")
    assert save(known) == []


def test_a_row_has_both_decisions_and_where_the_record_was_drawn(known: Opened) -> None:
    """Each value stands in a column of its own, unrounded."""
    row = by_id(known)["1"]
    del row["text"]
    assert row == {
        "record_id": "1",
        "stratum": "low_confidence",
        "stored": "financial",
        "reviewed": "regulatory",
        "stored_confidence": "0.95",
        "reviewed_confidence": "0.9",
        "age_days": "10",
        "criteria": "agreement record_integrity",
    }


def test_what_is_not_known_is_an_empty_cell(known: Opened) -> None:
    """A record without a review has no category to be taken for one."""
    row = by_id(known)["30"]
    assert [row[name] for name in ("reviewed", "reviewed_confidence", "age_days", "text")] == ["", "", "", ""]


def test_commas_quotes_and_newlines_of_a_text_survive(known: Opened) -> None:
    """The text is the one that was reviewed."""
    assert by_id(known)["1"]["text"] == LAYOUT


def test_a_folded_text_is_saved_as_it_was_reviewed(known: Opened) -> None:
    """Nothing of the folding is left in it."""
    assert by_id(known)["3"]["text"] == LONG_TEXT


def test_a_text_that_a_spreadsheet_would_run_is_saved_as_text(known: Opened) -> None:
    """The apostrophe is how spreadsheets themselves mark a text."""
    saved = by_id(known)
    assert (saved["2"]["text"], saved["10"]["text"]) == (f"'{FORMULA}", "'-5 and @home")


@pytest.mark.parametrize(
    "formulas",
    [
        FORMULAS,
        WIDE_FORMULAS,
    ],
    ids=["narrow", "wide"],
)
def test_no_cell_begins_a_formula(browsing: Browsing, tmp_path: Path, formulas: Sequence[str]) -> None:
    """Neither an id nor a category nor a text does."""
    made = with_details(
        report([decided(begun, begun, f"{begun}0") for begun in formulas]),
        [described(begun, begun) for begun in formulas],
    )
    rows = save(browsing.open(write_pages(tmp_path / "reports", made).run))
    signs = tuple(begun[0] for begun in (*FORMULAS, *WIDE_FORMULAS))
    assert [cell for row in rows for cell in row.values() if cell.startswith(signs)] == []
    assert len(rows) == len(formulas)
