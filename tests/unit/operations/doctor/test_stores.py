"""Both stores, sound and in every kind of trouble, checked without a trace."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import drift_checks
from drift_checks.core.addresses import ServerURL
from drift_checks.core.records import COLUMNS
from drift_checks.operations.doctor import chroma, stores
from drift_checks.operations.doctor.check import Finding
from drift_checks.operations.doctor.stores import CRITERIA, checks, unmeasured
from tests.support.chroma_server import Fault, Relay
from tests.support.doctoring import complete, findings_of, outcome, setup, statuses
from tests.support.folders import contents
from tests.support.stores import NAME, BuiltStore


def findings(tmp_path: Path, store: BuiltStore | None, **given: Any) -> dict[str, Finding]:
    """Return the findings about a store, by name."""
    look = setup(tmp_path, store, **given)
    try:
        return findings_of(checks(look))
    finally:
        look.store.close()


def test_a_sound_store_passes_and_stays_unchanged(tmp_path: Path, store: BuiltStore) -> None:
    """To the byte."""
    before = contents(complete(store).folder)
    found = findings(tmp_path, store)
    assert set(statuses(found).values()) == {"ok"}
    assert found["vectors"].message.startswith(f"{store.chroma}: 120 vectors in {NAME}")
    assert found["counts"].message == "as many vectors as records: 120"
    assert contents(store.folder) == before


def test_a_missing_store_fails_once(tmp_path: Path, store: BuiltStore) -> None:
    """If only the records are missing, the vectors are checked all the same."""
    found = findings(tmp_path, None)
    assert {name: outcome(line) for name, line in found.items()} == {"records": ("error", "no store is configured")}
    assert "--drift-db=FILE" in found["records"].remedy
    found = findings(tmp_path, None, chroma=store.chroma)
    assert statuses(found) == {"records": "error", "vectors": "ok", "Chroma's format": "ok", "counts": "skipped"}


def test_a_store_without_chroma_is_sound(tmp_path: Path, store: BuiltStore) -> None:
    """It says what takes the place of the collection, and warns if that is only TF-IDF."""
    found = findings(tmp_path, None, db=store.db)["vectors"]
    assert (found.status, "in the table, in embedding_json" in found.message) == ("ok", True)
    assert "--drift-chroma=DIR" in found.remedy
    store.execute(f"alter table {NAME} drop column embedding_json")
    found = findings(tmp_path, None, db=store.db)["vectors"]
    assert (found.status, "TF-IDF of the texts" in found.message) == ("warning", True)
    assert findings(tmp_path, None, db=store.db, reviewer="llm")["vectors"].status == "ok"
    assert findings(tmp_path, None, db=store.db, embedding="m:f")["vectors"].message.startswith("m:f, made from")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda store: store.db.unlink(), "does not exist"),
        (lambda store: store.db.write_bytes(b"text, and longer than a header"), "SQLite database"),
        (lambda store: store.execute(f"drop table {NAME}"), f"has no table '{NAME}'"),
        (lambda store: store.execute(f"delete from {NAME}"), "is empty: nothing to review"),
        (lambda store: store.execute(f"alter table {NAME} rename column category to x"), "has no column 'category'"),
    ],
    ids=["missing", "no database", "no table", "empty", "no column"],
)
def test_unusable_records_fail_once(
    tmp_path: Path, store: BuiltStore, spoil: Callable[[BuiltStore], None], message: str
) -> None:
    """The checks that need them are skipped, unless the table is merely empty."""
    spoil(store)
    found = findings(tmp_path, store)
    assert (found["records"].status, message in found["records"].message) == ("error", True), found["records"]
    skipped = [name for name in ("columns", "indexes", "counts") if found[name].status == "skipped"]
    assert len(skipped) == (0 if "empty" in message else 3)


@pytest.mark.parametrize(
    ("dropped", "expected"),
    [
        (
            ("embedding_model", "archive_version"),
            ("warning", "2 columns of 20 missing: embedding_model, archive_version; not measured: provenance"),
        ),
        (("review_count",), ("ok", "1 column of 20 missing: review_count; every criterion is measured anyway")),
    ],
)
def test_missing_columns_are_listed_with_the_criteria_that_need_them(
    tmp_path: Path, store: BuiltStore, dropped: tuple[str, ...], expected: tuple[str, str]
) -> None:
    """They are a warning if there are any."""
    for name in dropped:
        store.execute(f"alter table {NAME} drop column {name}")
    assert outcome(findings(tmp_path, store)["columns"]) == expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (["input_tokens", "output_tokens", "response_time_ms"], ["latency_and_tokens"]),
        (
            ["timestamp", "input_tokens"],
            ["class_mix", "confidence_distribution", "embedding_drift", "latency_and_tokens", "part of label_issues"],
        ),
        (["input_tokens"], ["part of latency_and_tokens"]),
    ],
)
def test_a_whole_criterion_stands_for_its_parts(missing: list[str], expected: list[str]) -> None:
    """It is listed once."""
    assert unmeasured(missing) == expected


def test_every_criterion_that_needs_a_column_exists() -> None:
    """It has a file of that name."""
    folder = Path(drift_checks.__file__).parent / "criteria"
    assert set(COLUMNS) >= CRITERIA.keys()
    names = {effect.removeprefix("part of ") for effects in CRITERIA.values() for effect in effects}
    assert {name for name in names if not (folder / f"test_{name}.py").is_file()} == {
        "slices by model",
        "slices by prompt",
        "slices by source",
    }


def test_a_large_store_needs_the_indexes_of_a_review(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy creates them; a view has none of its own."""
    monkeypatch.setattr(stores, "_LARGE", 100)
    store.execute("drop index by_timestamp")
    line = findings(tmp_path, store)["indexes"]
    assert line.status == "warning"
    assert line.remedy.endswith(f"create index by_timestamp on {NAME} (timestamp)")
    store.execute(f"create index by_timestamp on {NAME} (timestamp)")
    assert findings(tmp_path, store)["indexes"].status == "ok"
    store.execute(f"create view seen as select * from {NAME}")
    assert findings(tmp_path, store, table="seen")["indexes"].status == "skipped"


@pytest.mark.parametrize(
    ("hot", "message"), [(False, "an empty write-ahead log: read in place"), (True, "a private copy")]
)
def test_the_journal_decides_how_the_file_is_read(tmp_path: Path, store: BuiltStore, hot: bool, message: str) -> None:
    """In place or from a copy; the store stays unchanged."""
    with closing(sqlite3.connect(store.db)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"update {NAME} set review_count = 1")
        connection.commit()
        if hot:
            aside = shutil.copytree(store.folder, tmp_path / "hot")
    if hot:
        store = BuiltStore(aside)
        (store.folder / "risk_classifications.db-shm").unlink()
    before = contents(store.folder)
    line = findings(tmp_path, store)["journal"]
    assert (line.status, message in line.message) == ("ok", True), line
    assert contents(store.folder) == before
    assert not list((tmp_path / "snapshots").glob("*/*.db"))


def test_damage_is_found(tmp_path: Path, store: BuiltStore) -> None:
    """By the check of integrity, or because the records cannot be read."""
    content = bytearray(store.db.read_bytes())
    content[12_000:20_000] = b"\xff" * 8000
    store.db.write_bytes(content)
    found = statuses(findings(tmp_path, store))
    assert (found["records"], found["integrity"]) in {("ok", "error"), ("error", "skipped"), ("error", "error")}


