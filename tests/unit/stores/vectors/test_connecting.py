"""How the entries of a collection are of the records of a store, found by values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from drift_checks.settings.declarations import FOUND, Settings
from drift_checks.settings.loading import Sources, load
from drift_checks.stores.columns.completion import Completion
from drift_checks.stores.vectors.chroma import DirectoryCollection, create_collection
from drift_checks.stores.vectors.connecting import Connected, connect, connected, find_label
from drift_checks.stores.vectors.entries import StoredEntries
from drift_checks.stores.vectors.linking import Entries
from tests.support.tables import opened, write_table

COUNT = 24
NUMBERS = range(1, COUNT + 1)
COLUMNS = "id integer primary key, text, category, doc"
ROWS = [(number, f"text {number}", "ab"[number % 2], f"d{number * 31:x}") for number in NUMBERS]
IDS = [str(row[3]) for row in ROWS]
TEXTS = [str(row[1]) for row in ROWS]


def collection(
    folder: Path,
    ids: Sequence[str] = IDS,
    documents: Sequence[str] | None = None,
    metadatas: Sequence[Mapping[str, str]] | None = None,
) -> StoredEntries:
    """Create a collection, and read it with SQL."""
    (folder / "chroma").mkdir()
    create_collection(
        folder / "chroma",
        "documents",
        ids=ids,
        embeddings=np.ones((len(ids), 4), dtype=np.float32),
        documents=documents,
        metadatas=metadatas or [{"of": "somebody"} for _ in ids],
    )
    return StoredEntries(folder / "chroma", "documents", folder / "copies")


def test_sql_reads_the_entries_as_chroma_does(tmp_path: Path) -> None:
    """Their ids, documents and metadata."""

    def read(entries: Entries) -> Iterator[object]:
        yield entries.count
        yield sorted(entries.ids())
        for found in (entries.entries([*IDS, "unknown"]).values(), entries.first(COUNT)):
            yield sorted((entry.id, entry.document, str(entry.metadata)) for entry in found)

    ours = collection(tmp_path, IDS, TEXTS)
    with closing(DirectoryCollection(tmp_path / "chroma", "documents", tmp_path / "copies")) as theirs:
        assert list(read(ours)) == list(read(theirs))


@pytest.mark.parametrize(
    ("ids", "documents", "column", "problem"),
    [
        (IDS, None, "doc", ""),
        ([*IDS, *(f"more {number}" for number in NUMBERS)], TEXTS + TEXTS, "doc", ""),
        ([str(number) for number in NUMBERS], None, None, ""),
        ([f"doc-{number}" for number in NUMBERS], TEXTS, None, ""),
        (IDS, TEXTS[::-1], None, "no entry of collection 'documents' is of a record"),
        (IDS[:12], None, None, "its entries have ids such as"),
        ([f"other {number}" for number in NUMBERS], None, None, "its entries have ids such as"),
        ([], None, None, "collection documents is empty"),
    ],
    ids=["a column", "more entries", "the ids", "a prefix", "other texts", "half of them", "others", "empty"],
)
def test_the_column_of_the_entries_ids_is_found(
    tmp_path: Path, ids: Sequence[str], documents: Sequence[str] | None, column: str | None, problem: str
) -> None:
    """If the records' own ids do not connect them, and nearly all values looked at are ids of entries."""
    found = connect(opened(write_table(tmp_path / "r.db", ROWS, COLUMNS)), collection(tmp_path, ids, documents))
    assert (found.column.column if found.column else None) == column
    assert bool(found.problem) == bool(problem)
    assert problem in found.problem
    if found.column:
        assert found.column.reason == "24 of 24 values looked at are ids of the collection documents"


@pytest.mark.parametrize(("documents", "column"), [(None, None), (TEXTS, "doc")])
def test_numbers_need_the_texts_as_proof(tmp_path: Path, documents: Sequence[str] | None, column: str | None) -> None:
    """They may count something else."""
    rows = [(f"key {row[0]}", *row[1:3], row[0]) for row in ROWS]
    store = opened(write_table(tmp_path / "r.db", rows, "id text primary key, text, category, doc"))
    found = connect(store, collection(tmp_path, [str(row[0]) for row in ROWS], documents))
    assert (found.column.column if found.column else None) == column


def test_two_columns_that_fit_are_a_doubt(tmp_path: Path) -> None:
    """The message names both; a copy is no rival."""
    rows = [(*row, row[3], f"e{row[0]}") for row in ROWS]
    store = opened(write_table(tmp_path / "r.db", rows, f"{COLUMNS}, copy, other"))
    found = connect(store, collection(tmp_path, [*IDS, *(f"e{row[0]}" for row in ROWS)]))
    assert found.problem == "the columns doc and other hold ids of entries of collection documents"


def test_rows_without_a_category_need_no_entries(tmp_path: Path) -> None:
    """They are no decisions yet."""
    pending = [(100 + number, f"text {100 + number}", None, f"p{number}") for number in NUMBERS]
    found = connect(opened(write_table(tmp_path / "r.db", [*ROWS, *pending], COLUMNS)), collection(tmp_path))
    assert found.column is not None


def test_a_prefix_that_vectors_may_prove_is_no_problem(tmp_path: Path) -> None:
    """The review compares them."""
    rows = [(*row[:3], "[1, 1, 1, 1]") for row in ROWS]
    store = opened(write_table(tmp_path / "r.db", rows, "id integer primary key, text, category, embedding_json"))
    assert connect(store, collection(tmp_path, [f"doc-{number}" for number in NUMBERS])) == Connected()


@pytest.mark.parametrize(
    ("key", "foreign", "found"),
    [("label", 24, "label"), ("category", 24, None), ("label", 0, None), ("label", 3, None)],
)
def test_the_key_of_the_category_is_found(tmp_path: Path, key: str, foreign: int, found: str | None) -> None:
    """If enough entries have no record, and their category is not under the usual key."""
    ids = [*map(str, NUMBERS), *(f"more {number}" for number in range(foreign))]
    entries = collection(tmp_path, ids, None, [{key: "ab"[place % 2], "language": "en"} for place in range(len(ids))])
    label = find_label(opened(write_table(tmp_path / "r.db", ROWS, COLUMNS)), entries)
    assert (label.column if label else None) == found
    assert label is None or label.reason == "24 of 24 entries looked at without a record have a category of the store"


def settings_of(folder: Path, **given: str) -> Settings:
    """Return the settings of a user who named the Chroma directory, and these."""
    options = {"drift_db": str(folder / "r.db"), "drift_chroma": str(folder / "chroma")}
    options |= {f"drift_{key}": text for key, text in given.items()}
    return load(Sources(options, {}, {}, folder), datetime(2026, 1, 15, tzinfo=UTC))


def test_a_column_that_is_found_completes_the_settings(tmp_path: Path) -> None:
    """As the user would have named it, with a line that says so."""
    store = opened(write_table(tmp_path / "r.db", ROWS, COLUMNS))
    collection(tmp_path)
    done = connected(Completion(settings_of(tmp_path, collection="documents")), store, tmp_path / "copies")
    assert (done.settings.columns, done.settings.sources["columns"]) == ((("chroma_id", "doc"),), FOUND)
    assert done.settings.texts["columns"] == "chroma_id=doc"
    assert done.lines[0].startswith("chroma_id=doc (found: 24 of 24 values looked at")


def test_settings_without_such_a_collection_stay_as_they_are(tmp_path: Path) -> None:
    """Opening the vectors says what is wrong."""
    store = opened(write_table(tmp_path / "r.db", ROWS, COLUMNS))
    collection(tmp_path)
    given = Completion(settings_of(tmp_path, collection="elsewhere"))
    assert connected(given, store, tmp_path / "copies") is given
