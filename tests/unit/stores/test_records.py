"""The table of records."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path

import pytest

from drift_checks.core.errors import StoreError
from drift_checks.core.records import Damaged, record_id
from tests.support.tables import TABLE, opened, write_table
from tests.support.written_back import execute

ROWS = [(1, "one", "a"), (2, "two", "b"), (3, "three", "a"), (4, "four", None)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table of four rows."""
    return write_table(tmp_path / "a.db", ROWS)


def test_more_rows_than_a_statement_takes_are_read(tmp_path: Path) -> None:
    """In pages."""
    store = opened(write_table(tmp_path / "a.db", [(key, "t", "c") for key in range(1, 2001)]))
    rows = store.read(lambda connection: store.rows(connection, list(range(1, 2001))))
    assert list(rows) == list(range(1, 2001))


def test_columns_of_another_schema_have_our_names(tmp_path: Path) -> None:
    """Names that need quotes, too; unknown ids are skipped."""
    path = write_table(tmp_path / "a.db", [(1, "words", "label")], '"key" integer, "the text" text, "select" text')
    store = opened(path, {"id": "key", "text": "the text", "category": "select"})
    rows = store.read(lambda connection: store.rows(connection, [1, 99]))
    assert rows == {1: {"id": 1, "text": "words", "category": "label"}}


def test_counts_categories_and_columns(path: Path) -> None:
    """Categories are sorted, and only three columns are required."""
    store = opened(path)
    assert (store.count(), store.pending, store.categories()) == (3, 1, ("a", "b"))
    assert (store.has("category"), store.has("confidence")) == (True, False)


def test_a_stream_yields_columns_of_every_record(tmp_path: Path) -> None:
    """Over several pages."""
    rows = [(key, f"text {key}", "c") for key in range(12_001)]
    store = opened(write_table(tmp_path / "a.db", rows))
    read = store.read(lambda connection: list(store.stream(connection, "id", "text")))
    assert read == [(key, text) for key, text, _ in rows]


def test_a_table_or_view_whose_name_needs_quotes(path: Path) -> None:
    """The name is quoted in SQL; another schema may need a view."""
    execute(path, f'alter table {TABLE} rename to "a ""table"" of; risks"')
    execute(path, 'create view seen as select id, text, category from "a ""table"" of; risks" where id > 2')
    assert opened(path, table='a "table" of; risks').count() == 3
    assert opened(path, table="seen").count() == 1


def test_a_missing_table_is_reported(path: Path) -> None:
    """With the existing ones, and the nearest."""
    with pytest.raises(StoreError) as refused:
        opened(path, table="risk_clasifications")
    assert str(refused.value) == (
        f"{path}: has no table 'risk_clasifications' (it has risk_classifications); name the table with"
        " --drift-table=NAME; did you mean 'risk_classifications'?"
    )


def test_a_missing_column_is_reported(tmp_path: Path) -> None:
    """With the existing ones, and the nearest."""
    path = write_table(tmp_path / "a.db", [], "id integer, texts text, category text")
    with pytest.raises(StoreError) as refused:
        opened(path)
    assert str(refused.value) == (
        f"{path}: table 'risk_classifications' has no column 'text' (it has id, texts, category); name the"
        " column with --drift-columns=text=NAME; did you mean 'texts'?"
    )


def test_a_named_column_must_exist_even_if_it_is_optional(path: Path) -> None:
    """It was asked for."""
    with pytest.raises(StoreError, match="has no column 'score'"):
        opened(path, {"confidence": "score"})


def test_a_repeated_id_damages_its_record(tmp_path: Path) -> None:
    """The first of its rows stands for all."""
    rows = [(1, "a", "b"), (1, "c", "d"), (2, "e", "f")]
    store = opened(write_table(tmp_path / "a.db", rows, "id integer, text, category"))
    found = store.read(lambda connection: store.rows(connection, [1, 2]))
    assert found == {
        1: {"id": Damaged(1, "is the id of several records"), "text": "a", "category": "b"},
        2: {"id": 2, "text": "e", "category": "f"},
    }


def test_text_that_is_not_utf_8_is_damaged(path: Path) -> None:
    """It hides no other, and shows what can be read of it."""
    execute(path, f"update {TABLE} set text = cast(x'ff41' as text), category = x'ff42' where id = 1")
    store = opened(path)
    row = store.read(lambda connection: store.rows(connection, [1]))[1]
    assert (repr(row["text"]), str(row["text"])) == (repr("\ufffdA"), "\ufffdA")
    assert row["category"] == Damaged(b"\xffB", "is not UTF-8")
    assert store.categories() == ("a", "b", "\ufffdB")


