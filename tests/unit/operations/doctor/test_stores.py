"""Both stores, sound and in every kind of trouble, looked at without a trace."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.records import COLUMNS
from drift_checks.operations.doctor import formats, stores, vectors
from drift_checks.operations.doctor import stores as stores_module
from drift_checks.operations.doctor.finding import Finding
from drift_checks.operations.doctor.stores import CRITERIA, checks, unmeasured
from tests.support.doctoring import complete, found, said, setup
from tests.support.folders import contents
from tests.support.stores import NAME, BuiltStore


def looked_at(tmp_path: Path, store: BuiltStore | None, **given: Any) -> dict[str, Finding]:
    """Return what is found of a store, by name."""
    looked = setup(tmp_path, store, **given)
    try:
        return found(checks(looked))
    finally:
        looked.store.close()


def test_a_sound_store_is_all_ticks(tmp_path: Path, store: BuiltStore) -> None:
    """And is as it was, to the byte."""
    before = contents(complete(store).folder)
    told = looked_at(tmp_path, store)
    assert {line.status for line in told.values()} == {"ok"}
    assert said(told["vectors"])[1].startswith(f"{store.chroma}: 120 vectors in {NAME}")
    assert said(told["counts"]) == ("ok", "as many as records: 120")
    assert contents(store.folder) == before


def test_without_a_store_there_is_one_cross(tmp_path: Path) -> None:
    """Not one a check."""
    told = looked_at(tmp_path, None)
    assert {name: said(line) for name, line in told.items()} == {"records": ("error", "no store is configured")}
    assert "--drift-db FILE" in told["records"].remedy


def test_a_directory_without_records_is_named(tmp_path: Path, store: BuiltStore) -> None:
    """The vectors are looked at all the same."""
    told = looked_at(tmp_path, None, chroma=store.chroma)
    assert said(told["records"])[0] == "error"
    assert said(told["vectors"])[0] == "ok"
    assert said(told["counts"])[0] == "skipped"


@pytest.mark.parametrize(
    ("reviewer", "status"), [("neighbours", "error"), ("llm", "warning")], ids=["votes", "asks a model"]
)
def test_without_vectors(tmp_path: Path, store: BuiltStore, reviewer: str, status: str) -> None:
    """The neighbours need them; others lose criteria. The directory beside the records is named."""
    told = looked_at(tmp_path, None, db=store.db, reviewer=reviewer)
    assert said(told["vectors"])[0] == status
    assert told["vectors"].remedy.endswith(f"--drift-chroma {store.folder}")


def damage(store: BuiltStore) -> None:
    """Write nonsense into the middle of the file."""
    content = bytearray(store.db.read_bytes())
    content[12_000:20_000] = b"\xff" * 8000
    store.db.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda store: store.db.unlink(), "there is no such file"),
        (lambda store: store.db.write_bytes(b"text, and longer than a header"), "is no SQLite database"),
        (lambda store: store.execute(f"delete from {NAME}"), "is empty: there is nothing to review"),
        (lambda store: store.execute(f"alter table {NAME} rename to other"), f"has no table '{NAME}'"),
        (lambda store: store.execute(f"alter table {NAME} rename column category to x"), "has no column 'category'"),
    ],
    ids=["missing", "no database", "empty", "no table", "no column"],
)
def test_records_that_cannot_be_reviewed(
    tmp_path: Path, store: BuiltStore, spoil: Callable[[BuiltStore], None], told: str
) -> None:
    """They are one cross with the sentence; what depends on them is not looked at."""
    spoil(store)
    lines = looked_at(tmp_path, store)
    status, message = said(lines["records"])
    assert (status, told in message) == ("error", True), message
    assert lines["records"].remedy
    if "empty" not in told:
        assert {said(lines[name])[0] for name in ("columns", "indexes", "counts")} == {"skipped"}


def test_missing_columns_and_the_criteria_that_need_them(tmp_path: Path, store: BuiltStore) -> None:
    """They are named both."""
    for name in ("embedding_model", "archive_version"):
        store.execute(f"alter table {NAME} drop column {name}")
    status, message = said(looked_at(tmp_path, store)["columns"])
    assert status == "warning"
    assert message == "2 columns of 20 not there: embedding_model, archive_version; not measured: provenance"


def test_a_missing_column_that_no_criterion_needs_is_no_warning(tmp_path: Path, store: BuiltStore) -> None:
    """It is told."""
    store.execute(f"alter table {NAME} drop column review_count")
    status, message = said(looked_at(tmp_path, store)["columns"])
    assert (status, message) == (
        "ok",
        "1 column of 20 not there: review_count; every criterion is measured all the same",
    )


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (["input_tokens"], ["part of latency_and_tokens"]),
        (["input_tokens", "output_tokens", "response_time_ms"], ["latency_and_tokens"]),
        (
            ["timestamp", "input_tokens"],
            ["class_mix", "confidence_distribution", "embedding_drift", "latency_and_tokens"],
        ),
        ([], []),
    ],
)
def test_the_whole_of_a_criterion_counts_more_than_a_part(missing: list[str], told: list[str]) -> None:
    """It is named once."""
    assert unmeasured(missing) == told


def test_the_criteria_that_are_named_are_there() -> None:
    """Each has a file, and names each column that is said to be its own."""
    folder = Path(stores_module.__file__).parents[1] / "criteria"
    for column, effects in CRITERIA.items():
        assert column in COLUMNS
        for effect in effects:
            name = effect.removeprefix("part of ")
            assert name.startswith("slices by ") or (folder / f"test_{name}.py").is_file(), effect


def test_a_large_store_without_the_indexes_of_a_review(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read slowly, and the remedy makes them."""
    monkeypatch.setattr(stores, "_LARGE", 100)
    store.execute("drop index by_timestamp")
    told = looked_at(tmp_path, store)["indexes"]
    assert said(told)[0] == "warning"
    assert told.remedy.endswith(f"create index by_timestamp on {NAME} (timestamp)")
    store.execute(f"create index by_timestamp on {NAME} (timestamp)")
    assert said(looked_at(tmp_path, store)["indexes"])[0] == "ok"


