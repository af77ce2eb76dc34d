"""`--drift-write-back`: what a review writes to the application's store, and when it writes nothing."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.ended_runs import Ended
from tests.support.folders import contents
from tests.support.session_runs import SMALL
from tests.support.stores import NAME, BuiltStore, records_alone
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

WRITE_BACK = "--drift-write-back"
METRICS = """
create table drift_metrics (
    id integer primary key autoincrement, total_reviewed integer not null, agreements integer not null,
    disagreements integer not null, agreement_rate real not null, avg_confidence_change real,
    timestamp text not null, created_at text not null default current_timestamp
)
"""
COUNTING = """
import pathlib, re

def agreeing(text):
    with pathlib.Path("calls").open("a") as file:
        file.write("x")
    return re.search("financial|regulatory|operational", text)[0], 0.8
"""
OWN = ("--drift-reviewer=mine:agreeing", "--drift-stability=0")
# Fewer than a verdict needs.
FEW_CALLS = "--drift-max-calls=10"


@pytest.fixture
def application(doubtful: BuiltStore, tmp_path: Path) -> BuiltStore:
    """A store with its own table of metrics, and a classifier in the folder of the commands."""
    doubtful.execute(METRICS)
    doubtful.execute(
        "insert into drift_metrics (total_reviewed, agreements, disagreements, agreement_rate, timestamp)"
        " values (50, 49, 1, 0.98, '2026-01-01T00:00:00+00:00')"
    )
    doubtful.execute("create table other (id integer primary key, note text)")
    doubtful.execute("insert into other (note) values ('mine')")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.py").write_text(COUNTING, encoding="utf-8")
    return doubtful


@pytest.fixture
def folder(application: BuiltStore, tmp_path: Path) -> Path:
    """The folder in which commands are given."""
    return tmp_path / "run"


def dump(store: BuiltStore) -> dict[str, list[tuple[object, ...]]]:
    """Return the contents and the schema of a store, by table."""
    with closing(sqlite3.connect(store.db)) as connection:
        master = connection.execute("select type, name, sql from sqlite_master order by name").fetchall()
        tables = [name for kind, name, _ in master if kind == "table"]
        found = {name: connection.execute(f'select * from "{name}" order by 1').fetchall() for name in tables}
    return {**found, "schema": master}


def reviewed(store: BuiltStore) -> dict[int, tuple[str | None, int]]:
    """Return when each record was last reviewed, and how often."""
    with closing(sqlite3.connect(store.db)) as connection:
        rows = connection.execute(f"select id, last_reviewed_at, review_count from {NAME}").fetchall()
    return {key: (moment, count) for key, moment, count in rows}


def marked(store: BuiltStore) -> set[int]:
    """Return the ids of the records that were marked as reviewed."""
    return {key for key, (_, count) in reviewed(store).items() if count}


def added(store: BuiltStore) -> list[tuple[object, ...]]:
    """Return the rows that were added to the metrics."""
    return dump(store)["drift_metrics"][1:]


def calls(folder: Path) -> int:
    """Return the number of calls of the classifier."""
    return len((folder / "calls").read_text(encoding="utf-8")) if (folder / "calls").exists() else 0


def test_nothing_is_written_without_the_setting(folder: Path, application: BuiltStore) -> None:
    """Though the tables for it exist."""
    before = contents(application.folder)
    run_here(folder, *application.options, *LOW_CONFIDENCE)
    assert contents(application.folder) == before


def test_row_has_the_figures_of_the_report(folder: Path, application: BuiltStore) -> None:
    """One row: reviews, agreements, disagreements and the rate."""
    found = run_here(folder, *application.options, *LOW_CONFIDENCE, *OWN, WRITE_BACK)
    agreement = found.drift["agreement"]
    ((_, total, agreed, disagreed, rate, change, moment, _),) = added(application)
    assert (total, agreed, disagreed, rate) == (30, agreement["agreed"], 30 - agreement["agreed"], agreement["rate"])
    assert (change, str(moment)[:19]) == (pytest.approx(agreement["confidence_change"]), found.drift["started"][:19])


def test_reviewed_records_are_marked(folder: Path, application: BuiltStore) -> None:
    """Once each, and no others."""
    found = run_here(folder, *application.options, *SMALL, WRITE_BACK)
    assert marked(application) == set(found.record_ids)
    assert {count for _, count in reviewed(application).values()} == {0, 1}
    moments = {moment for moment, _ in reviewed(application).values() if moment is not None}
    assert {moment[:19] for moment in moments} == {found.drift["started"][:19]}


def test_nothing_else_is_written(folder: Path, application: BuiltStore) -> None:
    """Neither to the SQLite file nor to Chroma."""
    before, files = dump(application), contents(application.folder)
    found = run_here(folder, *application.options, *SMALL, WRITE_BACK)
    after = dump(application)
    expected = dict(before)
    expected["drift_metrics"] = [*before["drift_metrics"], *after["drift_metrics"][1:]]
    expected["sqlite_sequence"] = after["sqlite_sequence"]
    names = column_names(application)
    moment, count = names.index("last_reviewed_at"), names.index("review_count")
    expected[NAME] = [blank(row, {moment, count}) if row[0] in set(found.record_ids) else row for row in before[NAME]]
    after[NAME] = [blank(row, {moment, count}) if row[0] in set(found.record_ids) else row for row in after[NAME]]
    assert after == expected
    changed = {name for name, digest in contents(application.folder).items() if files.get(name) != digest}
    assert changed == {application.db.name}


def column_names(store: BuiltStore) -> list[str]:
    """Return the names of the columns of the records."""
    with closing(sqlite3.connect(store.db)) as connection:
        return [row[1] for row in connection.execute(f"pragma table_info({NAME})")]


def blank(row: tuple[object, ...], places: set[int]) -> tuple[object, ...]:
    """Return a row without the values at these positions."""
    return tuple(None if place in places else value for place, value in enumerate(row))


def test_record_that_was_not_reviewed_is_not_marked(folder: Path, application: BuiltStore) -> None:
    """A failed review is not counted either."""
    application.execute(f"update {NAME} set text = 'without any' where id = 8")
    found = run_here(folder, *application.options, *LOW_CONFIDENCE, *OWN, WRITE_BACK)
    assert marked(application) == set(found.record_ids) - {8}
    assert added(application)[0][1] == 29


def test_each_run_adds_a_row(folder: Path, application: BuiltStore) -> None:
    """It increments the counts of its records."""
    for moment in ("2026-01-15T02:00:00Z", "2026-01-16T02:00:00Z"):
        run_here(folder, *application.options, *LOW_CONFIDENCE, WRITE_BACK, f"--drift-as-of={moment}")
        # Runs are identified by the second in which they started; no real one is shorter.
        time.sleep(1)
    assert (len(added(application)), {count for _, count in reviewed(application).values()}) == (2, {0, 2})


def test_everything_is_written_or_nothing(folder: Path, application: BuiltStore) -> None:
    """If the store refuses a part, it is unchanged; the run reports why, and CRITICAL remains CRITICAL."""
    refuse = f"before update on {NAME} when new.id = 60 begin select raise(abort, 'refused here'); end"
    application.execute(f"create trigger refuse {refuse}")
    before = dump(application)
    found = run_here(folder, *application.options, *LOW_CONFIDENCE, WRITE_BACK)
    assert dump(application) == before
    assert (found.drift["verdict"], "CRITICAL ·" in found.out, "refused here" in found.text) == ("CRITICAL", True, True)
    assert (found.exit_code, "Traceback" in found.text) == (1, False)


@pytest.mark.parametrize("part", [("-k", "test_agreement.py"), ("--drift-records=4,1",)], ids=str)
def test_partial_run_writes_nothing_back(folder: Path, application: BuiltStore, part: tuple[str, ...]) -> None:
    """The store is unchanged."""
    before = contents(application.folder)
    found = run_here(folder, *application.options, *LOW_CONFIDENCE, WRITE_BACK, *part)
    assert (len(found.written), contents(application.folder)) == (1, before)


def test_inconclusive_run_writes_nothing_back(folder: Path, application: BuiltStore) -> None:
    """The store is unchanged."""
    before = contents(application.folder)
    found = run_here(folder, *application.options, *LOW_CONFIDENCE, *OWN, FEW_CALLS, WRITE_BACK)
    assert (found.exit_code, contents(application.folder)) == (75, before)


def test_unsuitable_store_is_refused(folder: Path, application: BuiltStore) -> None:
    """Before a record is reviewed, with what is missing and the remedy: 4."""
    application.execute("drop table drift_metrics")
    before = contents(application.folder)
    found = run_here(folder, *application.options, *SMALL, *OWN, WRITE_BACK)
    said = [line for line in found.refusal.splitlines() if "drift_metrics" in line and "write-back" in line]
    assert (found.exit_code, calls(folder), len(said)) == (4, 0, 1)
    assert (found.written, contents(application.folder)) == ([], before)


def test_demo_is_refused(folder: Path) -> None:
    """No application uses the demo store."""
    found = run_here(folder, "--drift-demo", WRITE_BACK)
    assert (found.exit_code, found.written, "write-back" in found.refusal) == (4, [], True)


def test_resumed_run_is_written_once(folder: Path, application: BuiltStore) -> None:
    """With a larger budget, it adds one row and counts each record once."""
    first = run_here(folder, *application.options, *LOW_CONFIDENCE, *OWN, FEW_CALLS, WRITE_BACK)
    found = run_here(folder, *application.options, *LOW_CONFIDENCE, *OWN, WRITE_BACK, "--drift-resume")
    assert (first.exit_code, calls(folder)) == (75, 30)
    assert (found.exit_code, len(added(application))) == (0, 1)
    assert {count for _, count in reviewed(application).values()} == {0, 1}


@pytest.mark.slow
def test_run_killed_at_its_end_is_written_once(folder: Path, application: BuiltStore) -> None:
    """If it is killed before, during or after it writes, and resumed."""
    options = records_alone(application)
    sound = application.db.read_bytes()
    with Ended(folder) as ended:
        for at in (1, 16, 24, 34):
            shutil.rmtree(folder / "reports", ignore_errors=True)
            application.db.write_bytes(sound)
            code = ended.run(*options, "--drift-chroma=none", *LOW_CONFIDENCE, WRITE_BACK, at=at, later=0.001)
            if code < 0:
                code = ended.run(*options, *LOW_CONFIDENCE, WRITE_BACK, "--drift-resume")
            assert (code in {1, 4}, len(added(application))) == (True, 1), ended.output
            assert {count for _, count in reviewed(application).values()} == {0, 1}


@pytest.mark.slow
def test_parallel_run_is_written_once(folder: Path, application: BuiltStore) -> None:
    """Two workers add one row."""
    found = run_here(folder, *application.options, *SMALL, WRITE_BACK, "-n", "2")
    assert (found.exit_code, len(added(application))) == (0, 1)
    assert marked(application) == set(found.record_ids)
