"""Rights: what this user may write, and who else may read the secrets."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from drift_checks.operations.doctor.check import Check, CheckResult, failed, passed, skipped, warning
from drift_checks.operations.doctor.room import existing
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.schedule.paths import CREDENTIALS, ENVIRONMENT_FILE, below
from drift_checks.operations.schedule.preset import SECRET_NAMES

GROUP = "rights"
_IN_MEMORY = ("tmpfs", "ramfs")
_MOUNTS = Path("/proc/self/mounts")


def checks(setup: Setup) -> list[Check]:
    """Return the checks of rights."""
    settings, secrets = setup.settings, secret_files(setup.environment, setup.options.root)
    log = settings.log_file
    return [
        Check("user", lambda: user(setup.options.user, setup.schedule.user())),
        Check("reports", lambda: writable(settings.reports, "--drift-reports"), ("reports",)),
        Check("snapshots", lambda: snapshots(setup.snapshots, mounts()), ("snapshot_dir",)),
        *([] if log is None else [Check("log file", lambda: log_file(log), ("log_file",))]),
        Check("review.env", lambda: env_file(setup.place(ENVIRONMENT_FILE))),
        *(Check(name, partial(secret, file)) for name, file in secrets.items()),
        *([] if secrets else [Check("secrets", lambda: skipped("no secret is kept in a file"))]),
    ]


def user(number: int, scheduled: str | None) -> CheckResult:
    """Warn about root, for whom the checks of rights mean nothing; name the scheduled user, if known."""
    if number:
        return passed(f"not root (user {number})")
    doctor = f"{shlex.quote(sys.executable)} -m drift_checks doctor"
    return warning(
        "root: its rights say nothing about the user who runs the reviews",
        f"run this as the user of the schedule: runuser -u {scheduled or 'USER'} -- {doctor}",
    )


def writable(folder: Path, option: str) -> CheckResult:
    """Check that the folder is writable, or can be created."""
    if folder.is_dir():
        if _may_write(folder):
            return passed(f"{folder} is writable")
        return failed(f"{folder} is not writable", f"give this user the right, or name another folder with {option}")
    if folder.exists() or folder.is_symlink():
        return failed(f"{folder} is not a folder", f"name another with {option}")
    above = existing(folder)
    if above.is_dir() and _may_write(above):
        return passed(f"{folder} does not exist yet, and can be created")
    return failed(
        f"{folder} does not exist, and cannot be created in {above}", f"create it, or name another with {option}"
    )


def snapshots(folder: Path, mounted: str) -> CheckResult:
    """Check that private copies can be made in the folder, and that it is on a disk, by the list of mounts."""
    result = writable(folder, "--drift-snapshot-dir")
    kind = filesystem_of(existing(folder).resolve(), mounted)
    if result.remedy or kind not in _IN_MEMORY:
        return result
    return warning(
        f"{folder} is in memory ({kind}): each private copy of the store takes up as much memory",
        "name a folder on a disk with --drift-snapshot-dir, such as /var/cache/drift-checks/snapshots",
    )


def filesystem_of(path: Path, mounted: str) -> str:
    """Return the type of the filesystem that a path is on, empty if unknown."""
    found, longest = "", -1
    for line in mounted.splitlines():
        _, place, kind, *_ = (*line.split(), "", "", "")
        # The kernel writes blanks as octal escapes.
        place = place.encode("latin-1", "replace").decode("unicode_escape")
        if place and path.is_relative_to(place) and len(place) >= longest:
            found, longest = kind, len(place)
    return found


def mounts() -> str:
    """Return the list of mounts; empty if the system has none."""
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def log_file(file: Path) -> CheckResult:
    """Check that the log can be written and rotated."""
    if not file.exists():
        return writable(file.parent, "--drift-log-file")
    if file.is_file() and os.access(file, os.W_OK, effective_ids=True) and _may_write(file.parent):
        return passed(f"{file} is writable")
    return failed(
        f"{file} cannot be written or rotated",
        "give this user the right to write it and its folder, or name another with --drift-log-file",
    )


def env_file(file: Path) -> CheckResult:
    """Check who may read the variables of the scheduled review, which may hold secrets."""
    missing = skipped(f"{file} does not exist; `install` creates it")
    return _private(file, missing, failed)


def secret_files(environment: Mapping[str, str], root: Path) -> dict[str, Path]:
    """Return the files that hold secrets, by the secret's name."""
    found = {name: Path(file) for name in SECRET_NAMES if (file := environment.get(f"{name}_FILE"))}
    folder = Path(environment.get("CREDENTIALS_DIRECTORY") or below(root, CREDENTIALS))
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file())
    except OSError:
        files = []
    return {file.name: file for file in files} | found


def secret(file: Path) -> CheckResult:
    """Check who may read a file that holds a secret."""
    return _private(file, failed(f"{file} does not exist", "put the secret into it, or unset the variable"), warning)


def _private(file: Path, missing: CheckResult, for_group: Callable[[str, str], CheckResult]) -> CheckResult:
    """Check that only its owner may read a file; for the case that its group may, `for_group` makes the result."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return missing
    remedy = f"chmod 600 {file}"
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return failed(f"{file} is open to everyone ({mode:04o})", remedy)
    if mode & stat.S_IRWXG:
        return for_group(f"{file} is open to its group ({mode:04o})", remedy)
    if not os.access(file, os.R_OK, effective_ids=True):
        return skipped(f"{file} is not readable by this user ({mode:04o})", "run this as the user of the schedule")
    return passed(f"{file} is readable by its owner only ({mode:04o})")


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
