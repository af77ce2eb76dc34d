"""Entries of a collection and their records, whoever made the collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from drift_checks.core.errors import StoreError
from drift_checks.core.records import Record, Stratum, record_id
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.chroma import DirectoryCollection, create_collection
from drift_checks.stores.vectors.linking import Link, LinkedRecord, is_text_of
from tests.support.tables import opened, write_table

COUNT = 12
UUIDS = [UUID(int=number * 7919 + 2**100) for number in range(COUNT)]
ROWS = [(number + 1, f"text {number}", "a" if number % 2 else "b") for number in range(COUNT)]
Linker = Callable[..., Link]


@pytest.fixture
def linker(tmp_path: Path) -> Iterator[Linker]:
    """Link a table of these rows and a collection of these ids and documents."""
    collections: list[DirectoryCollection] = []

    def link(
        rows: Sequence[Sequence[object]],
        keys: Sequence[str],
        documents: Sequence[str] | None = None,
        columns: str = "id, text, category",
        vectors: object = None,
    ) -> Link:
        folder = tmp_path / "chroma"
        folder.mkdir()
        embeddings = np.eye(len(keys), dtype=np.float32) if vectors is None else np.asarray(vectors, dtype=np.float32)
        create_collection(
            folder,
            "risks",
            ids=keys,
            embeddings=embeddings,
            documents=documents,
            metadatas=[{"of": "somebody"} for _ in keys],
        )
        store = opened(write_table(tmp_path / "records.db", rows, columns))
        collections.append(DirectoryCollection(folder, "risks", tmp_path / "copies"))
        return Link(store, collections[-1], sample_of(store))

    yield link
    for collection in collections:
        collection.close()


def sample_of(store: RecordStore) -> list[Record]:
    """Return the records of the store."""

    def read(connection: object) -> list[Record]:
        ids = [record_id(key) for (key,) in store.stream(connection, "id")]  # type: ignore[arg-type]
        rows = store.rows(connection, ids)  # type: ignore[arg-type]
        return [Record(key, Stratum.OLD, row) for key, row in rows.items()]

    return store.read(read)


def texts(rows: Sequence[Sequence[object]] = ROWS) -> list[str]:
    """Return the texts of the rows."""
    return [str(row[1]) for row in rows]


def of_uuids(form: Callable[[UUID], object]) -> list[tuple[object, str, str]]:
    """Return the rows with ids in this form."""
    return [(form(key), text, category) for key, (_, text, category) in zip(UUIDS, ROWS, strict=True)]


class Noted(dict[str, object]):
    """A row that notes that its text is read."""

    read: ClassVar[list[object]] = []

    def __getitem__(self, column: str) -> object:
        if column == "text":
            self.read.append(super().__getitem__("id"))
        return super().__getitem__(column)


def test_sampled_texts_are_read_in_the_order_of_the_sample(linker: Linker) -> None:
    """Those of a large sample are in a file: in another order, a review of a whole store took five times as long."""
    link = linker(ROWS, [str(row[0]) for row in ROWS], texts())
    known = link._store.read(lambda connection: link._store.rows(connection, range(1, 13)))
    link._known = {key: Record(key, Stratum.OLD, Noted(row)) for key, row in reversed(known.items())}
    Noted.read.clear()
    assert list(link.records_of(dict.fromkeys(["3", "11", "7"]))) == ["3", "11", "7"]
    assert Noted.read == [11, 7, 3]


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        (ROWS, [str(row[0]) for row in ROWS]),
        (of_uuids(str), [str(key) for key in UUIDS]),
        (of_uuids(lambda key: key.hex), [str(key) for key in UUIDS]),
        (of_uuids(lambda key: str(key).upper()), [key.hex for key in UUIDS]),
        (of_uuids(lambda key: key.bytes), [str(key) for key in UUIDS]),
        (of_uuids(lambda key: key.bytes), [key.hex for key in UUIDS]),
        (of_uuids(lambda key: key.bytes_le), [str(key) for key in UUIDS]),
        ([(f"key {row[0]}".encode(), *row[1:]) for row in ROWS], [f"key {row[0]}" for row in ROWS]),
        (ROWS, [f"doc-{row[0]}" for row in ROWS]),
        (ROWS, [f"v1{row[0]}" for row in ROWS]),
        (of_uuids(lambda key: key.bytes), [f"urn:uuid:{key}" for key in UUIDS]),
    ],
    ids=["number", "UUID", "hex", "upper", "binary", "binary, hex", "Microsoft's", "text bytes", "prefix", "v1", "urn"],
)
def test_an_entry_has_the_id_of_its_record(
    linker: Linker, rows: list[tuple[object, str, str]], keys: list[str]
) -> None:
    """In its usual spellings, and after a prefix that all share."""
    link = linker(rows, keys, texts())
    assert link.problem == ""
    found = link.records_of(dict(zip(keys, texts(), strict=True)))
    assert {key: (item.text, item.category) for key, item in found.items()} == {
        key: row[1:] for key, row in zip(keys, rows, strict=True)
    }
    sample = {record.text: link.key_of(record) for record in link._sample}
    assert sample == dict(zip(texts(), keys, strict=True))
    assert link._store.read(lambda connection: sorted(map(str, link.keys(connection)))) == sorted(keys)


def test_a_prefix_needs_proof(linker: Linker) -> None:
    """Without documents, numbers may count something else; equal vectors prove it."""
    link = linker(ROWS, [f"doc-{row[0]}" for row in ROWS])
    assert "its entries have ids such as 'doc-1' and 'doc-2', the records such as '1' and '2'" in link.problem
    with pytest.raises(StoreError, match="--drift-columns=chroma_id=NAME"):
        link.refuse_unlinked()


def test_equal_vectors_are_proof(linker: Linker) -> None:
    """Of a prefix."""
    vectors = np.random.default_rng(1).normal(size=(COUNT, 4)).astype(np.float32)
    rows = [(*row, json.dumps(vector.tolist())) for row, vector in zip(ROWS, vectors, strict=True)]
    keys = [f"doc-{row[0]}" for row in ROWS]
    assert not linker(rows, keys, None, "id, text, category, embedding_json", vectors).problem


def test_row_numbers_are_not_ids(linker: Linker) -> None:
    """Entries that are numbered from 0 belong to other records than those with the same number."""
    problem = linker(ROWS, [str(number) for number in range(COUNT)]).problem
    assert problem == "the entries of collection 'risks' are numbered from 0, and the records are not"


def test_documents_tell_row_numbers_from_ids(linker: Linker) -> None:
    """The message says that the texts differ."""
    assert "are of other texts" in linker(ROWS, [str(number) for number in range(COUNT)], texts()).problem


def test_documents_may_be_missing_or_cut_short(linker: Linker) -> None:
    """The ids alone connect then."""
    keys = [str(row[0]) for row in ROWS]
    link = linker(ROWS, keys)
    assert link.records_of({"1": None}) == {"1": LinkedRecord(1, "text 0", "b")}
    assert link.records_of({"1": "tex", "2": "another text"}).keys() == {"1"}


def test_a_column_names_the_entries(linker: Linker) -> None:
    """Of several records that name one entry, the one with its text counts."""
    rows = [(*row, "shared" if row[0] < 3 else f"v{row[0]}") for row in ROWS]
    keys = ["shared", *(f"v{row[0]}" for row in ROWS[2:])]
    link = linker(rows, keys, ["text 1", *texts()[2:]], "id, text, category, chroma_id")
    assert link.records_of({"shared": "text 1"}) == {"shared": LinkedRecord(2, "text 1", "a")}
    assert link.records_of({"shared": None})["shared"].id == 1
    assert link.records_of({"elsewhere": None}) == {}


def test_a_column_without_any_name_is_none(linker: Linker) -> None:
    """The ids connect then."""
    link = linker(
        [(*row, None) for row in ROWS], [f"v{row[0]}" for row in ROWS], texts(), "id, text, category, chroma_id"
    )
    assert (link.problem, link.has_column) == ("", False)


def test_an_entry_of_an_undecided_record_has_no_record(linker: Linker) -> None:
    """A row without a category is no decision."""
    rows = [(row[0], row[1], None if row[0] == 1 else "a") for row in ROWS]
    assert linker(rows, [str(row[0]) for row in ROWS], texts()).records_of({"1": None, "2": None}).keys() == {"2"}


@pytest.mark.parametrize(
    "rows", [ROWS, of_uuids(str), of_uuids(lambda key: key.bytes)], ids=["number", "text", "bytes"]
)
def test_entries_of_undecided_rows_are_known(linker: Linker, rows: list[tuple[object, str, str]]) -> None:
    """Whatever their document; entries that the table lacks are not among them."""
    keys = [str(row[0]) for row in ROWS] if rows is ROWS else [str(key) for key in UUIDS]
    pending = [(*row[:2], None if place < 2 else row[2]) for place, row in enumerate(rows)]
    link = linker(pending, [*keys, "elsewhere"], [*texts(), "more"])
    assert link.undecided([*keys, "elsewhere"]) == set(keys[:2])
    assert link.undecided([keys[5]]) == link.undecided([]) == set()


def test_a_column_names_the_entries_of_undecided_rows(linker: Linker) -> None:
    """As of all others."""
    rows = [(*row[:2], None if place < 2 else row[2], f"v{row[0]}") for place, row in enumerate(ROWS)]
    link = linker(rows, [f"v{row[0]}" for row in ROWS], texts(), "id, text, category, chroma_id")
    assert link.undecided(["v1", "v3", "elsewhere"]) == {"v1"}


def test_a_table_of_decisions_has_no_undecided_rows(linker: Linker) -> None:
    """Nothing is read then."""
    link = linker(ROWS, [str(row[0]) for row in ROWS], texts())
    assert (link._store.others, link.undecided(["1"])) == (None, set())


def test_an_empty_collection_is_no_problem_of_the_link(linker: Linker) -> None:
    """The reviewer says that there is nothing to compare with."""
    assert linker(ROWS, []).problem == ""


@given(st.text(), st.integers(0, 60), st.sampled_from(["", "…", "...", " …", "\n"]))
def test_the_beginning_of_a_text_is_of_it(text: str, end: int, mark: str) -> None:
    """However it is marked."""
    assume(text[:end].strip("… .\n"))
    assert is_text_of(text, text)
    assert is_text_of(None, text)
    assert is_text_of(text[:end] + mark, text)


@pytest.mark.parametrize(("document", "text"), [("b", "a"), ("a longer text", "a longer"), ("A", "a")])
def test_another_text_is_not(document: str, text: str) -> None:
    """Nor is a longer one."""
    assert not is_text_of(document, text)
