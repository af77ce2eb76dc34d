"""Obstacles to writing a run back: other programs, kills, locks, unsuitable stores and missing permissions."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from drift_checks.core.errors import StoreError
from drift_checks.stores.write_back import write_back_to_file
from drift_checks.stores.writing import refuse_unwritable, write_back
from tests.support.folders import contents
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.tables import opened
from tests.support.written_back import METRICS, MOMENT, STAMP, execute, expected, make, tables, without_row, written

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
    """Neither loses a change or fails."""
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
    """Return a process in which `write(ids, days)` is defined."""
    process = OtherProcess()
    process.run(f"import sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})")
    process.run(WRITE_BACK.format(path=str(path), stamp=STAMP))
    return process


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_only_one_of_two_writers_of_the_same_run_writes(tmp_path: Path, journal: str) -> None:
    """The other waits and finds the row."""
    path = make(tmp_path / "a.db", journal=journal)
    with writer(path) as first, writer(path) as second, ThreadPoolExecutor(2) as threads:
        for days in range(10):
            told = threads.map(lambda process, days=days: process.run(f"answer = write([1], {days})"), [first, second])
            assert sorted(map(bool, told)) == [False, True]
    assert tables(path)["risk_classifications"][0][4] == 10


def is_locked(path: Path) -> bool:
    """Return whether another connection is writing."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        return False


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_kill_in_the_middle_leaves_nothing(tmp_path: Path, journal: str) -> None:
    """Though a part had reached the disk; a resumed run writes all of it."""
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
    """Return whether pages of an unfinished transaction have reached the journal or the file."""
    beside = path.with_name("a.db" + JOURNALS[journal])
    return beside.exists() and beside.stat().st_size > 1_500_000


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.01, 0.05])
def test_a_kill_at_any_time_leaves_all_or_nothing(tmp_path: Path, delay: float) -> None:
    """Before, during or after the transaction."""
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
def test_a_file_that_stays_locked_is_reported(tmp_path: Path, statement: str) -> None:
    """With the time waited, and the remedy; even a reader prevents the commit."""
    path = make(tmp_path / "a.db")
    store, before = opened(path), tables(path)
    with closing(sqlite3.connect(path)) as application:
        reading = application.execute(statement)
        with pytest.raises(StoreError) as refused:
            write_back_to_file(store, written(1), busy_seconds=0.1)
        reading.close()
    assert str(refused.value) == (
        f"{path}: was locked by another program for 0.1 s, so nothing of this run was written back; run the review"
        " again when that has finished writing."
    )
    assert tables(path) == before


@pytest.mark.parametrize("statement", ["begin exclusive", "select * from archives"])
def test_a_locked_file_is_waited_for(tmp_path: Path, statement: str) -> None:
    """For a writer at the beginning, for a reader at the commit."""
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


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_checking_a_store_beforehand_writes_nothing(tmp_path: Path, journal: str) -> None:
    """Not a byte, and no file beside it; nor does it need the write lock."""
    path = make(tmp_path / "a.db", journal=journal)
    before = contents(tmp_path)
    refuse_unwritable(opened(path))
    assert contents(tmp_path) == before
    with closing(sqlite3.connect(path, isolation_level=None)) as application:
        application.execute("begin immediate")
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
        "table 'drift_metrics' requires a value for column 'who', which --drift-write-back does not know; give it a",
    ),
    "no marks": (
        ["alter table risk_classifications drop column review_count"],
        "table 'risk_classifications' has no column 'review_count', which --drift-write-back updates; name the column"
        " with --drift-columns=review_count=NAME, add it to the table",
    ),
    "view": (
        ["alter table risk_classifications rename to kept", "create view risk_classifications as select * from kept"],
        "'risk_classifications' is a view, whose rows cannot be marked as reviewed; name the table with --drift-table",
    ),
    "trigger that cannot run": (
        ["create trigger t after insert on drift_metrics begin select stir(new.id); end"],
        "does not accept what --drift-write-back writes (no such function: stir); change the table or its triggers",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_a_store_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, what: str) -> None:
    """With the problem and the remedies, before anything is paid for."""
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
from drift_checks.core.errors import DriftError
from drift_checks.stores.write_back import refuse_unwritable
from tests.support.tables import opened
try:
    refuse_unwritable(opened(Path(sys.argv[1])))
    print("fit")
except DriftError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("a.db", 0o644, "fit"),
        ("a.db", 0o444, "{}/a.db: is not writable; give this user write permission"),
        ("a.db-wal", 0o444, "{}/a.db-wal: is not writable"),
        (".", 0o555, "{}: is not writable, and SQLite needs to create a journal beside a.db;"),
    ],
)
def test_missing_write_permissions_are_reported_beforehand(tmp_path: Path, name: str, mode: int, expected: str) -> None:
    """For the file, its WAL or the folder, even through a link."""
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
    assert said.startswith(expected.format(folder))
