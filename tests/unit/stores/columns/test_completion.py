"""A store whose table and columns the user did not name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import StoreError
from drift_checks.settings.declarations import FOUND, Settings
from drift_checks.settings.loading import Sources, load
from drift_checks.stores.columns.completion import Completion, completed
from drift_checks.stores.engines.opening import open_records
from tests.support.first_stores import ours, tickets, write


def complete(db: Path, **given: str) -> Completion:
    """Complete the settings of a user who gave the file and these settings."""
    options = {"drift_db": str(db), **{f"drift_{key}": text for key, text in given.items()}}
    settings = load(Sources(options, {}, {}, db.parent), datetime(2026, 1, 15, tzinfo=UTC))
    return completed(settings, open_records(db, db.parent / "snapshots"))


def test_certain_columns_complete_the_settings(tmp_path: Path) -> None:
    """They are named as the user would have named them, with their source."""
    db = tickets(tmp_path)
    settings, lines = complete(db)
    assert settings.table == "tickets"
    assert dict(settings.columns) == {
        "id": "id",
        "text": "body",
        "category": "label",
        "confidence": "probability",
        "timestamp": "created_at",
    }
    assert settings.texts["columns"] == "text=body,category=label,confidence=probability,timestamp=created_at"
    assert (settings.sources["table"], settings.sources["columns"]) == (FOUND, FOUND)
    assert lines == (
        "text=body, category=label, confidence=probability, timestamp=created_at (found; --drift-columns overrides)",
    )


def test_what_is_found_again_is_the_same(tmp_path: Path) -> None:
    """The completed settings need no completion."""
    db = tickets(tmp_path)
    once = complete(db).settings
    again = complete(db, table=once.table, columns=once.texts["columns"])
    assert (again.settings.columns, again.lines) == (
        tuple((role, name) for role, name in once.columns if role != name),
        (),
    )


def test_columns_of_the_user_come_first(tmp_path: Path) -> None:
    """The others are found."""
    db = tickets(tmp_path, ("label", "prediction"))
    settings = complete(db, columns="category=prediction").settings
    assert dict(settings.columns)["category"] == "prediction"
    assert dict(settings.columns)["text"] == "body"


@pytest.mark.parametrize(
    ("given", "table"), [({}, Settings.table), ({"table": "other", "columns": "text=text"}, "other")]
)
def test_a_complete_table_is_left_as_it_is(tmp_path: Path, given: dict[str, str], table: str) -> None:
    """Ours, or one that the user described, even if other columns look like a confidence."""
    db = ours(tmp_path, table)
    settings, lines = complete(db, **given)
    assert (settings.columns, lines) == ((("text", "text"),) if given else (), ())


def test_a_named_table_keeps_our_names(tmp_path: Path) -> None:
    """The columns with our names are used as ever; others are found."""
    db = ours(tmp_path, "other")
    found = complete(db, table="other").settings
    assert dict(found.columns) == {"confidence": "score", "timestamp": "created_at"}


@pytest.mark.parametrize(
    "extra", [("subject", "label"), ("label", "prediction"), ()], ids=["a title", "two labels", "two tables"]
)
def test_a_doubt_is_refused_with_the_likeliest(
    tmp_path: Path, snapshot: SnapshotAssertion, extra: tuple[str, ...]
) -> None:
    """The options are ready to be added."""
    db = tickets(tmp_path, extra or ("label",))
    if not extra:
        write(db, "archive", {"id": "integer primary key", "body": "text", "label": "text"})
    with pytest.raises(StoreError) as caught:
        complete(db)
    assert str(caught.value).replace(str(tmp_path), "…") == snapshot


def test_an_optional_column_in_doubt_is_left_out(tmp_path: Path) -> None:
    """The line says how to use it."""
    db = tickets(tmp_path, ("label", "score"))
    settings, lines = complete(db)
    assert "confidence" not in dict(settings.columns)
    assert lines[1] == (
        "confidence may be probability, but score may be meant, too: --drift-columns=confidence=probability uses it"
    )


def test_a_table_without_anything_like_texts_is_left_to_the_store(tmp_path: Path) -> None:
    """Its error names what is missing."""
    db = write(tmp_path / "app.db", "users", {"id": "integer primary key", "name": "text"})
    assert complete(db).settings.table == Settings.table


def test_a_doubtful_id_of_a_text_file_does_not_stop_a_review(tmp_path: Path) -> None:
    """The number of a row stands in for it, and a line says which column may be the id."""
    rows = "".join(f"T-{number:03},a text about number {number},{'ab'[number % 2]}\n" for number in range(40))
    (tmp_path / "decisions.csv").write_text(f"ticket,body,label\n{rows}", encoding="utf-8")
    settings, lines = complete(tmp_path / "decisions.csv")
    assert dict(settings.columns) == {"text": "body", "category": "label"}
    assert any("--drift-columns=id=ticket uses it" in line for line in lines)


def test_a_view_that_cannot_be_read_stops_nobody_from_reading_a_table(tmp_path: Path) -> None:
    """It may call a function of the application."""
    db = tickets(tmp_path)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.create_function("ours", 1, str)
        connection.execute("create view shown as select ours(body) as text from tickets")
    assert complete(db).settings.table == "tickets"
