"""A finished run is written back to the application's store whole or not at all, and nothing else of it changes."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.errors import StoreError
from drift_checks.records import RecordId
from drift_checks.stores.write_back import WrittenBack, refuse_unwritable, write_back
from tests.support.folders import contents
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.tables import opened

MOMENT = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
STAMP = "2026-01-15T02:00:00+00:00"
RECORDS = (
    "create table risk_classifications (id integer primary key autoincrement, text text not null,"
    " category text not null, last_reviewed_at text, review_count integer default 0)"
)
METRICS = (
    "create table drift_metrics (id integer primary key autoincrement, total_reviewed integer not null,"
    " agreements integer not null, disagreements integer not null, agreement_rate real not null,"
    " avg_confidence_change real not null, timestamp text not null,"
    " created_at text not null default current_timestamp)"
)
AROUND = (
    "create index by_review on risk_classifications (last_reviewed_at)",
    "create table archives (id integer primary key, of integer references risk_classifications (id), body blob)",
    "insert into archives values (1, 1, x'00ff')",
    "insert into drift_metrics values (7, 9, 9, 0, 1.0, 0.0, '2026-01-14T02:00:00+00:00', '2026-01-14')",
)
Tables = dict[str, list[tuple[Any, ...]]]


def execute(path: Path, *statements: str) -> None:
    """Change the file as the application would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def make(
    path: Path,
    rows: Iterable[tuple[object, ...]] = ((1, None), (2, 0), (3, 4)),
    journal: str = "delete",
    records: str = RECORDS,
    metrics: str = METRICS,
    text: str = "text",
) -> Path:
    """Make a store of these (id, review_count) and return its path; its last record is nobody's to review."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"pragma journal_mode = {journal}")
        for statement in (records, metrics, *AROUND):
            connection.execute(statement)
        insert = "insert into risk_classifications values (?, ?, 'other', null, ?)"
        connection.executemany(insert, [(key, text, count) for key, count in rows])
    return path


def tables(path: Path) -> Tables:
    """Return all rows of all tables, that of the schema among them."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'")]
        return {
            name: connection.execute('select * from "{}" order by 1'.format(name.replace('"', '""'))).fetchall()
            for name in ["sqlite_schema", *names]
        }


def written(*ids: RecordId, moment: datetime = MOMENT, change: float | None = 0.02) -> WrittenBack:
    """Return a run on these records with 47 of 50 agreements."""
    return WrittenBack(ids, 50, 47, 0.94, change, moment)


def expected(before: Tables, *ids: RecordId, table: str = "risk_classifications") -> Tables:
    """Return the tables with the marks of one run on these records, and without its row."""
    marked = [(*row[:3], STAMP, int(str(row[4] or 0)) + 1) if row[0] in ids else row for row in before[table]]
    return {**before, table: marked}


def without_row(after: Tables) -> Tables:
    """Return the tables without the newest row of the metrics, and without the counter of its ids."""
    return {**after, "drift_metrics": after["drift_metrics"][:-1], "sqlite_sequence": []}


@pytest.mark.parametrize("journal", ["delete", "truncate", "persist", "wal"])
def test_a_run_adds_its_row_and_marks_its_records_and_nothing_else(tmp_path: Path, journal: str) -> None:
    """Under each journal mode, which stays."""
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
    """However often it names one; a missing count is 0, a record that has vanished is left out."""
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
    """More than a statement takes, each of them once though it is named twice."""
    path = make(tmp_path / "a.db", [(key, 1) for key in range(1, 5003)])
    before = tables(path)
    ids = range(1, 5001)
    assert write_back(opened(path), written(*ids, *ids))
    assert without_row(tables(path)) == {**expected(before, *ids), "sqlite_sequence": []}


def test_ids_may_be_text(tmp_path: Path) -> None:
    """Those that look like numbers too."""
    path = make(tmp_path / "a.db", [("007", 0), ("7", 0), ("it's", 2)], records=RECORDS.replace(INTEGER_KEY, "id text"))
    before = tables(path)
    assert write_back(opened(path), written("007", "it's", "gone"))
    assert without_row(tables(path)) == {**expected(before, "007", "it's"), "sqlite_sequence": []}


INTEGER_KEY = "id integer primary key autoincrement"


def test_table_and_columns_may_have_other_names(tmp_path: Path) -> None:
    """Names that need quotes too."""
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
def test_a_change_that_was_not_measured_is_null_where_the_store_takes_it(
    tmp_path: Path, declared: str, kept: float | None
) -> None:
    """Else 0."""
    metrics = METRICS.replace("avg_confidence_change real not null", f"Avg_Confidence_Change {declared}")
    path = make(tmp_path / "a.db", metrics=metrics)
    assert write_back(opened(path), written(1, change=None))
    assert tables(path)["drift_metrics"][-1][5] == kept


