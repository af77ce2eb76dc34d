"""The records on the page of a run, saved as CSV."""

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

# What starts a formula in Excel, LibreOffice or Google Sheets; some treat the wide forms like the narrow ones.
FORMULAS = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1")
WIDE_FORMULAS = ("＝1+1", "＋1", "－1", "＠SUM(A1)")


def save(opened: Opened) -> list[dict[str, str]]:
    """Save the visible records, and read the file as a program would."""
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


def test_the_visible_records_are_saved_in_their_order(known: Opened) -> None:
    """The file has the filter and the order of the page, and a header even if nothing matches."""
    assert [row["record_id"] for row in save(known)] == known.ids
    known.choose("Label pair", "fraud → cyber")
    known.sort("stored")
    assert [row["record_id"] for row in save(known)] == ["10", "3"]
    known.field("Search").fill("nothing holds this")
    assert save(known) == []


def test_a_row_has_both_decisions_and_the_stratum(known: Opened) -> None:
    """Each value has its own column and is not rounded; an unknown one is empty, as of a record without a review."""
    saved = by_id(known)
    row = saved["1"]
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
    assert [saved["30"][name] for name in ("reviewed", "reviewed_confidence", "age_days", "text")] == ["", "", "", ""]


def test_a_text_is_saved_as_it_was_reviewed(known: Opened) -> None:
    """With commas, quotes and newlines, unfolded; an apostrophe keeps a spreadsheet from running it."""
    saved = by_id(known)
    assert (saved["1"]["text"], saved["3"]["text"]) == (LAYOUT, LONG_TEXT)
    assert (saved["2"]["text"], saved["10"]["text"]) == (f"'{FORMULA}", "'-5 and @home")


@pytest.mark.parametrize("formulas", [FORMULAS, WIDE_FORMULAS], ids=["narrow", "wide"])
def test_no_cell_starts_a_formula(browsing: Browsing, tmp_path: Path, formulas: Sequence[str]) -> None:
    """Neither an id nor a category nor a text."""
    made = with_details(
        report([decided(begun, begun, f"{begun}0") for begun in formulas]),
        [described(begun, begun) for begun in formulas],
    )
    rows = save(browsing.open(write_pages(tmp_path / "reports", made).run))
    signs = tuple(begun[0] for begun in (*FORMULAS, *WIDE_FORMULAS))
    assert [cell for row in rows for cell in row.values() if cell.startswith(signs)] == []
    assert len(rows) == len(formulas)
