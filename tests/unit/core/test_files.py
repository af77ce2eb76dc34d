"""Locks between processes, and atomic replacement."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from drift_checks.core.files import Claims, lock, locked_folder, read_text, replace_file, try_lock
from tests.support.processes import OtherProcess


@pytest.fixture
def other() -> Iterator[OtherProcess]:
    """A process with the functions under test."""
    with OtherProcess() as process:
        process.run("import threading\nfrom drift_checks.core.files import lock, locked_folder, try_lock")
        yield process


def test_only_one_process_holds_the_lock_of_a_file(tmp_path: Path, other: OtherProcess) -> None:
    """`try_lock` returns at once, and `lock` waits for the holder."""
    with (tmp_path / "lock").open("w") as file:
        other.run(f"file = open({str(tmp_path / 'lock')!r}); lock(file)")
        assert not try_lock(file)
        other.run("threading.Timer(0.2, file.close).start()")
        lock(file)
        assert other.run(f"answer = (file.closed, try_lock(open({str(tmp_path / 'lock')!r})))") == [True, False]


def test_a_killed_process_holds_no_lock(tmp_path: Path, other: OtherProcess) -> None:
    """Nothing needs to be cleaned up."""
    with (tmp_path / "lock").open("w") as file:
        other.run(f"file = open({str(tmp_path / 'lock')!r}); lock(file)")
        other.kill()
        assert try_lock(file)


def test_only_one_process_holds_the_lock_of_a_folder(tmp_path: Path, other: OtherProcess) -> None:
    """Until its block ends; no lock file is left."""
    attempt = f"import os; answer = try_lock(os.open({str(tmp_path)!r}, os.O_RDONLY))"
    with locked_folder(tmp_path):
        assert other.run(attempt) is False
    assert other.run(attempt) is True
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    """No other file is left."""
    path = tmp_path / "a"
    for content in (b"old", b"new"):
        replace_file(path, content, 0o640)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (content, 0o640)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
def test_the_old_file_is_kept_if_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Such as on a full disk."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a"
    replace_file(path, b"old", 0o600)
    monkeypatch.setattr(f"{'pathlib.Path' if step == 'replace' else 'os'}.{step}", fail)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new", 0o600)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["a named pipe", "a socket", "a device"])
def test_what_is_not_a_plain_file_is_refused_unopened(tmp_path: Path, kind: str) -> None:
    """Opening a named pipe would wait for its writer."""
    path = tmp_path / "special"
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        with chdir(tmp_path), socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    with pytest.raises(OSError, match=f"it is {kind}, not a file"):
        read_text(path)


def test_a_folder_is_no_plain_file(tmp_path: Path) -> None:
    """Its error is the system's."""
    with pytest.raises(IsADirectoryError):
        read_text(tmp_path)


def test_a_link_to_a_plain_file_is_read(tmp_path: Path) -> None:
    """Links are followed."""
    (tmp_path / "file").write_text("ä", encoding="utf-8")
    (tmp_path / "link").symlink_to("file")
    assert read_text(tmp_path / "link") == "ä"


def test_a_claim_has_one_owner(tmp_path: Path, other: OtherProcess) -> None:
    """In this process or another, until it is released or the process ends."""
    with Claims(tmp_path / "claims") as claims:
        assert claims.take("1", "anna")
        assert claims.take("1", "anna")
        assert not claims.take("1", "ben")
        other.run("from pathlib import Path; from drift_checks.core.files import Claims")
        other.run(f"claims = Claims(Path({str(tmp_path / 'claims')!r}))")
        assert other.run("answer = (claims.take('1'), claims.take('2'))") == [False, True]
        assert not claims.take("2", "anna")
        claims.release("1", "ben")
        assert other.run("answer = claims.take('1')") is False
        claims.release("1", "anna")
        assert other.run("answer = claims.take('1')") is True
        other.kill()
        assert claims.take("1", "ben")