def test_the_same_run_is_written_once(tmp_path: Path) -> None:
    """A run taken up again finds its row, in whatever zone its moment is told, and leaves every byte."""
    path = make(tmp_path / "a.db")
    assert write_back(opened(path), written(1))
    before = contents(tmp_path)
    again = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert not write_back(opened(path), written(1, 2, moment=again))
    assert contents(tmp_path) == before


def test_a_moment_without_a_zone_is_refused() -> None:
    """It would name another instant on each machine."""
    with pytest.raises(ValueError, match="has no zone"):
        written(1, moment=datetime(2026, 1, 15))


def test_a_live_wal_keeps_what_the_application_wrote(tmp_path: Path) -> None:
    """It sees ours without opening the file again."""
    path = make(tmp_path / "a.db", journal="wal")
    with closing(sqlite3.connect(path)) as application:
        application.execute("insert into archives values (2, 2, 'late')")
        application.commit()
        assert write_back(opened(path), written(2))
        assert application.execute("select review_count from risk_classifications where id = 2").fetchone() == (1,)
        assert application.execute("select count(*) from archives").fetchone() == (2,)
        assert path.with_name("a.db-wal").exists()


CONSTANT_WRITER = """
import sqlite3, threading
stop, added = threading.Event(), [0]
connection = sqlite3.connect({path!r}, timeout=30, check_same_thread=False)
def work():
    while not stop.is_set():
        connection.execute("insert into archives (body) values (?)", (b"x" * 500,))
        connection.execute("update risk_classifications set text = text || '.' where id = 1")
        connection.commit()
        added[0] += 1
thread = threading.Thread(target=work)
thread.start()
"""


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_the_application_may_write_all_the_time(tmp_path: Path, journal: str) -> None:
    """Neither loses a change, and neither is turned away."""
    path = make(tmp_path / "a.db", journal=journal)
    store = opened(path)
    with OtherProcess() as application:
        application.run(CONSTANT_WRITER.format(path=str(path)))
        for number in range(5):
            assert write_back(store, written(1, 2, moment=MOMENT + timedelta(days=number)))
        added = int(str(application.run("stop.set(); thread.join(); answer = added[0]")))
        application.run("connection.close()")
    after = tables(path)
    assert added > 0
    assert len(after["archives"]) == added + 1
    assert after["risk_classifications"][0][1] == "text" + "." * added
    assert [row[4] for row in after["risk_classifications"]] == [5, 5, 4]
    assert len(after["drift_metrics"]) == 6


WRITE_BACK = """
from datetime import datetime, timedelta
from pathlib import Path
from drift_checks.stores.write_back import WrittenBack, write_back
from tests.support.tables import opened
store = opened(Path({path!r}))
def write(ids, days):
    moment = datetime.fromisoformat({stamp!r}) + timedelta(days=days)
    return write_back(store, WrittenBack(tuple(ids), 50, 47, 0.94, 0.02, moment))
"""


def writer(path: Path) -> OtherProcess:
    """Return a process that has `write(ids, days)` ready."""
    process = OtherProcess()
    process.run(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})")
    process.run(WRITE_BACK.format(path=str(path), stamp=STAMP))
    return process


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_of_two_at_once_for_one_run_one_writes(tmp_path: Path, journal: str) -> None:
    """The other waits and finds the row."""
    path = make(tmp_path / "a.db", journal=journal)
    with writer(path) as first, writer(path) as second, ThreadPoolExecutor(2) as threads:
        for days in range(10):
            told = threads.map(lambda process, days=days: process.run(f"answer = write([1], {days})"), [first, second])
            assert sorted(map(bool, told)) == [False, True]
    assert tables(path)["risk_classifications"][0][4] == 10


