"""Writing a finished run back to the application's store: all of it or nothing, and nothing else changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.errors import StoreError
from drift_checks.stores.writing import refuse_unwritable, write_back
from tests.support.folders import contents
from tests.support.tables import opened
from tests.support.written_back import (
    METRICS,
    MOMENT,
    RECORDS,
    STAMP,
    execute,
    expected,
    make,
    tables,
    without_row,
    written,
)


@pytest.mark.parametrize("journal", ["delete", "truncate", "persist", "wal"])
def test_a_run_adds_its_row_and_marks_its_records(tmp_path: Path, journal: str) -> None:
    """Nothing else changes, including the journal mode."""
    path = make(tmp_path / "a.db", journal=journal)
    before = tables(path)
    assert write_back(opened(path), written(1, 3))
    after = tables(path)
    assert after["drift_metrics"][-1][:-1] == (8, 50, 47, 3, 0.94, 0.02, STAMP)
    assert after["drift_metrics"][-1][-1] is not None
    assert without_row(after) == {**expected(before, 1, 3), "sqlite_sequence": []}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma journal_mode").fetchone() == (journal if journal == "wal" else "delete",)


KEYS = st.integers(-3, 12)


@settings(max_examples=30)
@given(
    stored=st.dictionaries(KEYS, st.none() | st.integers(0, 2**40), min_size=1),
    runs=st.lists(st.lists(KEYS, max_size=8), min_size=1, max_size=3),
)
def test_each_run_counts_each_of_its_records_once(stored: dict[int, int | None], runs: list[list[int]]) -> None:
    """Even if it names one twice; a missing count is 0, and unknown records are skipped."""
    with TemporaryDirectory() as folder:
        path = make(Path(folder) / "a.db", stored.items())
        before = tables(path)
        for number, ids in enumerate(runs):
            assert write_back(opened(path), written(*ids, moment=MOMENT + timedelta(days=number)))
        after = tables(path)
    for key, *_, stamp, count in after["risk_classifications"]:
        taken = [number for number, ids in enumerate(runs) if key in ids]
        assert count == ((stored[key] or 0) + len(taken) if taken else stored[key])
        assert stamp == ((MOMENT + timedelta(days=taken[-1])).isoformat() if taken else None)
    assert len(after["drift_metrics"]) == len(runs) + 1
    assert after["archives"] == before["archives"]


def test_thousands_of_records_are_marked(tmp_path: Path) -> None:
    """More than a statement allows; each once, though it is named twice."""
    path = make(tmp_path / "a.db", [(key, 1) for key in range(1, 5003)])
    before = tables(path)
    ids = range(1, 5001)
    assert write_back(opened(path), written(*ids, *ids))
    assert without_row(tables(path)) == {**expected(before, *ids), "sqlite_sequence": []}


def test_ids_may_be_text(tmp_path: Path) -> None:
    """Even text that looks like numbers."""
    path = make(tmp_path / "a.db", [("007", 0), ("7", 0), ("it's", 2)], records=RECORDS.replace(INTEGER_KEY, "id text"))
    before = tables(path)
    assert write_back(opened(path), written("007", "it's", "gone"))
    assert without_row(tables(path)) == {**expected(before, "007", "it's"), "sqlite_sequence": []}


INTEGER_KEY = "id integer primary key autoincrement"


def test_table_and_columns_may_have_other_names(tmp_path: Path) -> None:
    """Names that need quotes, too."""
    path = make(tmp_path / "a.db")
    execute(
        path,
        'alter table risk_classifications rename to "the ""risks"""',
        'alter table "the ""risks""" rename column id to "key"',
        'alter table "the ""risks""" rename column last_reviewed_at to "select"',
        'alter table "the ""risks""" rename column review_count to "how often?"',
    )
    before = tables(path)
    renamed = {"id": "key", "last_reviewed_at": "select", "review_count": "how often?"}
    store = opened(path, renamed, 'the "risks"')
    refuse_unwritable(store)
    assert write_back(store, written(3))
    assert without_row(tables(path)) == {**expected(before, 3, table='the "risks"'), "sqlite_sequence": []}


@pytest.mark.parametrize(("declared", "kept"), [("real not null", 0.0), ("real", None)])
def test_a_change_that_was_not_measured_is_null(tmp_path: Path, declared: str, kept: float | None) -> None:
    """If the store allows it, else 0."""
    metrics = METRICS.replace("avg_confidence_change real not null", f"Avg_Confidence_Change {declared}")
    path = make(tmp_path / "a.db", metrics=metrics)
    assert write_back(opened(path), written(1, change=None))
    assert tables(path)["drift_metrics"][-1][5] == kept


def test_the_same_run_is_written_once(tmp_path: Path) -> None:
    """A resumed run finds its row, in whatever zone its moment is, and changes no byte."""
    path = make(tmp_path / "a.db")
    assert write_back(opened(path), written(1))
    before = contents(tmp_path)
    again = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert not write_back(opened(path), written(1, 2, moment=again))
    assert contents(tmp_path) == before


def test_a_moment_without_a_zone_is_refused() -> None:
    """It would mean another instant on each machine."""
    with pytest.raises(ValueError, match="has no zone"):
        written(1, moment=datetime(2026, 1, 15))


def test_a_live_wal_keeps_what_the_application_wrote(tmp_path: Path) -> None:
    """The application sees our changes without opening the file again."""
    path = make(tmp_path / "a.db", journal="wal")
    with closing(sqlite3.connect(path)) as application:
        application.execute("insert into archives values (2, 2, 'late')")
        application.commit()
        assert write_back(opened(path), written(2))
        assert application.execute("select review_count from risk_classifications where id = 2").fetchone() == (1,)
        assert application.execute("select count(*) from archives").fetchone() == (2,)
        assert path.with_name("a.db-wal").exists()


