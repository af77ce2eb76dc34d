"""Rights and room, with real files and modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.text import readable_size
from drift_checks.operations.doctor.finding import Said, Status
from drift_checks.operations.doctor.folders import (
    checks,
    env_file,
    filesystem_of,
    log_file,
    room_for_backup,
    room_for_copy,
    room_for_reports,
    secret,
    secret_files,
    snapshots,
    user,
    writable,
)
from drift_checks.operations.doctor.sizes import existing, size_of
from tests.support.doctoring import found, put, said, setup
from tests.support.processes import run_unprivileged
from tests.support.stores import BuiltStore

MOUNTS = r"""overlay / overlay rw 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/sda1 /tmp/on\040disk ext4 rw 0 0
tmpfs /run/user/1000 tmpfs rw 0 0
"""
LOOK = """
import sys
from pathlib import Path
from drift_checks.operations.doctor import folders
status, message, remedy = getattr(folders, sys.argv[1])(Path(sys.argv[2]), *sys.argv[3:])
print(f"{status} {message} > {remedy}")
"""


def looked(name: str, path: Path, *arguments: str) -> str:
    """Return what a user to whom modes apply is told of a path."""
    try:
        return run_unprivileged(LOOK, name, path, *arguments)
    finally:
        if path.exists():
            path.chmod(0o755)


@pytest.mark.parametrize(("number", "status"), [(0, "warning"), (1000, "ok")])
def test_root_is_a_warning(number: int, status: str) -> None:
    """What it may write says nothing."""
    assert user(number, None).status == status
    assert ("runuser -u drift -- " in user(number, "drift").remedy) is (number == 0)


def test_a_folder_that_can_be_written_to(tmp_path: Path) -> None:
    """Or made; it is not made for that."""
    assert writable(tmp_path, "--o") == Said(Status.OK, f"{tmp_path} can be written to")
    assert writable(tmp_path / "a/b", "--o").status is Status.OK
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """Nor can one be made in it."""
    tmp_path.chmod(0o555)
    assert looked("writable", tmp_path, "--o").startswith(f"error {tmp_path} cannot be written to > give")
    tmp_path.chmod(0o555)
    try:
        told = run_unprivileged(LOOK, "writable", tmp_path / "new", "--o")
    finally:
        tmp_path.chmod(0o755)
    assert told.startswith(f"error {tmp_path}/new is not there, and cannot be made in {tmp_path} > make it")


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    """It is named as such, a link that leads nowhere too."""
    assert writable(put(tmp_path / "file", ""), "--o").status is Status.ERROR
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert writable(tmp_path / "link", "--o").status is Status.ERROR


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "overlay"),
        ("/tmp", "tmpfs"),
        ("/tmp/a/b", "tmpfs"),
        ("/tmpfoo", "overlay"),
        ("/tmp/on disk/a", "ext4"),
        ("/run/user/1000/x", "tmpfs"),
    ],
)
def test_the_filesystem_of_a_path(path: str, kind: str) -> None:
    """That of the longest place above it."""
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_what_is_mounted_may_not_be_told() -> None:
    """Then nothing is known of it; lines of another form are passed over."""
    assert filesystem_of(Path("/a"), "") == ""
    assert filesystem_of(Path("/a"), "nonsense\n\n/dev/x\n") == ""


def test_copies_in_memory_are_a_warning(tmp_path: Path) -> None:
    """A folder on a disk is the remedy."""
    told = snapshots(tmp_path / "snapshots", f"tmpfs {tmp_path} tmpfs rw 0 0\n")
    assert (told.status, "lies in memory (tmpfs)" in told.message) == (Status.WARNING, True)
    assert snapshots(tmp_path / "snapshots", "/dev/sda1 / ext4 rw 0 0\n").status is Status.OK


def test_copies_that_cannot_be_made_are_a_cross(tmp_path: Path) -> None:
    """Whatever the filesystem."""
    told = snapshots(put(tmp_path / "file", ""), "tmpfs / tmpfs rw 0 0\n")
    assert told.status is Status.ERROR


def test_a_log_that_can_be_written(tmp_path: Path) -> None:
    """There, or yet to be made."""
    assert log_file(put(tmp_path / "a.log", "")).status is Status.OK
    assert log_file(tmp_path / "logs/a.log").status is Status.OK


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """The file, or what it is replaced in when it is full."""
    file = put(tmp_path / "a.log", "", 0o444)
    assert looked("log_file", file).startswith(f"error {file} cannot be written")
    assert log_file(tmp_path).status is Status.ERROR


@pytest.mark.parametrize(
    ("mode", "status", "told"),
    [
        (0o600, "ok", "by its owner alone (0600)"),
        (0o400, "ok", "by its owner alone (0400)"),
        (0o640, "warning", "by its group (0640)"),
        (0o644, "error", "by everyone (0644)"),
        (0o604, "error", "by everyone (0604)"),
    ],
)
def test_who_may_read_a_secret(tmp_path: Path, mode: int, status: str, told: str) -> None:
    """Its owner alone is right."""
    file = put(tmp_path / "key", "sk-secret", mode)
    line = secret(file)
    assert (line.status, line.message) == (status, f"{file} {'is' if status == 'ok' else 'can be'} read {told}")
    assert line.remedy == ("" if status == "ok" else f"chmod 600 {file}")


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    """The variable names nothing."""
    assert secret(tmp_path / "none").status is Status.ERROR


def test_a_secret_of_another_user(tmp_path: Path) -> None:
    """It is none's to check but theirs."""
    assert looked("secret", put(tmp_path / "key", "", 0)).startswith("skipped")


def test_the_files_of_secrets_are_found(tmp_path: Path) -> None:
    """By variables, and as credentials of the service manager."""
    key = put(tmp_path / "key", "", 0o600)
    put(tmp_path / "etc/drift-checks/credentials/PAGERDUTY_API_KEY", "", 0o600)
    assert secret_files({"DRIFT_SMTP_URL_FILE": str(key), "OTHER_FILE": "/x"}, tmp_path) == {
        "DRIFT_SMTP_URL": key,
        "PAGERDUTY_API_KEY": tmp_path / "etc/drift-checks/credentials/PAGERDUTY_API_KEY",
    }
    assert secret_files({"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}, tmp_path) == {}


@pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o640, "error"), (0o644, "error")])
def test_who_may_read_the_variables(tmp_path: Path, mode: int, status: str) -> None:
    """Their owner alone is right."""
    assert env_file(put(tmp_path / "review.env", "", mode)).status == status


def test_variables_that_are_not_there(tmp_path: Path) -> None:
    """Without a schedule there are none."""
    assert env_file(tmp_path / "review.env").status is Status.SKIPPED


@pytest.mark.parametrize(("room", "status"), [(10_000_000, "error"), (100_000_000, "warning"), (10**10, "ok")])
def test_room_for_reports(room: int, status: str) -> None:
    """A run's folder takes half a megabyte."""
    assert room_for_reports(room).status == status


@pytest.mark.parametrize(("room", "status"), [(99, "error"), (150, "warning"), (200, "ok")])
def test_room_for_a_private_copy(room: int, status: str) -> None:
    """Twice its size leaves it room to grow."""
    assert room_for_copy(room, 100).status == status


@pytest.mark.parametrize(("room", "status"), [(99, "warning"), (100, "ok")])
def test_room_for_a_backup(room: int, status: str) -> None:
    """Compressed, it takes less."""
    assert room_for_backup(room, 100).status == status


def test_the_sizes_of_this_store(tmp_path: Path, store: BuiltStore) -> None:
    """The records in the Chroma directory are not copied with it."""
    look = setup(tmp_path, store)
    look.store.open()
    lines = found([check for check in checks(look, lambda: None) if check.group == "room"])
    vectors = size_of(store.chroma) - store.db.stat().st_size
    copied = readable_size(vectors + 16 * 1024 * 1024)
    assert said(lines["snapshots"])[1].endswith(f"a private copy takes {copied}")
    assert said(lines["backups"])[1].endswith(f"a backup takes {readable_size(size_of(store.chroma))} at the most")


def test_without_a_store_no_size_is_known(tmp_path: Path) -> None:
    """That of the reports is."""
    lines = found([check for check in checks(setup(tmp_path), lambda: None) if check.group == "room"])
    assert [said(lines[name])[0] for name in ("reports", "snapshots", "backups")] == ["ok", "skipped", "skipped"]


def test_the_part_of_a_path_that_is_there(tmp_path: Path) -> None:
    """Up to the root."""
    assert existing(tmp_path / "a/b") == tmp_path
    assert existing(Path("/no such/a")) == Path("/")


def test_a_folder_is_as_large_as_its_files(tmp_path: Path) -> None:
    """Links count for themselves, and one that is gone meanwhile for nothing."""
    put(tmp_path / "a/b", "12345")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert size_of(tmp_path) == 5 + len("/etc/passwd")
