"""Private copies of a store's files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from drift_checks.core.errors import StoreChanged, StoreError
from drift_checks.stores.engines import snapshot
from drift_checks.stores.engines.snapshot import Snapshot, default_folder, fingerprint
from tests.support.processes import OtherProcess


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to copy."""
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """The folder in which snapshots are made."""
    return tmp_path / "deep" / "snapshots"


@pytest.fixture
def made(parent: Path) -> Iterator[Snapshot]:
    """A snapshot, closed at the end."""
    opened = Snapshot(parent)
    yield opened
    opened.close()


def test_files_are_copied_privately_until_it_is_closed(parent: Path, source: Path, tmp_path: Path) -> None:
    """To their names, in subfolders; a file that vanishes is skipped, as a WAL when its writer closes."""
    made = Snapshot(parent)
    made.copy({source: "inner/name", tmp_path / "gone": "gone"})
    assert (made.folder / "inner" / "name").read_bytes() == b"content"
    assert not (made.folder / "gone").exists()
    assert made.folder.stat().st_mode & 0o077 == 0
    made.close()
    assert list(parent.iterdir()) == []


def test_a_snapshot_is_kept_while_its_process_lives(parent: Path) -> None:
    """The next snapshot removes what a killed process left."""
    code = f"""
from pathlib import Path
from drift_checks.stores.engines import snapshot
from drift_checks.stores.engines.snapshot import Snapshot
made = Snapshot(Path({str(parent)!r}))
answer = str(made.folder)
"""
    with OtherProcess() as other:
        held = Path(str(other.run(code)))
        Snapshot(parent).close()
        assert held.exists()
    Snapshot(parent).close()
    assert not held.exists()


BUSY = """
import sys
from pathlib import Path
from drift_checks.stores.engines import snapshot
from drift_checks.stores.engines.snapshot import Snapshot
parent, source = map(Path, sys.argv[1:])
for _ in range(150):
    made = Snapshot(parent)
    made.copy({source: "inner/name"})
    assert (made.folder / "inner" / "name").read_bytes() == b"content"
    made.close()
"""


def test_processes_that_make_snapshots_at_once_disturb_each_other_in_nothing(parent: Path, source: Path) -> None:
    """None takes the snapshot of another for abandoned, however their steps interleave."""
    command = [sys.executable, "-c", BUSY, str(parent), str(source)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert (errors, list(parent.iterdir())) == ([""] * 4, [])


def test_other_folders_are_kept(parent: Path) -> None:
    """The user may share the folder, even for names like those of snapshots."""
    for name in ("precious", "snapshot-precious"):
        (parent / name).mkdir(parents=True)
    Snapshot(parent).close()
    assert sorted(path.name for path in parent.iterdir()) == ["precious", "snapshot-precious"]


def test_a_lack_of_room_is_reported_before_anything_is_copied(
    made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the setting."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(StoreError, match=r"snapshot-dir: .* has 1.0 MB free, .* needs 17 MB; .* --drift-snapshot-dir"):
        made.copy({source: "name"})
    assert not (made.folder / "name").exists()


def test_a_disk_that_fills_up_is_reported(made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names both ends of the copy."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(StoreError, match=f"{source}: cannot be copied to .* \\(No space left on device\\)"):
        made.copy({source: "name"})


def test_a_folder_that_is_a_file_is_reported(source: Path) -> None:
    """The error names the setting."""
    with pytest.raises(StoreError, match=r"snapshot-dir: .* \(File exists\); .* --drift-snapshot-dir"):
        Snapshot(source)


def test_an_inconsistent_copy_is_repeated(made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It then has what was written meanwhile."""
    copy, copies = shutil.copyfileobj, []

    def disturbed(come_from: IO[bytes], target: IO[bytes], size: int) -> None:
        copy(come_from, target, size)
        copies.append(target)
        if len(copies) == 1:
            source.write_bytes(b"content and more")

    monkeypatch.setattr(shutil, "copyfileobj", disturbed)
    made.copy({source: "name"})
    assert len(copies) == 2
    assert (made.folder / "name").read_bytes() == b"content and more"


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="this system's kernel copies no files")
@pytest.mark.parametrize("pieces", [0, 1, 9])
def test_what_the_kernel_does_not_copy_is_copied(
    made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    """Between some file systems it copies nothing."""
    copy, left = os.copy_file_range, [None] * pieces

    def some(come_from: int, target: int, size: int) -> int:
        if not left:
            raise OSError(18, "Invalid cross-device link")
        left.pop()
        return copy(come_from, target, size)

    monkeypatch.setattr(snapshot, "_PIECE", 3)
    monkeypatch.setattr(os, "copy_file_range", some)
    made.copy({source: "name"})
    assert (made.folder / "name").read_bytes() == b"content"


def test_files_that_keep_changing_are_reported(made: Snapshot, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few attempts."""
    copy = shutil.copyfileobj

    def disturbed(come_from: IO[bytes], target: IO[bytes], size: int) -> None:
        copy(come_from, target, size)
        with source.open("ab") as file:
            file.write(b".")

    monkeypatch.setattr(shutil, "copyfileobj", disturbed)
    with pytest.raises(StoreChanged, match="during each of 5 attempts to copy it"):
        made.copy({source: "name"})


def test_a_fingerprint_changes_with_the_file(source: Path) -> None:
    """After a write, and if another file replaces it; missing files are skipped."""
    first = fingerprint([source, source.with_name("gone")])
    assert list(first) == [source]
    source.write_bytes(b"other and longer")
    second = fingerprint([source])
    other = source.with_name("other")
    other.write_bytes(b"other and longer")
    os.replace(other, source)  # noqa: PTH105 - the kernel's own way
    assert len({str(first), str(second), str(fingerprint([source]))}) == 3


def test_the_default_folder_is_the_systems_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On disk, since a store may be larger than memory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "drift-checks" / "snapshots"
