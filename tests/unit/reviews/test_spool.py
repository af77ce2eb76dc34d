"""Rows of a large sample, kept in a file."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from drift_checks.core.errors import StoreError
from drift_checks.core.records import BrokenText, Damaged, Record, Stratum
from drift_checks.reviews.spool import Spool

ROWS = [
    {"id": number, "text": f"text {number}", "category": "a", "confidence": number / 1000, "evidence": None}
    for number in range(600)
]


def test_rows_are_what_was_added(tmp_path: Path) -> None:
    """In any order, across blocks; columns that the store lacks are missing."""
    rows = Spool(tmp_path).add(ROWS)
    assert [dict(rows[place]) for place in (599, 0, 300, 1)] == [ROWS[place] for place in (599, 0, 300, 1)]
    assert ("text" in rows[0], "source" in rows[0], rows[0].get("source"), len(rows[0])) == (True, False, None, 5)


def test_rows_can_be_added_after_others_were_read(tmp_path: Path) -> None:
    """Reading moves the place in the file."""
    spool = Spool(tmp_path)
    first = spool.add(ROWS[:300])
    assert first[0]["text"] == "text 0"
    rows = first + spool.add(ROWS[300:])
    assert [row["text"] for row in rows] == [row["text"] for row in ROWS]


def test_record_reads_its_row(tmp_path: Path) -> None:
    """It equals the record whose row is in memory, and becomes that one in another process."""
    row = Spool(tmp_path).add(ROWS)[7]
    record = Record(7, Stratum.OLD, row)
    assert (record.text, record.category, record.confidence) == ("text 7", "a", 0.007)
    sent = pickle.loads(pickle.dumps(record))
    assert (sent, type(sent.values)) == (Record(7, Stratum.OLD, ROWS[7]), dict)


def test_damaged_values_stay_damaged(tmp_path: Path) -> None:
    """Their types tell what is wrong with them."""
    stored = {"id": 1, "text": BrokenText("\ufffd"), "confidence": Damaged(b"x", "is not a number")}
    (row,) = Spool(tmp_path).add([stored])
    assert (type(row["text"]), row["confidence"]) == (BrokenText, stored["confidence"])


def test_folder_holds_no_file_with_a_name(tmp_path: Path) -> None:
    """A killed run leaves no texts behind."""
    Spool(tmp_path / "new").add(ROWS)
    assert list((tmp_path / "new").iterdir()) == []


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the setting that names another."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be kept in .*file.*--drift-snapshot-dir"):
        Spool(tmp_path / "file")
