"""Why a column is not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.records import RecordStore
from drift_checks.stores.unused import why_unused
from tests.support.tables import write_table


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    """A store with confidences on another scale, and without vectors."""
    rows = [(number, "a text", "a", 100 * number) for number in range(1, 9)]
    path = write_table(tmp_path / "odd.db", rows, "id integer, text, category, confidence")
    return RecordStore(SqliteFile(path, tmp_path), "risk_classifications", {})


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (("text", "category"), ""),
        (("text", "chroma_id", "confidence"), "the store has no column chroma_id (for another name"),
        (("confidence",), "confidence runs from 100 to 800 in the 8 records looked at, not from 0 to 1"),
    ],
)
def test_says_why_a_column_is_not_used(store: RecordStore, columns: tuple[str, ...], reason: str) -> None:
    """It is missing, or its values cannot be read; the remedy is a setting."""
    said = why_unused(store, *columns)
    assert said.startswith(reason)
    assert bool(reason) is ("--drift-columns=" in said) is bool(said)
