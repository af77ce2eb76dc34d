"""Stores that cannot be reviewed are reported in one sentence; damaged rows only fail their criterion."""

from __future__ import annotations

import fcntl
import re
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_damage import columns_option, other_schema
from tests.support.session_runs import SMALL, Review, Run
from tests.support.stores import NAME, BuiltStore


@pytest.mark.parametrize("content", [None, b"just a text file, longer than a header"])
def test_no_database(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, content: bytes | None) -> None:
    """A missing, empty or other file is refused."""
    store.db.unlink()
    if content is not None:
        store.db.write_bytes(content)
    assert review(*store.options).refusal == snapshot


def test_damaged_database(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A truncated SQLite file is reported as damaged."""
    store.db.write_bytes(store.db.read_bytes()[:5000])
    assert review(*store.options).refusal == snapshot


def test_empty_table(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """There is nothing to review in an empty table: 5."""
    store.execute(f"delete from {NAME}")
    assert review(*store.options).refusal == snapshot


def test_no_candidates(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """There is nothing to review in a store without old records and low confidence: 5."""
    assert review(*store.options, "--drift-old-days=4000", "--drift-low-confidence-below=0.1").refusal == snapshot


def test_damaged_chroma(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A truncated Chroma directory is reported as damaged."""
    database = store.chroma / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[:6000])
    refused = review(*store.options, *SMALL).refusal
    # Chroma's own message differs between versions.
    assert re.sub(r"this directory \(.*\),", "this directory (…),", refused) == snapshot


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
    ("category", b"\xff"),
)
NULLABLE = ("text", "text_hash", "confidence", "timestamp", "embedding_json")


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
    other_schema(store, {name: name for name in ("id", "category", "chroma_id", *NULLABLE)})
    for number, column in enumerate(NULLABLE, start=1):
        store.execute(f"update notes set {column} = null where id = ?", number)
    found = review(*store.options, "--drift-table=notes", "--drift-records=1,2,3,4,5,6,7,8")
    assert (failed_integrity(found), found.exit_code) == ({1, 2, 3, 4, 5}, 1)


def test_rows_without_id_or_category_are_left_out(review: Review, store: BuiltStore) -> None:
    """They are not counted as records, and are named in notes, pending ones first."""
    other_schema(store, {"id": "id", "text": "text", "category": "category", "chroma_id": "chroma_id"})
    store.execute("update notes set id = null where id = 4")
    store.execute("update notes set category = null where id = 5")
    found = review(*store.options, "--drift-table=notes", *SMALL)
    assert (found.exit_code, found.drift["store"]["records"]) == (0, 118)
    notes = found.drift["sample"]["notes"]
    assert notes[0] == "1 record has no category yet and is left out"
    assert "1 record has no id and is left out" in notes


def test_columns_of_garbage_are_critical(review: Review, store: BuiltStore) -> None:
    """Without a traceback."""
    store.execute(f"update {NAME} set confidence = 'high', timestamp = 'today', embedding_json = '{{'")
    found = review(*store.options, "--drift-sample-size=200")
    assert (found.exit_code, "Traceback" in found.text) == (1, False)


def test_only_the_required_columns(review: Review, store: BuiltStore) -> None:
    """With only `id`, `text` and `category`, entries are found by the record's id, and texts confirm the prefix."""
    columns = {"id": "number", "text": "body", "category": "label"}
    other_schema(store, columns)
    found = review(*store.options, "--drift-table=notes", columns_option(columns), *SMALL)
    consistency = found.criterion("store_consistency")
    assert (consistency["verdict"], consistency["rate"], found.exit_code) == ("OK", 1.0, 0)
    assert found.verdicts()["self_retrieval"] is None


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