def is_locked(path: Path) -> bool:
    """Whether somebody is writing."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        return False


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_kill_in_the_middle_leaves_nothing(tmp_path: Path, journal: str) -> None:
    """Though part of it had reached the disk; the run taken up again writes it all."""
    ids = range(1, 1501)
    path = make(tmp_path / "a.db", [(key, 0) for key in ids], journal, text="x" * 3000)
    # The application's own trigger makes each record take its time.
    slow = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) select max(i) from n"
    execute(path, f"create trigger slow after update on risk_classifications begin {slow}; end")
    before = tables(path)
    with writer(path) as process, ThreadPoolExecutor(1) as threads:
        broken = threads.submit(process.run, f"write(range(1, {len(ids) + 1}), 0)")
        wait_for(lambda: is_locked(path))
        wait_for(lambda: reached_the_disk(path, journal))
        os.kill(process.pid, 9)
        with pytest.raises(AssertionError, match="the process died"):
            broken.result()
    assert path.with_name("a.db" + JOURNALS[journal]).stat().st_size
    assert tables(path) == before
    execute(path, "drop trigger slow")
    assert write_back(opened(path), written(*ids))
    assert tables(path)["risk_classifications"] == expected(before, *ids)["risk_classifications"]


JOURNALS = {"delete": "-journal", "wal": "-wal"}


def reached_the_disk(path: Path, journal: str) -> bool:
    """Whether pages of an unfinished transaction overflowed from memory into the journal or the file."""
    beside = path.with_name("a.db" + JOURNALS[journal])
    return beside.exists() and beside.stat().st_size > 1_500_000


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.005, 0.01, 0.02, 0.05])
def test_a_kill_at_any_time_leaves_all_or_nothing(tmp_path: Path, delay: float) -> None:
    """Whether before, amid or after."""
    ids = range(1, 301)
    path = make(tmp_path / "a.db", [(key, 0) for key in ids])
    before = tables(path)
    with writer(path) as process, ThreadPoolExecutor(1) as threads:
        threads.submit(process.run, f"write(range(1, {len(ids) + 1}), 0)")
        time.sleep(delay)
        os.kill(process.pid, 9)
    after = tables(path)
    if len(after["drift_metrics"]) == len(before["drift_metrics"]):
        assert after == before
    else:
        assert without_row(after) == {**expected(before, *ids), "sqlite_sequence": []}


@pytest.mark.parametrize("statement", ["begin immediate", "begin exclusive", "select * from archives"])
def test_a_file_that_stays_locked_is_told_of(tmp_path: Path, statement: str) -> None:
    """With how long was waited, and the remedy; a reader who never ends keeps the commit from being made."""
    path = make(tmp_path / "a.db")
    store, before = opened(path), tables(path)
    with closing(sqlite3.connect(path)) as application:
        reading = application.execute(statement)
        with pytest.raises(StoreError) as refused:
            write_back(store, written(1), busy_seconds=0.1)
        reading.close()
    assert str(refused.value) == (
        f"{path}: is locked by another program, which did not let go within 0.1 s, so nothing of this run was written"
        " back; run the review again when it has finished writing."
    )
    assert tables(path) == before


@pytest.mark.parametrize("statement", ["begin exclusive", "select * from archives"])
def test_a_locked_file_is_waited_for(tmp_path: Path, statement: str) -> None:
    """A writer lets us begin in a moment, a reader lets us commit."""
    path = make(tmp_path / "a.db")
    store = opened(path)
    with OtherProcess() as application:
        application.run(
            f"""
