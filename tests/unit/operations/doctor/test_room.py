"""Room on the disks, and the sizes of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.text import readable_size
from drift_checks.operations.doctor.room import (
    checks,
    existing,
    room_for_backup,
    room_for_copy,
    room_for_reports,
    size_of,
)
from tests.support.doctoring import findings_of, put, setup, statuses
from tests.support.stores import BuiltStore


@pytest.mark.parametrize(("room", "status"), [(10_000_000, "error"), (100_000_000, "warning"), (10**10, "ok")])
def test_room_for_reports(room: int, status: str) -> None:
    """A run's folder takes half a megabyte."""
    assert room_for_reports(room).status == status


@pytest.mark.parametrize(
    ("room", "for_copy", "for_backup"), [(99, "error", "warning"), (150, "warning", "ok"), (200, "ok", "ok")]
)
def test_room_for_a_private_copy_and_a_backup(room: int, for_copy: str, for_backup: str) -> None:
    """Twice the copy's size lets the store grow; a backup is compressed."""
    assert (room_for_copy(room, 100).status, room_for_backup(room, 100).status) == (for_copy, for_backup)


def test_records_in_the_chroma_directory_count_once(tmp_path: Path, store: BuiltStore) -> None:
    """They are not copied with the vectors."""
    look = setup(tmp_path, store)
    look.store.open()
    found = findings_of(checks(look))
    copied = readable_size(size_of(store.chroma) - store.db.stat().st_size + 16 * 1024 * 1024)
    assert found["snapshots"].message.endswith(f"a private copy takes {copied}")
    assert found["backups"].message.endswith(f"a backup takes at most {readable_size(size_of(store.chroma))}")


def test_without_a_store_no_size_is_known(tmp_path: Path) -> None:
    """Except that of the reports."""
    found = findings_of(checks(setup(tmp_path)))
    assert statuses(found) == {"reports": "ok", "snapshots": "skipped", "backups": "skipped"}


def test_a_folder_is_as_large_as_its_files(tmp_path: Path) -> None:
    """A link counts for itself; a folder that does not exist yet is on the disk of the one above it."""
    put(tmp_path / "a/b", "12345")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert size_of(tmp_path) == 5 + len("/etc/passwd")
    assert (existing(tmp_path / "new/b"), existing(Path("/no such/a"))) == (tmp_path, Path("/"))
