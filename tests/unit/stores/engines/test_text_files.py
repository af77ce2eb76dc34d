"""CSV files and JSON lines: what they may look like, and what is said about those that cannot be read."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import StoreError
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from tests.support.tables import TABLE

HEADER = "id,text,category\n"
UTF8 = "utf-8"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file; text is encoded as UTF-8."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path, renamed: Mapping[str, str] | None = None) -> list[tuple[object, ...]]:
    """Return id, text and category of all decisions."""
    with closing(open_records(path, path.parent / "snapshots")) as file:
        store = RecordStore(file, TABLE, renamed or {})
        return store.read(lambda connection: list(store.stream(connection, "id", "text", "category")))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", "id,text,category\n7,a b,x\n"),
        ("mark.csv", b"\xef\xbb\xbfid,text,category\n7,a b,x\n"),
        ("other-order.csv", "CATEGORY,Text,extra,ID\nx,a b,,7\n"),
        ("windows.csv", 'id;text;category\r\n7;"a b";x\r\n'),
        ("tabs.tsv", "id\ttext\tcategory\n7\ta b\tx\n"),
        ("tabs.csv", "id\ttext\tcategory\n7\ta b\tx\n"),
        ("blank lines.csv", "id,text,category\n\n7,a b,x\n\n"),
        ("no end of line.csv", "id,text,category\n7,a b,x"),
        ("packed.csv.gz", gzip.compress(b"id,text,category\n7,a b,x\n", mtime=0)),
        ("[1]*?.csv", "id,text,category\n7,a b,x\n"),
        ("it's.csv", "id,text,category\n7,a b,x\n"),
        ("a.jsonl", '{"id": 7, "text": "a b", "category": "x"}\n\n'),
        ("b.ndjson", '{"id": "7", "text": "a b", "category": "x", "more": [1, {"y": null}]}'),
        ("packed.jsonl.gz", gzip.compress(b'{"id": 7, "text": "a b", "category": "x"}\n', mtime=0)),
    ],
)
def test_usual_files_are_read(tmp_path: Path, name: str, content: str | bytes) -> None:
    """With any delimiter, order, case and end of line."""
    assert rows_of(write(tmp_path, name, content)) == [(7, "a b", "x")]


def test_texts_stay_as_they_are_written(tmp_path: Path) -> None:
    """No id, category or text becomes a number, a date or a truth value; a quoted text may have several lines."""
    content = f'{HEADER}007,3/4/2026,true\n8,"said ""no"",\nthen left",1.0\nx,null,2026-01-01\n'
    assert rows_of(write(tmp_path, "a.csv", content)) == [
        ("007", "3/4/2026", "true"),
        ("8", 'said "no",\nthen left', "1.0"),
        ("x", "null", "2026-01-01"),
    ]
    lines = '{"id": "007", "text": "3/4/2026", "category": true}\n{"id": 8, "text": [1.5], "category": 1.0}\n'
    assert rows_of(write(tmp_path, "a.jsonl", lines)) == [("007", "3/4/2026", "true"), ("8", "[1.5]", "1.0")]


def test_without_ids_records_are_numbered(tmp_path: Path) -> None:
    """In the order of the file, which a note says; a mapped column that is missing is an error all the same."""
    path = write(tmp_path, "a.csv", "body,label\nfirst,x\nsecond,\nthird,y\n")
    renamed = {"text": "body", "category": "label"}
    assert rows_of(path, renamed) == [(1, "first", "x"), (3, "third", "y")]
    with closing(open_records(path, tmp_path / "snapshots")) as file:
        assert RecordStore(file, TABLE, renamed).forms.notes[0].startswith("there is no column of ids")
    with pytest.raises(StoreError, match="has no column 'key'"):
        rows_of(path, {**renamed, "id": "key"})


def test_the_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    """Their columns are matched by name, in any case; a file may lack some. Other files do not count."""
    folder = tmp_path / "records.csv"
    folder.mkdir()
    write(folder, "1.csv", "id,text,category\n1,a,x\n")
    write(folder, "2.csv", "Category,ID,Text,more\ny,2,b,z\n")
    write(folder, "README", "nothing")
    write(folder, ".hidden.csv", "broken")
    assert rows_of(folder) == rows_of(tmp_path / "records.csv" / "*.csv") == [(1, "a", "x"), (2, "b", "y")]


BROKEN: dict[str, str | bytes] = {
    "few fields.csv": f"{HEADER}1,a,x\n2,b\n",
    "many fields.csv": f"{HEADER}1,a,x\n2,b,c,d\n",
    "open quote.csv": f'{HEADER}1,a,x\n2,"b,x\n3,c,y\n',
    "mixed ends.csv": "id,text,category\r\n1,a,x\n2,b,y\r\n",
    "latin.csv": f"{HEADER}1,a,x\n2,caf\u00e9,y\n".encode("latin-1"),
    "utf16.csv": f"{HEADER}1,a,x\n".encode("utf-16"),
    "twice.csv": "id,text,Text,category\n1,a,b,x\n",
    "no header.csv": "1,a text,x\n2,another,y\n",
    "blank.csv": "\n\n",
    "empty.csv": "",
    "long.csv": f"{HEADER}1,{'x' * 17_000_000},y\n",
    "cut.csv.gz": gzip.compress(f"{HEADER}1,a,x\n".encode() * 99)[:40],
    "array.jsonl": '[{"id": 1, "text": "a", "category": "x"}]\n',
    "number.jsonl": '{"id": 1, "text": "a", "category": "x"}\n5\n',
    "cut.jsonl": '{"id": 1, "text": "a", "category": "x"}\n\n{"id": 2, "te',
    "latin.jsonl": b'{"id": "caf\xe9", "text": "a", "category": "x"}\n',
    "case.jsonl": '{"id": 1, "Text": "a", "text": "b", "category": "x"}\n',
    "blank.jsonl": "\n\n",
}


def test_files_that_cannot_be_read_are_named_with_the_line(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """In one sentence, with what to do."""
    sentences = {}
    for name, content in BROKEN.items():
        with pytest.raises(StoreError) as refused:
            rows_of(write(tmp_path, name, content))
        assert refused.value.exit_code == 4
        sentences[name] = str(refused.value).replace(str(tmp_path), "DIR")
    assert sentences == snapshot
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == []
