"""Rights, with real files and modes."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.operations.doctor.check import Status, passed
from drift_checks.operations.doctor.rights import (
    env_file,
    filesystem_of,
    log_file,
    secret,
    secret_files,
    snapshots,
    user,
    writable,
)
from tests.support.doctoring import put
from tests.support.processes import run_unprivileged

MOUNTS = r"""overlay / overlay rw 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/sda1 /tmp/on\040disk ext4 rw 0 0
tmpfs /run/user/1000 tmpfs rw 0 0
"""
CHECK = """
import sys
from pathlib import Path
from drift_checks.operations.doctor import rights
status, message, remedy = getattr(rights, sys.argv[1])(Path(sys.argv[2]), *sys.argv[3:])
print(f"{status} {message} > {remedy}")
"""


def unprivileged(name: str, path: Path, *arguments: str) -> str:
    """Return the result of a check run by a user to whom modes apply."""
    try:
        return run_unprivileged(CHECK, name, path, *arguments)
    finally:
        for item in (path, path.parent):
            if item.exists():
                item.chmod(0o755)


@pytest.mark.parametrize(("number", "status"), [(0, "warning"), (1000, "ok")])
def test_root_is_a_warning(number: int, status: str) -> None:
    """Its rights say nothing about those of the user who reviews."""
    assert user(number, None).status == status
    assert ("runuser -u drift -- " in user(number, "drift").remedy) is (number == 0)


def test_a_folder_may_be_writable_or_creatable(tmp_path: Path) -> None:
    """The check does not create it; a file in its place or a dangling link fails."""
    assert writable(tmp_path, "--o") == passed(f"{tmp_path} is writable")
    assert writable(tmp_path / "a/b", "--o").status is Status.OK
    assert not (tmp_path / "a").exists()
    assert writable(put(tmp_path / "file", ""), "--o").status is Status.ERROR
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert writable(tmp_path / "link", "--o").status is Status.ERROR


def test_an_unwritable_folder_fails(tmp_path: Path) -> None:
    """So does one in which a folder cannot be created."""
    tmp_path.chmod(0o555)
    assert unprivileged("writable", tmp_path, "--o").startswith(f"error {tmp_path} is not writable > give")
    tmp_path.chmod(0o555)
    result = unprivileged("writable", tmp_path / "new", "--o")
    assert result.startswith(f"error {tmp_path}/new does not exist, and cannot be created in {tmp_path} > create it")


@pytest.mark.parametrize(
    ("path", "mounts", "kind"),
    [
        ("/", MOUNTS, "overlay"),
        ("/tmp", MOUNTS, "tmpfs"),
        ("/tmpfoo", MOUNTS, "overlay"),
        ("/tmp/on disk/a", MOUNTS, "ext4"),
        ("/run/user/1000/x", MOUNTS, "tmpfs"),
        ("/a", "", ""),
        ("/a", "nonsense\n\n/dev/x\n", ""),
    ],
)
def test_a_path_is_on_the_filesystem_mounted_closest_above_it(path: str, mounts: str, kind: str) -> None:
    """Unreadable lines are skipped."""
    assert filesystem_of(Path(path), mounts) == kind


def test_private_copies_must_be_on_a_disk(tmp_path: Path) -> None:
    """In memory they are a warning; if they cannot be made at all, the check fails."""
    found = snapshots(tmp_path / "snapshots", f"tmpfs {tmp_path} tmpfs rw 0 0\n")
    assert (found.status, "is in memory (tmpfs)" in found.message) == (Status.WARNING, True)
    assert snapshots(tmp_path / "snapshots", "/dev/sda1 / ext4 rw 0 0\n").status is Status.OK
    assert snapshots(put(tmp_path / "file", ""), "tmpfs / tmpfs rw 0 0\n").status is Status.ERROR


def test_the_log_must_be_writable(tmp_path: Path) -> None:
    """Whether it exists or not; a folder in its place fails."""
    file = put(tmp_path / "a.log", "")
    assert log_file(file).status is Status.OK
    assert log_file(tmp_path / "logs/a.log").status is Status.OK
    assert log_file(tmp_path).status is Status.ERROR
    file.chmod(0o444)
    assert unprivileged("log_file", file).startswith(f"error {file} cannot be written or rotated")


@pytest.mark.parametrize(
    ("mode", "of_secret", "of_env_file", "message"),
    [
        (0o400, "ok", "ok", "readable by its owner only (0400)"),
        (0o640, "warning", "error", "open to its group (0640)"),
        (0o644, "error", "error", "open to everyone (0644)"),
    ],
)
def test_only_its_owner_may_read_a_file_with_secrets(
    tmp_path: Path, mode: int, of_secret: str, of_env_file: str, message: str
) -> None:
    """A group may be meant to read a secret, but never the variables."""
    file = put(tmp_path / "key", "sk-secret", mode)
    result = secret(file)
    assert (result.status, result.message) == (of_secret, f"{file} is {message}")
    assert result.remedy == ("" if of_secret == "ok" else f"chmod 600 {file}")
    assert env_file(file).status == of_env_file


def test_a_missing_secret_fails_and_missing_variables_do_not(tmp_path: Path) -> None:
    """Only a schedule has a file of variables; a secret that another user owns is skipped."""
    assert secret(tmp_path / "none").status is Status.ERROR
    assert env_file(tmp_path / "review.env").status is Status.SKIPPED
    assert unprivileged("secret", put(tmp_path / "key", "", 0)).startswith("skipped")


def test_files_of_secrets_are_found_by_variables_and_as_credentials(tmp_path: Path) -> None:
    """Those of the schedule, unless the service manager passed others."""
    key = put(tmp_path / "key", "", 0o600)
    put(tmp_path / "etc/drift-checks/credentials/PAGERDUTY_API_KEY", "", 0o600)
    assert secret_files({"DRIFT_SMTP_URL_FILE": str(key), "OTHER_FILE": "/x"}, tmp_path) == {
        "DRIFT_SMTP_URL": key,
        "PAGERDUTY_API_KEY": tmp_path / "etc/drift-checks/credentials/PAGERDUTY_API_KEY",
    }
    assert secret_files({"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}, tmp_path) == {}