def test_a_view_has_no_indexes_of_its_own(tmp_path: Path, store: BuiltStore) -> None:
    """So nothing is said of them."""
    store.execute(f"create view seen as select * from {NAME}")
    assert said(looked_at(tmp_path, store, table="seen")["indexes"])[0] == "skipped"


@pytest.mark.parametrize(
    ("hot", "told"), [(False, "a write-ahead log that is empty: read in place"), (True, "a private copy")]
)
def test_the_journal_says_how_the_file_is_read(tmp_path: Path, store: BuiltStore, hot: bool, told: str) -> None:
    """In place, or from a copy; nothing of it changes."""
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
    status, message = said(looked_at(tmp_path, store)["journal"])
    assert (status, told in message) == ("ok", True), message
    assert contents(store.folder) == before
    assert not list((tmp_path / "snapshots").glob("*/*.db"))


def test_damage_is_found(tmp_path: Path, store: BuiltStore) -> None:
    """Where the table itself can still be opened."""
    damage(store)
    told = looked_at(tmp_path, store)
    assert said(told["integrity"])[0] in ("error", "skipped")
    assert "error" in {said(told["records"])[0], said(told["integrity"])[0]}


def test_a_large_file_is_read_where_that_is_asked_for(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it says that it was not."""
    monkeypatch.setattr(stores, "QUICKLY_READ", 1000)
    line = looked_at(tmp_path, store)["integrity"]
    assert (said(line)[0], "--thorough" in line.remedy) == ("skipped", True)
    assert said(looked_at(tmp_path, store, thorough=True)["integrity"]) == ("ok", "no damage found")


def test_vectors_that_are_not_there(tmp_path: Path, store: BuiltStore) -> None:
    """One cross; format and numbers are not known then."""
    told = looked_at(tmp_path, store, collection="other")
    assert said(told["vectors"])[0] == "error"
    assert [said(told[name])[0] for name in ("Chroma's format", "counts")] == ["skipped", "skipped"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert said(looked_at(tmp_path, store, chroma=empty)["vectors"]) == ("error", f"{empty}: is empty")


def test_fewer_vectors_than_records(tmp_path: Path, store: BuiltStore) -> None:
    """They are told, with where the rest is."""
    store.execute(f"delete from {NAME} where id <= 20")
    status, message = said(looked_at(tmp_path, store)["counts"])
    assert (status, message) == ("warning", "100 records, 120 vectors: 20 at the least are without a record")


def rewind(store: BuiltStore, change: str) -> None:
    """Have the directory say another format."""
    with closing(sqlite3.connect(store.chroma / "chroma.sqlite3")) as connection, connection:
        connection.execute(change)


def test_an_older_format_is_told_and_left_alone(tmp_path: Path, store: BuiltStore) -> None:
    """There is nothing to do; chromadb never opens it."""
    rewind(store, "delete from migrations where dir = 'metadb' and version > 4")
    before = contents(store.folder)
    line = looked_at(tmp_path, store)["Chroma's format"]
    assert (said(line)[0], "older chromadb" in line.message, "metadata at step 4 of" in line.message) == (
        "ok",
        True,
        True,
    )
    assert line.remedy.startswith("nothing to do: reviews read a private copy")
    assert contents(store.folder) == before


def test_a_newer_format_is_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """It is not known whether the installed chromadb reads it."""
    rewind(store, "insert into migrations values ('sysdb', 99, '', '', '')")
    line = looked_at(tmp_path, store)["Chroma's format"]
    assert (said(line)[0], "newer chromadb" in line.message) == ("warning", True)


def test_a_directory_of_another_kind_does_not_tell(tmp_path: Path, store: BuiltStore) -> None:
    """That is not known, and no cross."""
    rewind(store, "drop table migrations")
    rewind(store, "drop table embeddings")
    told = looked_at(tmp_path, store)
    assert said(told["Chroma's format"])[0] == "skipped"
    assert [said(told[name])[0] for name in ("vectors", "counts")] == ["skipped", "skipped"]


def test_a_huge_collection_is_not_counted(tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take its time."""
    monkeypatch.setattr(vectors, "_QUICKLY_COUNTED", 1000)
    assert said(looked_at(tmp_path, store)["counts"])[0] == "skipped"


def test_names_are_fit_for_a_terminal(tmp_path: Path, store: BuiltStore) -> None:
    """Whatever a table is called."""
    store.execute(f'alter table {NAME} rename to "a\x1b[31m\nb"')
    for line in looked_at(tmp_path, store, table="a\x1b[31m\nb").values():
        assert (line.message + line.remedy).isprintable()


def test_a_chromadb_that_cannot_be_used_is_a_cross(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the kind of what it raised."""

    def broken() -> None:
        raise ImportError("no such library")

    monkeypatch.setattr(stores, "installed_format", broken)
    assert said(looked_at(tmp_path, store)["Chroma's format"]) == ("error", "could not be checked (ImportError)")


def test_the_format_of_this_machine_is_the_one_of_its_directories(tmp_path: Path, store: BuiltStore) -> None:
    """It is told from a directory made aside."""
    opened = vectors.ChromaDirectory(store.chroma, NAME, tmp_path / "snapshots")
    opened.open()
    assert formats.installed_format().steps == opened.steps()