import sqlite3, threading
connection = sqlite3.connect({str(path)!r}, check_same_thread=False)
held = connection.execute({statement!r})
threading.Timer(0.5, lambda: (held.close(), connection.close())).start()
"""
        )
        assert write_back(store, written(1))


@pytest.mark.parametrize("name", ["a b%#?ü&mode=ro;.db", "a%20b.db"])
def test_a_path_may_hold_any_character(tmp_path: Path, name: str) -> None:
    """In the name of the file."""
    path = make(tmp_path / name)
    assert write_back(opened(path), written(1))
    assert len(tables(path)["drift_metrics"]) == 2
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_file_that_has_gone_is_not_made_anew(tmp_path: Path) -> None:
    """An empty one in its place would hide the loss."""
    path = make(tmp_path / "a.db")
    store = opened(path)
    path.unlink()
    with pytest.raises(StoreError, match=r"a\.db: cannot be written to \(unable to open database file\)"):
        write_back(store, written(1))
    assert not path.exists()


def test_triggers_of_the_application_run(tmp_path: Path) -> None:
    """As for a change of its own."""
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


@pytest.mark.parametrize("raised", ["abort", "fail", "rollback"])
@pytest.mark.parametrize("rule", RULES)
def test_rules_of_the_application_undo_all(tmp_path: Path, rule: str, raised: str) -> None:
    """The reason is told; one found only at the commit counts as well."""
    statement, reason = RULES[rule]
    path = make(tmp_path / "a.db")
    execute(path, statement.format(raised))
    before = tables(path)
    with pytest.raises(StoreError) as refused:
        write_back(opened(path), written(1, 2, 3))
    assert str(refused.value).startswith(f"{path}: does not take what --drift-write-back writes ({reason}")
    assert tables(path) == before


def test_a_trigger_that_drops_the_row_undoes_all(tmp_path: Path) -> None:
    """Without the row nobody could tell that the run was written."""
    path = make(tmp_path / "a.db")
    execute(path, "create trigger t before insert on drift_metrics begin select raise(ignore); end")
    before = tables(path)
    with pytest.raises(StoreError, match="a trigger keeps the row of this run out of drift_metrics"):
        write_back(opened(path), written(1))
    assert tables(path) == before


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_looking_whether_a_store_can_be_written_writes_nothing(tmp_path: Path, journal: str) -> None:
    """Not a byte, and no file is left beside it."""
    path = make(tmp_path / "a.db", journal=journal)
    before = contents(tmp_path)
    refuse_unwritable(opened(path))
    assert contents(tmp_path) == before


def test_a_store_that_somebody_writes_to_can_be_looked_at(tmp_path: Path) -> None:
    """No lock for writing is asked for."""
    path = make(tmp_path / "a.db")
    with OtherProcess() as application:
        application.run(f"import sqlite3; sqlite3.connect({str(path)!r}).execute('begin immediate')")
        refuse_unwritable(opened(path))


UNFIT = {
    "no metrics": (
        ["drop table drift_metrics"],
        "has no table 'drift_metrics', to which --drift-write-back adds a row; create it with the columns"
        " total_reviewed, agreements, disagreements, agreement_rate, avg_confidence_change, timestamp",
    ),
    "metrics are a view": (
        ["drop table drift_metrics", "create view Drift_Metrics as select 1 as total_reviewed"],
        "has no table 'drift_metrics', to which",
    ),
    "columns of metrics": (
        [f"alter table drift_metrics drop column {name}" for name in ("agreements", "timestamp")],
        "table 'drift_metrics' has no columns 'agreements', 'timestamp', which --drift-write-back fills; add it",
    ),
    "column that must be given": (
        [
            "drop table drift_metrics",
            METRICS.replace("created_at text not null default current_timestamp", "who not null"),
        ],
        "table 'drift_metrics' demands a value for column 'who', which --drift-write-back does not know; give it a",
    ),
    "no marks": (
        ["alter table risk_classifications drop column review_count"],
        "table 'risk_classifications' has no column 'review_count', which --drift-write-back updates; name the column"
        " with --drift-columns review_count=NAME, add it to the table",
    ),
    "view": (
        [
            "alter table risk_classifications rename to kept",
            "create view risk_classifications as select * from kept",
        ],
        "'risk_classifications' is a view, whose rows cannot be marked reviewed; name the table with --drift-table",
    ),
    "trigger that cannot run": (
        ["create trigger t after insert on drift_metrics begin select stir(new.id); end"],
        "does not take what --drift-write-back writes (no such function: stir); change the table or its triggers",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_store_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, what: str) -> None:
    """With what is wrong and the remedies, before anything is paid for."""
    statements, sentence = UNFIT[what]
    path = make(tmp_path / "a.db")
    execute(path, *statements)
    before = contents(tmp_path)
    with pytest.raises(StoreError) as refused:
        refuse_unwritable(opened(path))
    assert str(refused.value).startswith(f"{path}: {sentence}")
    assert str(refused.value).endswith(", or run without --drift-write-back.")
    assert contents(tmp_path) == before


CHECK = """
import sys
from pathlib import Path
from drift_checks.errors import DriftError
from drift_checks.stores.write_back import refuse_unwritable
from tests.support.tables import opened
try:
    refuse_unwritable(opened(Path(sys.argv[1])))
    print("fit")
except DriftError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        ("a.db", 0o644, "fit"),
        ("a.db", 0o444, "{}/a.db: may not be written to, as --drift-write-back asks; give this user the right"),
        ("a.db-wal", 0o444, "{}/a.db-wal: may not be written to, as --drift-write-back asks"),
        (".", 0o555, "{}: may not be written to, and --drift-write-back needs a journal of SQLite's beside a.db;"),
    ],
)
def test_rights_that_are_missing_are_told_of_beforehand(tmp_path: Path, name: str, mode: int, told: str) -> None:
    """Of the file, of its WAL or of the folder; a link to the file changes nothing."""
    folder = tmp_path / "store"
    folder.mkdir()
    make(folder / "a.db", journal="wal")
    (folder / "a.db-wal").touch()
    (tmp_path / "link.db").symlink_to(folder / "a.db")
    (folder / name).chmod(mode)
    try:
        said = run_unprivileged(CHECK, tmp_path / "link.db")
    finally:
        folder.chmod(0o755)
    assert said.startswith(told.format(folder))