def test_a_path_may_have_any_character(tmp_path: Path) -> None:
    """In the name of the file."""
    name = "a b%20#?ü&mode=ro;.db"
    path = make(tmp_path / name)
    assert write_back(opened(path), written(1))
    assert len(tables(path)["drift_metrics"]) == 2
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    """An empty one would hide the loss."""
    path = make(tmp_path / "a.db")
    store = opened(path)
    path.unlink()
    with pytest.raises(StoreError, match=r"a\.db: cannot be written to \(unable to open database file\)"):
        write_back(store, written(1))
    assert not path.exists()


def test_triggers_of_the_application_run(tmp_path: Path) -> None:
    """As for its own changes."""
    path = make(tmp_path / "a.db")
    execute(
        path,
        "create table audit (what)",
        "create trigger seen after update on risk_classifications begin insert into audit values (new.id); end",
    )
    refuse_unwritable(opened(path))
    assert write_back(opened(path), written(1, 3))
    assert tables(path)["audit"] == [(1,), (3,)]


DEFERRED = "references archives (id) deferrable initially deferred default 99"
RULES = {
    "trigger": (
        "create trigger t before update on risk_classifications when old.id = 3"
        " begin select raise({}, 'closed for the audit'); end",
        "closed for the audit",
    ),
    "check": ("alter table drift_metrics add column c check (agreements < 40)", "CHECK constraint failed"),
    "foreign key": ("alter table drift_metrics add column c " + DEFERRED, "FOREIGN KEY constraint failed"),
}


@pytest.mark.parametrize(
    ("rule", "raised"),
    [("trigger", "abort"), ("trigger", "fail"), ("trigger", "rollback"), ("check", ""), ("foreign key", "")],
)
def test_a_change_that_breaks_the_applications_rules_is_undone(tmp_path: Path, rule: str, raised: str) -> None:
    """The error has the reason, even one found only at the commit."""
    statement, reason = RULES[rule]
    path = make(tmp_path / "a.db")
    execute(path, statement.format(raised))
    before = tables(path)
    with pytest.raises(StoreError) as refused:
        write_back(opened(path), written(1, 2, 3))
    assert str(refused.value).startswith(f"{path}: does not accept what --drift-write-back writes ({reason}")
    assert tables(path) == before


def test_a_trigger_that_drops_the_row_undoes_the_change(tmp_path: Path) -> None:
    """Nothing would show that the run was written."""
    path = make(tmp_path / "a.db")
    execute(path, "create trigger t before insert on drift_metrics begin select raise(ignore); end")
    before = tables(path)
    with pytest.raises(StoreError, match="a trigger keeps the row of this run out of drift_metrics"):
        write_back(opened(path), written(1))
    assert tables(path) == before


@pytest.mark.parametrize(
    ("existing", "mark"),
    [
        ("1764201600000", "1768442400000"),
        ("Thu, 27 Nov 2025 00:00:00 GMT", "Thu, 15 Jan 2026 02:00:00 GMT"),
        ("2025-11-27 00:00:00", "2026-01-15 02:00:00"),
        (None, "2026-01-15T02:00:00+00:00"),
    ],
)
def test_a_record_is_marked_in_the_form_of_its_column(tmp_path: Path, existing: object, mark: object) -> None:
    """ISO 8601 if it holds no instant yet."""
    path = make(tmp_path / "a.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("update risk_classifications set last_reviewed_at = ?", (existing,))
    assert write_back(opened(path), written(1, moment=datetime(2026, 1, 15, 2, tzinfo=UTC)))
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("select last_reviewed_at from risk_classifications where id = 1").fetchone()
    assert found == (mark,)


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("rows", [0, 2])
def test_times_are_written_as_the_application_compares_them(tmp_path: Path, rows: int) -> None:
    """As text: naive local times among others, or, in an empty table, as the records have them."""
    path = make(tmp_path / "a.db", metrics=METRICS.replace("not null default current_timestamp", ""))
    execute(
        path,
        "delete from drift_metrics",
        "alter table risk_classifications add column timestamp text",
        "update risk_classifications set timestamp = '2026-01-01T02:00:00.123456'",
        *["insert into drift_metrics values (null, 9, 9, 0, 1.0, 0.0, '2026-01-14T02:00:00.500000', '14.1.')"] * rows,
    )
    moment = datetime(2026, 1, 15, 1, tzinfo=UTC)
    run = replace(written(1, moment=moment), naive=BERLIN)
    assert write_back(opened(path), run)
    assert not write_back(opened(path), run)
    stamp = "2026-01-15T02:00:00.000000"
    *_, (*_, timestamp, created_at) = tables(path)["drift_metrics"]
    assert (timestamp, created_at, len(tables(path)["drift_metrics"])) == (stamp, stamp, rows + 1)
    assert tables(path)["risk_classifications"][0][3] == stamp


def test_a_record_with_a_binary_id_is_marked(tmp_path: Path) -> None:
    """By its hexadecimal digits; without other marks, in the form of the timestamps."""
    path = make(tmp_path / "a.db")
    execute(path, "drop table risk_classifications")
    execute(
        path,
        "create table risk_classifications (id blob primary key, text, category, timestamp, last_reviewed_at,"
        " review_count)",
    )
    execute(path, "insert into risk_classifications values (x'07ff', 't', 'c', 1764201600, null, null)")
    assert write_back(opened(path), written("07ff", moment=datetime(2026, 1, 15, 2, tzinfo=UTC)))
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("select last_reviewed_at, review_count from risk_classifications").fetchall()
    assert found == [(1768442400, 1)]