def test_a_text_in_a_blob_is_a_text(tmp_path: Path) -> None:
    """Everywhere; a hash or the id of a vector that is not text is shown in hexadecimal digits."""
    columns = "id integer primary key, text, category, source, text_hash, chroma_id, input_tokens"
    values = ("é".encode(), b"card", b"llm", b"\xff" * 2, b"v1", struct.pack("<q", 120))
    store = opened(write_table(tmp_path / "a.db", [(1, *values)], columns))
    row = store.read(lambda connection: store.rows(connection, [1]))[1]
    assert row == {
        "id": 1,
        "text": "é",
        "category": "card",
        "source": "llm",
        "text_hash": "ffff",
        "chroma_id": "v1",
        "input_tokens": 120.0,
    }
    assert store.categories() == ("card",)
    assert store.read(lambda connection: list(store.stream(connection, "chroma_id"))) == [("v1",)]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (uuid.UUID(int=7919 << 40).bytes, "0000000000000000001eef0000000000"),
        (struct.pack("<q", 12), "0c00000000000000"),
        (b"abc", "616263"),
        (0.5, "0.5"),
        (1e300, "1e+300"),
        (2.0, 2),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        ("0c00", "0c00"),
        ("12", "12"),
        ("a\0b", "a\0b"),
    ],
)
def test_any_id_finds_its_record_again(tmp_path: Path, stored: object, shown: object) -> None:
    """Under the name by which it is shown: a binary one in hexadecimal digits."""
    store = opened(write_table(tmp_path / "a.db", [(stored, "one", "a"), (77, "two", "b")], "id, text, category"))
    rows = store.read(lambda connection: store.rows(connection, [record_id(stored)]))  # type: ignore[arg-type]
    assert {key: row["text"] for key, row in rows.items()} == {shown: "one"}


def test_a_uuid_may_be_named_with_hyphens(tmp_path: Path) -> None:
    """As it is usually written."""
    key = uuid.UUID(int=2**100 + 5)
    store = opened(write_table(tmp_path / "a.db", [(key.bytes, "one", "a")], "id blob, text, category"))
    assert list(store.read(lambda connection: store.rows(connection, [str(key)]))) == [key.hex]


def test_names_match_in_any_case(tmp_path: Path) -> None:
    """As in SQLite, also those that the user gives."""
    columns = '"ID" integer primary key, "Body" text, "Category" text, "Time Stamp" text'
    path = write_table(tmp_path / "a.db", [(1, "one", "a", "2026-01-01")], columns)
    store = opened(path, {"text": "BODY", "timestamp": "time stamp"}, table=TABLE.upper())
    assert (store.name, store.columns["id"], store.columns["text"]) == (TABLE, "ID", "Body")
    row = store.read(lambda connection: store.rows(connection, [1]))[1]
    assert row == {"id": 1, "text": "one", "category": "a", "timestamp": "2026-01-01"}


def test_a_type_of_an_extension_is_read_without_a_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """SQLAlchemy does not know it."""
    columns = "id integer primary key, text, category, confidence FLOAT32, embedding_json F32_BLOB(16)"
    store = opened(write_table(tmp_path / "a.db", [(1, "one", "a", 0.5, None)], columns))
    assert store.read(store.has_integer_key)
    assert not recwarn.list


def test_rows_have_timestamps_in_iso_8601(tmp_path: Path) -> None:
    """In whatever form they are stored; a row in another form than the others is damaged."""
    columns = "id integer primary key, text, category, timestamp"
    stamps = [1764201600000, 1764201600500, "2025-11-27", 1764201600, None]
    rows = [(key, "t", "c", stamp) for key, stamp in enumerate(stamps)]
    store = opened(write_table(tmp_path / "a.db", rows, columns))
    found = store.read(lambda connection: store.rows(connection, range(5)))
    assert [row["timestamp"] for row in found.values()] == [
        "2025-11-27T00:00:00Z",
        "2025-11-27T00:00:00.500000Z",
        Damaged("2025-11-27", "is not readable"),
        Damaged(1764201600, "is not readable"),
        None,
    ]
    assert store.forms.notes == ("timestamp is read as epoch milliseconds",)


