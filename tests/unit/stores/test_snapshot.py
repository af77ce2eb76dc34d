"""Private copies of a store's files."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from drift_checks.core.errors import StoreChanged, StoreError
from drift_checks.stores import snapshot
from drift_checks.stores.snapshot import Snapshot, default_folder, fingerprint
from tests.support.processes import OtherProcess, run_unprivileged


class Usage(NamedTuple):
    """What shutil.disk_usage gives."""

    total: int
    used: int
    free: int


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to copy."""
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """Where snapshots are made."""
    return tmp_path / "deep" / "snapshots"


@pytest.fixture
def made(parent: Path) -> Iterator[Snapshot]:
    """A snapshot, closed at the end."""
    opened = Snapshot(parent)
    yield opened
    opened.close()


def test_files_are_copied_to_their_names(made: Snapshot, source: Path) -> None:
    """In folders where the names have them."""
    made.copy({source: "inner/name"})
    assert (made.folder / "inner" / "name").read_bytes() == b"content"


def test_a_copy_is_private(made: Snapshot) -> None:
    """A record's text is nobody else's."""
    assert made.folder.stat().st_mode & 0o077 == 0


def test_closing_removes_it(parent: Path, source: Path) -> None:
    """Nothing stays."""
    opened = Snapshot(parent)
    opened.copy({source: "name"})
    opened.close()
    assert list(parent.iterdir()) == []


def test_a_file_that_vanishes_is_left_out(made: Snapshot, source: Path, tmp_path: Path) -> None:
    """As a WAL does when its writer closes."""
    made.copy({source: "name", tmp_path / "gone": "gone"})
    assert not (made.folder / "gone").exists()


def test_what_a_killed_run_left_is_removed(parent: Path, source: Path) -> None:
    """By the next one."""
    with OtherProcess() as other:
        left = Path(str(other.run(f"from drift_checks.stores.snapshot import Snapshot{making(parent)}")))
    assert left.exists()
    Snapshot(parent).close()
    assert not left.exists()


def test_what_a_living_run_holds_stays(parent: Path, source: Path) -> None:
    """It is being read."""
    with OtherProcess() as other:
        held = Path(str(other.run(f"from drift_checks.stores.snapshot import Snapshot{making(parent)}")))
        Snapshot(parent).close()
        assert held.exists()


def making(parent: Path) -> str:
    """Return code that makes a snapshot and answers with its folder."""
    return f"""
from pathlib import Path
made = Snapshot(Path({str(parent)!r}))
answer = str(made.folder)
"""


def test_other_folders_beside_it_stay(parent: Path) -> None:
    """The folder may be shared."""
    (parent / "precious").mkdir(parents=True)
    Snapshot(parent).close()
    assert (parent / "precious").exists()


def test_a_snapshot_in_the_making_is_not_taken_for_abandoned(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs that start together disturb each other in nothing."""
    lock = fcntl.flock
    others: list[str] = []

    def interrupted(file: IO[str], operation: int) -> None:
        if not others:
            others.append("another run")
            Snapshot(parent).close()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", interrupted)
    opened = Snapshot(parent)
    assert opened.folder.exists()
    opened.close()


def test_no_room_is_told_before_anything_is_copied(
    made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting that mends it."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000_000))
    with pytest.raises(StoreError, match=r"snapshot-dir: .* has 1 MB free, .* needs 17 MB; .* --drift-snapshot-dir"):
        made.copy({source: "name"})
    assert not (made.folder / "name").exists()


def test_a_disk_that_fills_meanwhile_is_told_of(made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both ends of the copy."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StoreError, match=f"{source}: cannot be copied to .* \\(No space left on device\\)"):
        made.copy({source: "name"})


def test_a_folder_that_is_a_file_is_told_of(source: Path) -> None:
    """By the setting's name."""
    with pytest.raises(StoreError, match=r"snapshot-dir: .* \(File exists\); .* --drift-snapshot-dir"):
        Snapshot(source)


def test_a_folder_that_cannot_be_written_to_is_told_of(tmp_path: Path) -> None:
    """By the setting's name."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    said = run_unprivileged(
        """
import sys
from pathlib import Path
from drift_checks.core.errors import StoreError
from drift_checks.stores.snapshot import Snapshot
try:
    Snapshot(Path(sys.argv[1]))
except StoreError as error:
    print(error)
""",
        locked,
    )
    assert said.startswith("snapshot-dir: ")
    assert "Permission denied" in said


def test_a_torn_copy_is_made_again(made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written meanwhile is in it."""
    copy, copies = shutil.copyfile, []

    def disturbed(come_from: Path, target: Path) -> None:
        copy(come_from, target)
        copies.append(target)
        if len(copies) == 1:
            source.write_bytes(b"content and more")

    monkeypatch.setattr(shutil, "copyfile", disturbed)
    made.copy({source: "name"})
    assert len(copies) == 2
    assert (made.folder / "name").read_bytes() == b"content and more"


def test_files_that_never_rest_are_told_of(made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few attempts."""
    copy = shutil.copyfile

    def disturbed(come_from: Path, target: Path) -> None:
        copy(come_from, target)
        with source.open("ab") as file:
            file.write(b".")

    monkeypatch.setattr(shutil, "copyfile", disturbed)
    with pytest.raises(StoreChanged, match="each of 5 copies"):
        made.copy({source: "name"})


def test_a_fingerprint_changes_with_what_is_written(source: Path) -> None:
    """And with another file put in its place."""
    first = fingerprint([source])
    source.write_bytes(b"other and longer")
    second = fingerprint([source])
    other = source.with_name("other")
    other.write_bytes(b"other and longer")
    os.replace(other, source)  # noqa: PTH105 - the kernel's own way
    assert len({str(first), str(second), str(fingerprint([source]))}) == 3


def test_a_fingerprint_leaves_missing_files_out(source: Path) -> None:
    """They may come and go."""
    assert list(fingerprint([source, source.with_name("gone")])) == [source]


def test_the_default_folder_is_the_systems_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On disk, since a store may be larger than memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "drift-checks" / "snapshots"
    assert snapshot.default_folder is default_folder
