"""A store without permission to write or to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.folders import contents
from tests.support.journals import left_hot, make, write
from tests.support.processes import OtherProcess, run_unprivileged
from tests.support.stores import BuiltStore

READ_IDS = """
import sys
from pathlib import Path
from drift_checks.core.errors import DriftError
from tests.support.journals import read_ids
path, snapshots = map(Path, sys.argv[1:])
for attempt in (lambda: path.open("r+b"), lambda: path.with_name("new").touch()):
    try:
        attempt()
    except PermissionError:
        continue
    raise SystemExit("writing was possible")
try:
    print(len(read_ids(path, snapshots)))
except DriftError as error:
    print(type(error).__name__, error)
"""
OPEN_CHROMA = """
import sys
from pathlib import Path
from drift_checks.core.errors import DriftError
from drift_checks.stores.vectors.chroma import DirectoryCollection
path, snapshots = map(Path, sys.argv[1:])
try:
    opened = DirectoryCollection(path, "risk_classifications", snapshots)
except DriftError as error:
    print(type(error).__name__, error)
else:
    print(opened.count, len(opened.entries(["chroma-1"])))
    opened.close()
"""
LOAD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from drift_checks.core.errors import DriftError
from drift_checks.settings.loading import Sources, load
options = {"drift_chroma": sys.argv[1], "drift_naive_timezone": "UTC"}
try:
    load(Sources(options, {}, {}, Path("/")), datetime.now(UTC))
    print("loaded")
except DriftError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose permissions a test removes; they are restored at the end."""
    path = tmp_path / "store"
    path.mkdir()
    yield path
    path.chmod(0o755)


def closed(folder: Path) -> Path:
    """Remove all write permissions from the folder and its files; return it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@pytest.mark.parametrize(
    ("build", "rows"),
    [
        pytest.param(make, 3, id="rollback journal"),
        pytest.param(lambda path: make(path, journal="wal"), 3, id="closed WAL"),
        pytest.param(left_hot, 499, id="hot journal"),
    ],
)
def test_a_file_without_write_permission_is_read(
    folder: Path, tmp_path: Path, build: Callable[[Path], Path], rows: int
) -> None:
    """Its folder need not be writable either."""
    path = build(folder / "a.db")
    before = contents(closed(folder))
    assert run_unprivileged(READ_IDS, path, tmp_path / "snapshots") == str(rows)
    assert contents(folder) == before


def test_a_wal_without_write_permission_is_read(folder: Path, tmp_path: Path) -> None:
    """Live or left by a killed writer; not even the `-shm` changes."""
    path = make(folder / "a.db", journal="wal")
    with OtherProcess() as writer:
        write(writer, path, "insert into risks values (4, 'late')")
        before = contents(closed(folder))
        assert run_unprivileged(READ_IDS, path, tmp_path / "snapshots") == "4"
        assert contents(folder) == before
    before = contents(folder)
    assert run_unprivileged(READ_IDS, path, tmp_path / "snapshots") == "4"
    assert contents(folder) == before


def test_a_file_without_read_permission_is_reported(folder: Path, tmp_path: Path) -> None:
    """So is one in a folder without search permission."""
    path = make(folder / "a.db")
    path.chmod(0)
    for mode in (0o555, 0):
        folder.chmod(mode)
        said = run_unprivileged(READ_IDS, path, tmp_path / "snapshots")
        assert said == f"StoreError {path}: cannot be read (Permission denied)."


def test_a_chroma_directory_without_write_permission_is_read(store: BuiltStore, tmp_path: Path) -> None:
    """From a copy, as always."""
    before = contents(closed(store.folder))
    said = run_unprivileged(OPEN_CHROMA, store.chroma, tmp_path / "snapshots")
    store.folder.chmod(0o755)
    assert said == "120 1"
    assert contents(store.folder) == before


@pytest.mark.parametrize(
    ("name", "mode"),
    [("chroma.sqlite3", 0), (".", 0), ("..", 0), (".", 0o111), ("ef538636-cc49-4595-9b1c-d52938814d64", 0)],
)
def test_a_chroma_directory_without_read_permission_is_reported(
    store: BuiltStore, tmp_path: Path, name: str, mode: int
) -> None:
    """Whether for the folder, the one above, the database, or the folder of a segment."""
    inner = store.folder / "vectors"
    inner.mkdir()
    (store.folder / "chroma.sqlite3").rename(inner / "chroma.sqlite3")
    (inner / "ef538636-cc49-4595-9b1c-d52938814d64").mkdir()
    (inner / name).chmod(mode)
    try:
        said = run_unprivileged(OPEN_CHROMA, inner, tmp_path / "snapshots")
    finally:
        (inner / name).chmod(0o755)
    assert said.startswith(f"StoreError {inner}")
    assert "Permission denied" in said


def test_settings_can_be_read_without_permission_for_the_chroma_directory(folder: Path) -> None:
    """The default of `db` is looked for in it."""
    folder.chmod(0)
    said = run_unprivileged(LOAD, folder)
    assert said == "loaded" or said.startswith(("SettingError", "StoreError"))