FORMED: dict[str, tuple[list[object], list[float | None]]] = {
    "percentages": (["60%", " 7.5 %", "100%", "0.6"], [0.6, 0.075, 1.0, None]),
    "numbers with a decimal comma": (["0,6", "1", "0,1", "0.6"], [0.6, 1.0, 0.1, None]),
    "32-bit numbers in BLOBs": ([struct.pack("<f", 0.5), struct.pack("<f", 0.25), b"x", 0.5], [0.5, 0.25, None, None]),
    "64-bit numbers in BLOBs": ([struct.pack("<d", 0.6), struct.pack("<d", 0), b"", "1"], [0.6, 0.0, None, None]),
}


@pytest.mark.parametrize("form", FORMED)
def test_a_column_of_confidences_has_one_form(tmp_path: Path, form: str) -> None:
    """That of most of its values; the others are damaged."""
    stored, expected = FORMED[form]
    rows = [(key, "t", "c", value) for key, value in enumerate(stored)]
    store = opened(write_table(tmp_path / "a.db", rows, "id integer primary key, text, category, confidence"))
    found = store.read(lambda connection: store.rows(connection, range(4)))
    read = [None if isinstance(row["confidence"], Damaged) else row["confidence"] for row in found.values()]
    assert read == expected
    assert store.forms.notes == (f"confidence is read as {form}",)


def noted(path: Path, renamed: dict[str, str] | None = None) -> tuple[str, ...]:
    """Return the remarks on the columns of a store."""
    return opened(path, renamed).forms.notes


def test_confidences_on_another_scale_are_divided_if_the_user_says_so(tmp_path: Path) -> None:
    """Until then they are not used, which is said once."""
    columns = "id integer primary key, text, category, score"
    path = write_table(tmp_path / "a.db", [(key, "t", "c", key) for key in range(1, 61)], columns)
    renamed = {"confidence": "SCORE"}
    assert noted(path, renamed) == (
        "confidence runs from 1 to 60 in the 60 records looked at, not from 0 to 1, so it is not used; set"
        " --drift-columns=confidence=score/100",
    )
    assert not opened(path, renamed).has("confidence")
    store = opened(path, {"confidence": "score / 100"})
    assert store.forms.notes == ()
    assert store.read(lambda connection: store.rows(connection, [29]))[29]["confidence"] == 0.29


def test_a_name_may_end_in_a_slash_and_a_number(tmp_path: Path) -> None:
    """Then nothing is divided."""
    path = write_table(tmp_path / "a.db", [(1, "t", "c", 0.5)], 'id integer primary key, text, category, "score/100"')
    store = opened(path, {"confidence": "score/100"})
    assert store.read(lambda connection: store.rows(connection, [1]))[1]["confidence"] == 0.5


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (
            [-3, -0.5, -1.25],
            "confidence runs from -3 to -0.5 in the 3 records looked at, not from 0 to 1, so it is not used; name a"
            " column from 0 to 1 with --drift-columns=confidence=NAME",
        ),
        (
            ["high", None],
            "confidence cannot be read, as in 'high', so it is not used; readable are numbers, percentages",
        ),
        ([None, None], "confidence is empty in all records, so it is not used"),
    ],
)
def test_an_unusable_column_is_named_once(tmp_path: Path, values: list[object], note: str) -> None:
    """With an example and what can be read; the store is read as if the column were missing."""
    rows = [(key, "t", "c", value) for key, value in enumerate(values)]
    store = opened(write_table(tmp_path / "a.db", rows, "id integer primary key, text, category, confidence"))
    assert len(store.forms.notes) == 1
    assert store.forms.notes[0].startswith(note)
    assert not store.has("confidence")


def test_a_column_is_judged_by_rows_all_over_the_table(tmp_path: Path) -> None:
    """Its oldest rows may have no value or another form."""
    columns = "id integer primary key, text, category, timestamp"
    stamps = [None] * 700 + ["2020-01-01"] * 300 + [1764201600] * 2000
    rows = [(key, "t", "c", stamp) for key, stamp in enumerate(stamps)]
    assert noted(write_table(tmp_path / "a.db", rows, columns)) == ("timestamp is read as epoch seconds",)


@pytest.mark.parametrize("kind", ["create view seen as select * from {0}", "create table seen ({1}) without rowid"])
def test_rows_without_numbers_are_looked_at_from_the_first(tmp_path: Path, kind: str) -> None:
    """Those of a view, for example."""
    columns = "id integer primary key, text, category, timestamp"
    path = write_table(tmp_path / "a.db", [(key, "t", "c", "1764201600") for key in range(9)], columns)
    execute(path, kind.format(TABLE, columns))
    if "without" in kind:
        execute(path, f"insert into seen select * from {TABLE}")
    assert opened(path, table="seen").forms.notes == ("timestamp is read as epoch seconds",)
