"""Reading a Chroma directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drift_checks.core.errors import StoreError
from drift_checks.stores.vectors import chroma
from drift_checks.stores.vectors.catalogue import CollectionName
from drift_checks.stores.vectors.chroma import DirectoryCollection, create_collection
from tests.support.folders import contents
from tests.support.reading_chroma import READ_ALL, read_all
from tests.support.stores import DIMENSION, NAME, BuiltStore


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """The folder of private copies."""
    return tmp_path / "snapshots"


@pytest.fixture
def vectors(store: BuiltStore, snapshots: Path) -> Iterator[DirectoryCollection]:
    """The collection of the small sound store."""
    opened = DirectoryCollection(store.chroma, NAME, snapshots)
    yield opened
    opened.close()


def made(folder: Path, **changed: Any) -> Path:
    """Create a Chroma directory with three entries, except for the changes; return it."""
    folder.mkdir()
    values: dict[str, Any] = {
        "ids": ["a", "b", "c"],
        "embeddings": np.eye(3, dtype=np.float32),
        "documents": ["one", "two", "three"],
        "metadatas": [{"category": "x"}] * 3,
    }
    create_collection(folder, "small", **(values | changed))
    return folder


def test_a_collection_knows_its_count_dimension_and_space(vectors: DirectoryCollection) -> None:
    """As it was created."""
    assert (vectors.count, vectors.dimension, vectors.space) == (120, DIMENSION, "cosine")


def test_entries_are_found_by_id(vectors: DirectoryCollection) -> None:
    """Unknown ids are skipped, repeated ones found once."""
    entries = vectors.entries(["chroma-7", "nowhere", "chroma-7", "chroma-9"])
    assert sorted(entries) == ["chroma-7", "chroma-9"]
    assert entries["chroma-7"].document == "Risk number 7 concerns regulatory matters."
    assert entries["chroma-7"].metadata["record_id"] == 7
    assert np.linalg.norm(entries["chroma-7"].vector) == pytest.approx(1, abs=1e-5)
    assert (vectors.entries([]), vectors.nearest([], 5)) == ({}, [])


def test_many_entries_are_read_in_pages(persisted: Path, snapshots: Path) -> None:
    """More than a request of Chroma allows; a sound index is read completely."""
    opened = DirectoryCollection(persisted, "many", snapshots)
    assert len(opened.entries([f"id-{number}" for number in range(5000)])) == 1200
    opened.close()
    read_all(persisted, snapshots)


def test_all_ids_are_yielded_over_several_pages(vectors: DirectoryCollection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once."""
    monkeypatch.setattr(DirectoryCollection, "ids_at_once", 50)
    assert sorted(vectors.ids()) == sorted(f"chroma-{number}" for number in range(1, 121))


def test_the_nearest_come_first(vectors: DirectoryCollection) -> None:
    """The vector's own entry first, with the similarity 1; at most all entries are returned."""
    own = vectors.entries(["chroma-5", "chroma-6"])
    near, other = vectors.nearest([own["chroma-5"].vector, own["chroma-6"].vector], 10)
    assert [near[0].id, other[0].id] == ["chroma-5", "chroma-6"]
    assert near[0].similarity == pytest.approx(1, abs=1e-5)
    assert len(near) == 10
    assert [entry.similarity for entry in near] == sorted((entry.similarity for entry in near), reverse=True)
    assert {entry.metadata["category"] for entry in near} == {"operational"}
    assert len(vectors.nearest([np.ones(DIMENSION, dtype=np.float32)], 1000)[0]) == 120


@pytest.mark.parametrize(
    ("space", "similarities"), [("cosine", [1.0, 0.0, 0.0]), ("l2", [1.0, 1 / 3, 1 / 3]), ("ip", [1.0, 0.0, 0.0])]
)
def test_similarity_decreases_with_distance_in_each_space(
    tmp_path: Path, snapshots: Path, space: str, similarities: list[float]
) -> None:
    """It is 1 for the same vector."""
    import chromadb

    folder = tmp_path / "chroma"
    client = chromadb.PersistentClient(str(folder))
    made = client.create_collection("small", metadata={"hnsw:space": space}, embedding_function=None)
    made.add(ids=["a", "b", "c"], embeddings=np.eye(3, dtype=np.float32))
    opened = DirectoryCollection(folder, "small", snapshots)
    [near] = opened.nearest([np.eye(3, dtype=np.float32)[0]], 3)
    opened.close()
    assert opened.space == space
    assert [entry.similarity for entry in near] == pytest.approx(similarities, abs=1e-5)
    assert (near[0].id, near[0].document, near[0].metadata) == ("a", None, {})


def test_the_directory_is_unchanged(store: BuiltStore, snapshots: Path) -> None:
    """Though Chroma writes to any directory that it opens; closing removes the copy, which may be large."""
    before = contents(store.folder)
    opened = DirectoryCollection(store.chroma, NAME, snapshots)
    opened.nearest([entry.vector for entry in opened.entries(list(opened.ids())).values()], 5)
    assert len(list(snapshots.iterdir())) == 1
    opened.close()
    opened.close()
    assert (list(snapshots.iterdir()), contents(store.folder)) == ([], before)


def test_other_files_of_the_directory_are_not_copied(store: BuiltStore, snapshots: Path) -> None:
    """Such as the records."""
    (store.folder / "backup").mkdir()
    (store.folder / "backup" / "large").touch()
    opened = DirectoryCollection(store.chroma, NAME, snapshots)
    names = {Path(name).name for name in contents(snapshots)}
    opened.close()
    assert "chroma.sqlite3" in names
    assert names.isdisjoint({"large", store.db.name})


def test_a_missing_collection_is_reported(store: BuiltStore, snapshots: Path) -> None:
    """With the existing ones and the nearest; no copy remains."""
    with pytest.raises(StoreError) as refused:
        DirectoryCollection(store.chroma, "risk_clasifications", snapshots)
    assert str(refused.value) == (
        f"{store.chroma}: has no collection 'risk_clasifications' (it has risk_classifications); name the collection"
        " with --drift-collection=NAME, or use none with --drift-chroma=none; did you mean 'risk_classifications'?"
    )
    assert list(snapshots.iterdir()) == []


def test_an_empty_collection_can_be_read(tmp_path: Path, snapshots: Path) -> None:
    """It has no dimension and no entries."""
    nothing = np.zeros((0, 3), dtype=np.float32)
    folder = made(tmp_path / "chroma", ids=[], embeddings=nothing, documents=[], metadatas=[])
    empty = DirectoryCollection(folder, "small", snapshots)
    assert empty.nearest([np.ones(3, dtype=np.float32)], 5) == [[]]
    assert (empty.count, empty.dimension, list(empty.ids()), empty.entries(["a"])) == (0, None, [], {})
    empty.close()


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda path: None, "does not exist; name"),
        (lambda path: path.touch(), "is not a folder; name"),
        (lambda path: path.mkdir(), "is empty; name"),
        (
            lambda path: (path / "x").mkdir(parents=True),
            "holds no chroma.sqlite3, .* a Chroma directory; name",
        ),
    ],
)
def test_what_is_not_a_chroma_directory_is_refused(tmp_path: Path, snapshots: Path, build: Any, said: str) -> None:
    """With the setting to change; nothing is copied."""
    path = tmp_path / "chroma"
    build(path)
    with pytest.raises(StoreError, match=f"{path}: {said} the Chroma directory with --drift-chroma"):
        DirectoryCollection(path, NAME, snapshots)
    assert not snapshots.exists()


def made_in(directory: Path, tenant: str, database: str, name: str = "risks") -> None:
    """Create a collection in a tenant and a database of a Chroma directory."""
    import chromadb
    from chromadb.config import Settings

    admin = chromadb.AdminClient(Settings(is_persistent=True, persist_directory=str(directory)))
    with suppress(Exception):  # it may exist
        admin.create_tenant(tenant)
    admin.create_database(database, tenant=tenant)
    client = chromadb.PersistentClient(str(directory), tenant=tenant, database=database)
    collection = client.create_collection(name, embedding_function=None)
    collection.add(ids=["a", "b"], embeddings=np.eye(2, dtype=np.float32))


def test_a_collection_is_found_in_any_tenant_and_database(tmp_path: Path, snapshots: Path) -> None:
    """Without a setting, if its name is unique in the directory; it has neither documents nor metadata."""
    made_in(tmp_path / "chroma", "acme", "prod")
    opened = DirectoryCollection(tmp_path / "chroma", "risks", snapshots)
    found = opened.entries(["a"])["a"]
    assert (opened.count, found.document, found.metadata) == (2, None, {})
    opened.close()


def test_one_of_several_collections_must_be_chosen(tmp_path: Path, snapshots: Path) -> None:
    """By its tenant or its database; a choice that does not exist is refused with those that do."""
    directory = tmp_path / "chroma"
    made_in(directory, "acme", "prod")
    made_in(directory, "acme", "test")
    with pytest.raises(StoreError) as several:
        DirectoryCollection(directory, "risks", snapshots)
    assert str(several.value) == (
        f"{directory}: has 2 collections 'risks' (tenant acme, database prod; tenant acme, database test); choose one"
        " with --drift-chroma-tenant=NAME and --drift-chroma-database=NAME."
    )
    opened = DirectoryCollection(directory, CollectionName("risks", database="test"), snapshots)
    assert opened.count == 2
    opened.close()
    with pytest.raises(StoreError, match="has the collection 'risks' only in tenant acme, database prod; tenant acme"):
        DirectoryCollection(directory, CollectionName("risks", "acme", "other"), snapshots)
    with pytest.raises(StoreError, match=r"has no collection 'x' \(it has risks in tenant acme, database prod, risks"):
        DirectoryCollection(directory, "x", snapshots)


def test_many_results_are_asked_for_in_parts(persisted: Path, snapshots: Path) -> None:
    """SQLite allows 32,766 variables in a statement, and Chroma takes one for each result."""
    opened = DirectoryCollection(persisted, "many", snapshots)
    vectors = [np.eye(8, dtype=np.float32)[number % 8] for number in range(64)]
    found = opened.nearest(vectors, 1200)
    assert [len(near) for near in found] == [1200] * 64
    assert found[0] == found[8] != found[1]
    opened.close()


def test_entries_with_a_text_can_be_left_out(persisted: Path, snapshots: Path) -> None:
    """So that its thousands of duplicates need not be fetched."""
    opened = DirectoryCollection(persisted, "many", snapshots)
    [near] = opened.nearest([np.ones(8, dtype=np.float32)], 1200, without="text 1")
    assert len(near) == sum(str(number)[0] != "1" for number in range(1200))
    opened.close()


def test_an_error_of_chroma_is_not_called_damage(persisted: Path, snapshots: Path) -> None:
    """If SQLite finds none: here, the vector has another dimension."""
    opened = DirectoryCollection(persisted, "many", snapshots)
    with pytest.raises(StoreError, match=r"finds no damage in chroma\.sqlite3") as refused:
        opened.nearest([np.ones(3, dtype=np.float32)], 5)
    assert "damaged" not in str(refused.value)
    opened.close()


def test_a_sqlite_too_old_for_chromadb_is_a_fault_of_the_installation(store: BuiltStore, snapshots: Path) -> None:
    """Not of the store; its extension module alone has a SQLite of its own."""
    code = f"""
import sqlite3
sqlite3.sqlite_version_info, sqlite3.sqlite_version = (3, 31, 1), "3.31.1"
from pathlib import Path
from drift_checks.core.errors import StoreError
from drift_checks.stores.vectors import chroma
chroma.BoundCollection = None
try:
    chroma.DirectoryCollection(Path({str(store.chroma)!r}), {NAME!r}, Path({str(snapshots)!r}))
except StoreError as error:
    print(error.exit_code, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("4 chromadb: needs SQLite 3.35 or newer, and the Python that runs this"), done.stderr
    assert "3.31.1; the store is not at fault; use a newer Python" in done.stdout


def test_a_list_of_one_value_stands_for_the_value(tmp_path: Path, snapshots: Path) -> None:
    """Chroma's metadata may hold lists; longer ones stay lists."""
    import chromadb

    client = chromadb.PersistentClient(str(tmp_path / "chroma"))
    collection = client.create_collection("risks", embedding_function=None)
    try:
        collection.add(
            ids=["a"], embeddings=np.ones((1, 2), dtype=np.float32), metadatas=[{"category": ["x"], "tags": ["y", "z"]}]
        )
    except ValueError:
        pytest.skip("this chromadb stores no lists")
    opened = DirectoryCollection(tmp_path / "chroma", "risks", snapshots)
    assert opened.entries(["a"])["a"].metadata == {"category": "x", "tags": ["y", "z"]}
    opened.close()


def test_a_folders_env_file_is_not_read(store: BuiltStore, tmp_path: Path, snapshots: Path) -> None:
    """It may belong to another program, with keys that Chroma refuses."""
    (tmp_path / ".env").write_text("UNKNOWN_KEY=1\nCHROMA_SERVER_HOST=elsewhere\nIS_PERSISTENT=maybe\n")
    command = [sys.executable, "-c", READ_ALL, str(store.chroma), str(snapshots)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert "has no collection 'many'" in done.stdout, done.stderr


@pytest.mark.parametrize(("way", "told"), [("", "[]\n"), ("chroma.BoundCollection = None", "[False]\n")])
def test_nothing_is_sent_to_the_network(store: BuiltStore, snapshots: Path, way: str, told: str) -> None:
    """No socket is opened, neither at import nor later, and the telemetry of chromadb's own client is off."""
    code = f"""
import socket
from pathlib import Path
def refuse(*_):
    raise SystemExit("a connection was tried")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from drift_checks.stores.vectors import chroma
{way}
opened = chroma.DirectoryCollection(Path({str(store.chroma)!r}), {NAME!r}, Path({str(snapshots)!r}))
opened.nearest([opened.entries(["chroma-1"])["chroma-1"].vector], 5)
import chromadb
told = chromadb.api.shared_system_client.SharedSystemClient._identifier_to_system.values()
print([system.settings.anonymized_telemetry for system in told])
opened.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == told, done.stderr


def test_the_package_chromadb_is_imported_only_for_an_error(persisted: Path, snapshots: Path, tmp_path: Path) -> None:
    """It takes a second. The core ends the process if it cannot import its errors, here because of another's `.env`."""
    (tmp_path / ".env").write_text("IS_PERSISTENT=maybe\n")
    code = f"""
import sys
from pathlib import Path
import numpy as np
from drift_checks.core.errors import StoreError
from drift_checks.stores.vectors.chroma import DirectoryCollection
opened = DirectoryCollection(Path({str(persisted)!r}), "many", Path({str(snapshots)!r}))
opened.nearest([opened.first(1)[0].vector], 5)
print([name for name in sys.modules if name.split(".")[0] == "chromadb"])
try:
    opened.nearest([np.ones(3, dtype=np.float32)], 5)
except StoreError as error:
    print(error)
import chromadb.errors
print(chromadb.errors.NotFoundError.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    imported, said, found = done.stdout.splitlines()
    assert (imported, found) == ("[]", "NotFoundError"), done.stderr
    assert "(Collection expecting embedding with dimension of 8, got 3)" in said


def test_what_the_bindings_cannot_answer_is_asked_of_chromadb(
    persisted: Path, snapshots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version may have changed them: when the directory is opened, or by a call."""
    first = DirectoryCollection(persisted, "many", snapshots)
    asked = [np.eye(8, dtype=np.float32)[0]]
    expected = [list(first.ids()), first.nearest(asked, 20, without="text 1")]
    first._collection._id = 1
    assert [list(first.ids()), first.nearest(asked, 20, without="text 1")] == expected
    first.close()
    monkeypatch.setattr(chroma, "BoundCollection", None)
    second = DirectoryCollection(persisted, "many", snapshots)
    assert (second.count, second.dimension, second.space) == (first.count, first.dimension, first.space)
    assert [list(second.ids()), second.nearest(asked, 20, without="text 1")] == expected
    second.close()
    assert list(snapshots.iterdir()) == []


def test_chromadb_is_imported_only_when_a_directory_is_opened() -> None:
    """It takes a second."""
    code = "import sys, drift_checks.stores.vectors.chroma; print('chromadb' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""}
    )
    assert done.stdout == "False\n", done.stderr