def test_a_large_file_is_checked_for_damage_only_with_thorough(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a hint says how."""
    monkeypatch.setattr(stores, "QUICKLY_READ", 1000)
    line = findings(tmp_path, store)["integrity"]
    assert (line.status, "--thorough" in line.remedy) == ("skipped", True)
    assert outcome(findings(tmp_path, store, thorough=True)["integrity"]) == ("ok", "no damage found")


def test_missing_vectors_fail_once(tmp_path: Path, store: BuiltStore) -> None:
    """Format and counts are unknown then."""
    found = statuses(findings(tmp_path, store, collection="other"))
    assert (found["vectors"], found["Chroma's format"], found["counts"]) == ("error", "skipped", "skipped")
    (tmp_path / "empty").mkdir()
    assert "is empty" in findings(tmp_path, store, chroma=tmp_path / "empty")["vectors"].message


def test_a_difference_of_counts_is_a_warning(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review lists the records; a huge collection is not counted, which would take too long."""
    store.execute(f"delete from {NAME} where id <= 20")
    message = "100 records, 120 vectors: at least 20 have no record"
    assert outcome(findings(tmp_path, store)["counts"]) == ("warning", message)
    monkeypatch.setattr(chroma, "_QUICKLY_COUNTED", 1000)
    assert findings(tmp_path, store)["counts"].status == "skipped"


def change_chroma(store: BuiltStore, *statements: str) -> None:
    """Change the database of the Chroma directory."""
    with closing(sqlite3.connect(store.chroma / "chroma.sqlite3")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_an_older_format_is_reported_and_left_alone(tmp_path: Path, store: BuiltStore) -> None:
    """The installed chromadb never opens it."""
    change_chroma(store, "delete from migrations where dir = 'metadb' and version > 4")
    before = contents(store.folder)
    line = findings(tmp_path, store)["Chroma's format"]
    assert line.status == "ok"
    assert "older chromadb" in line.message
    assert "metadata at step 4 of" in line.message
    assert line.remedy.startswith("nothing to do: reviews read a private copy")
    assert contents(store.folder) == before


def test_a_newer_format_is_a_warning_and_an_unknown_one_is_skipped(tmp_path: Path, store: BuiltStore) -> None:
    """The installed chromadb may be unable to read it."""
    change_chroma(store, "insert into migrations values ('sysdb', 99, '', '', '')")
    line = findings(tmp_path, store)["Chroma's format"]
    assert (line.status, "newer chromadb" in line.message) == ("warning", True)
    change_chroma(store, "drop table migrations", "drop table embeddings")
    found = statuses(findings(tmp_path, store))
    assert {found[name] for name in ("Chroma's format", "vectors", "counts")} == {"skipped"}


def test_a_broken_chromadb_fails(tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kind of its error."""

    def broken() -> None:
        raise ImportError("no such library")

    monkeypatch.setattr(stores, "installed_steps", broken)
    line = findings(tmp_path, store)["Chroma's format"]
    assert outcome(line) == ("error", "could not be checked (ImportError)")


def test_a_chroma_server_is_asked(tmp_path: Path, store: BuiltStore, relay: Relay) -> None:
    """For its version, and for the collection and its size."""
    found = findings(tmp_path, None, db=store.db, chroma=ServerURL.parse(relay.url))
    assert found["vectors"].message == f"{relay.url}: {NAME}, 120 vectors"
    assert found["Chroma's version"].message.startswith("Chroma 1.0.0 on the server, chromadb ")
    assert found["counts"].message == "as many vectors as records: 120"
    assert {method for method, _ in relay.requests} == {"GET"}


def test_a_chroma_server_that_refuses_fails_once(tmp_path: Path, store: BuiltStore, relay: Relay) -> None:
    """What depends on it is skipped."""
    relay.fault = Fault(401, b"{}")
    found = findings(tmp_path, None, db=store.db, chroma=ServerURL.parse(relay.url))
    assert outcome(found["vectors"]) == ("error", f"{relay.url}: asks for credentials (HTTP 401: Unauthorized)")
    assert "DRIFT_CHROMA_TOKEN" in found["vectors"].remedy
    assert [found[name].status for name in ("Chroma's version", "counts")] == ["skipped", "skipped"]
