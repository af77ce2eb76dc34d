"""Stores that cannot be reviewed are reported in one sentence; damaged rows only fail their criterion."""

from __future__ import annotations

import fcntl
import re
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_damage import columns_option, other_schema
from tests.support.session_runs import SMALL, Review, Run
from tests.support.stores import NAME, BuiltStore

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("content", [None, b"just a text file, longer than a header"])
def test_no_database(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, content: bytes | None) -> None:
    """A missing, empty or other file is refused."""
    store.db.unlink()
    if content is not None:
        store.db.write_bytes(content)
    assert review(*store.options).refusal == snapshot


def test_folder_is_no_database(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A folder in place of the SQLite file is refused."""
    assert review(*store.options, f"--drift-db={store.folder}").refusal == snapshot


def test_damaged_database(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A truncated SQLite file is reported as damaged."""
    store.db.write_bytes(store.db.read_bytes()[:5000])
    assert review(*store.options).refusal == snapshot


def test_no_such_table(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A missing table is reported with the existing ones and the nearest."""
    store.execute(f"alter table {NAME} rename to risk_classification")
    assert review(*store.options).refusal == snapshot


def test_no_such_column(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A missing required column is reported with the existing ones and the nearest."""
    store.execute(f"alter table {NAME} rename column category to categories")
    assert review(*store.options).refusal == snapshot


def test_empty_table(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """There is nothing to review in an empty table: 5."""
    store.execute(f"delete from {NAME}")
    assert review(*store.options).refusal == snapshot


def test_no_candidates(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """There is nothing to review in a store without old records and low confidence: 5."""
    assert review(*store.options, "--drift-old-days=4000", "--drift-low-confidence-below=0.1").refusal == snapshot


def test_locked_database(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that another program has locked is reported."""
    monkeypatch.setattr("drift_checks.stores.sqlite.SqliteFile.__init__.__defaults__", (0.1,))
    with closing(sqlite3.connect(store.db, isolation_level=None)) as other:
        other.execute("begin exclusive")
        refused = review(*store.options)
    assert (refused.exit_code, "was locked by another program" in refused.refusal) == (4, True)


@pytest.mark.parametrize("kind", ["missing", "a file", "empty", "no chroma", "no database", "cut short"])
def test_no_chroma(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, kind: str) -> None:
    """What is not a Chroma directory, or is a damaged one, is reported."""
    chroma = store.folder.parent / "chroma"
    if kind == "a file":
        chroma.write_text("", encoding="utf-8")
    elif kind != "missing":
        chroma.mkdir()
    if kind == "no chroma":
        (chroma / "readme.txt").write_text("", encoding="utf-8")
    elif kind == "no database":
        (chroma / "chroma.sqlite3").write_text("not a database", encoding="utf-8")
    elif kind == "cut short":
        (chroma / "chroma.sqlite3").write_bytes((store.chroma / "chroma.sqlite3").read_bytes()[:6000])
    refused = review(f"--drift-db={store.db}", f"--drift-chroma={chroma}", *SMALL).refusal
    # Chroma's own message differs between versions.
    assert re.sub(r"this directory \(.*\),", "this directory (…),", refused) == snapshot


def test_no_such_collection(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A missing collection is reported with the existing ones."""
    assert review(*store.options, *SMALL, "--drift-collection=risks").refusal == snapshot


def test_chroma_with_damaged_index(review: Review, store: BuiltStore) -> None:
    """If the index files are garbage, this is reported, or the vectors are still readable."""
    for folder in store.chroma.iterdir():
        if folder.is_dir():
            for file in folder.iterdir():
                file.write_bytes(b"rubbish")
    found = review(*store.options, *SMALL)
    assert (found.exit_code in (0, 4), "Traceback" in found.text) == (True, False)


DAMAGE: tuple[tuple[str, object], ...] = (
    ("confidence", "nan"),
    ("confidence", 1.5),
    ("confidence", float("inf")),
    ("confidence", b"\x00\xff"),
    ("embedding_json", "[0.1, 0.2"),
    ("embedding_json", "[0.1, 0.2]"),
    ("embedding_json", "[NaN, 0, 0, 0, 0, 0, 0, 0]"),
    ("embedding_json", "[" * 100_000),
    ("timestamp", "2026-13-45T99:99:99"),
    ("timestamp", "9999-12-31T23:59:59-14:00"),
    ("timestamp", "yesterday"),
    ("timestamp", 1_700_000_000),
    ("text_hash", "0" * 64),
    ("text", ""),
    ("text", b"\xff\xfe\x00"),
    ("category", ""),
)
NULLABLE = ("text", "text_hash", "category", "confidence", "timestamp", "embedding_json")


def failed_integrity(run: Run) -> set[int]:
    """Return the ids that failed record_integrity."""
    names = [test["nodeid"] for test in run.document["tests"] if test["outcome"] == "failed"]
    return {int(found[1]) for name in names if (found := re.search(r"test_record_integrity\[(\d+)-", name))}


def test_damaged_values_fail_only_their_records(review: Review, store: BuiltStore) -> None:
    """Each damaged row fails record_integrity; the others are reviewed."""
    for number, (column, value) in enumerate(DAMAGE, start=1):
        store.execute(f"update {NAME} set {column} = ? where id = ?", value, number)
    ids = ",".join(str(number) for number in range(1, len(DAMAGE) + 10))
    found = review(*store.options, f"--drift-records={ids}")
    assert failed_integrity(found) == set(range(1, len(DAMAGE) + 1))


def test_nulls_fail_only_their_records(review: Review, store: BuiltStore) -> None:
    """A NULL that the schema allows fails record_integrity, and nothing else breaks."""
    other_schema(store, {name: name for name in ("id", "chroma_id", *NULLABLE)})
    for number, column in enumerate(NULLABLE, start=1):
        store.execute(f"update notes set {column} = null where id = ?", number)
    found = review(*store.options, "--drift-table=notes", "--drift-records=1,2,3,4,5,6,7,8")
    assert (failed_integrity(found), found.exit_code) == ({1, 2, 3, 4, 5, 6}, 1)


def test_row_without_id_is_skipped(review: Review, store: BuiltStore) -> None:
    """It cannot be named, and is not counted."""
    other_schema(store, {"id": "id", "text": "text", "category": "category", "chroma_id": "chroma_id"})
    store.execute("update notes set id = null where id = 4")
    found = review(*store.options, "--drift-table=notes", *SMALL)
    assert (found.exit_code, found.drift["store"]["records"]) == (0, 119)


def test_columns_of_garbage_are_critical(review: Review, store: BuiltStore) -> None:
    """Without a traceback."""
    store.execute(f"update {NAME} set confidence = 'high', timestamp = 'today', embedding_json = '{{'")
    found = review(*store.options, "--drift-sample-size=200")
    assert (found.exit_code, "Traceback" in found.text) == (1, False)


def test_only_the_required_columns(review: Review, store: BuiltStore) -> None:
    """With only `id`, `text` and `category`, a criterion that needs another column is not measured."""
    columns = {"id": "number", "text": "body", "category": "label"}
    other_schema(store, columns)
    found = review(*store.options, "--drift-table=notes", columns_option(columns), *SMALL)
    consistency = found.criterion("store_consistency")
    assert (consistency["verdict"], consistency["rate"], found.exit_code) == (None, None, 75)


def test_users_own_names(review: Review, store: BuiltStore) -> None:
    """A table and columns with other names, including spaces and SQL keywords, are reviewed alike."""
    columns = {"id": "Number", "text": "the text", "category": "select", "chroma_id": "vector id"}
    other_schema(store, columns, table="my notes; drop table x")
    found = review(*store.options, "--drift-table=my notes; drop table x", columns_option(columns), *SMALL)
    verdicts = found.verdicts()
    assert {verdicts[name] for name in ("agreement", "record_integrity", "store_consistency")} == {"OK"}


@pytest.mark.parametrize("where", ["a file", "below a file"])
def test_unwritable_reports(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, where: str) -> None:
    """A folder of reports that is not writable is refused before anything runs."""
    file = review.folder / "file"
    file.write_text("", encoding="utf-8")
    path = file if where == "a file" else file / "reports"
    assert review(*store.options, f"--drift-reports={path}").refusal == snapshot


def test_no_room_for_a_snapshot(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how much is needed and which setting to change; nothing is left."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9 - 10**6, 10**6))
    refused = review(*store.options, *SMALL, f"--drift-snapshot-dir={review.folder / 'copies'}")
    assert refused.refusal == snapshot
    assert list((review.folder / "copies").iterdir()) == []


def test_second_run_learns_of_the_first(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """During a run, another one ends with 75 and names its process."""
    first = 'def pytest_runtestloop(session):\n    import shutil\n    shutil.copy("reports/.lock", "holder")\n'
    review.pytester.makeconftest(first)
    review(*store.options, *SMALL)
    holder = (review.folder / "holder").read_text(encoding="utf-8")
    with (review.folder / "reports" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(holder)
        lock.flush()
        assert review(*store.options, *SMALL).refusal == snapshot


def test_runs_with_other_reports_do_not_interfere(review: Review, store: BuiltStore, tmp_path: Path) -> None:
    """A run that writes elsewhere does not wait."""
    (tmp_path / "others").mkdir()
    with (tmp_path / "others" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert review(*store.options, *SMALL).exit_code == 0


def test_refused_run_releases_the_lock(review: Review, store: BuiltStore) -> None:
    """The next run can start."""
    review(*store.options, *SMALL, "--drift-collection=none")
    assert review(*store.options, *SMALL).exit_code == 0
