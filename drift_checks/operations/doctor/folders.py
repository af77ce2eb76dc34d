"""What is written to: whether this user may, who else may read it, and whether there is room."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from drift_checks.core.text import readable_size
from drift_checks.operations.doctor.finding import Check, NotChecked, Said, left_out, right, warned, wrong
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.doctor.sizes import existing, size_of, size_of_files
from drift_checks.operations.schedule.paths import CREDENTIALS, ENVIRONMENT_FILE, below
from drift_checks.operations.schedule.preset import SECRET_NAMES
from drift_checks.stores.snapshot import HEADROOM
from drift_checks.stores.sqlite import Access, files_of

RIGHTS = "rights"
ROOM = "room"
_IN_MEMORY = ("tmpfs", "ramfs")
_MOUNTS = Path("/proc/self/mounts")
# A run's folder takes about half a megabyte.
_FEW_RUNS, _MANY_RUNS = 20_000_000, 500_000_000


def checks(setup: Setup, scheduled: Callable[[], str | None]) -> list[Check]:
    """Return the checks of rights and of room.

    Args:
        setup: What is looked at.
        scheduled: Says whose the scheduled reviews are, None where that is not known.
    """
    settings = setup.settings
    secrets = secret_files(setup.environment, setup.root)
    log = settings.log_file
    return [
        Check(RIGHTS, "user", lambda: user(setup.user, scheduled())),
        Check(RIGHTS, "reports", lambda: writable(settings.reports, "--drift-reports"), ("reports",)),
        Check(RIGHTS, "snapshots", lambda: snapshots(setup.snapshots, mounts()), ("snapshot_dir",)),
        *([] if log is None else [Check(RIGHTS, "log file", lambda: log_file(log), ("log_file",))]),
        Check(RIGHTS, "review.env", lambda: env_file(setup.place(ENVIRONMENT_FILE))),
        *(Check(RIGHTS, name, partial(secret, file)) for name, file in secrets.items()),
        *([] if secrets else [Check(RIGHTS, "secrets", lambda: left_out("none is kept in a file"))]),
        Check(ROOM, "reports", lambda: room_for_reports(free(settings.reports)), ("reports",)),
        Check(ROOM, "snapshots", lambda: _room_for_copy(setup), ("snapshot_dir", "chroma", "db")),
        Check(ROOM, "backups", lambda: _room_for_backup(setup), ("chroma", "db")),
    ]


def user(number: int, scheduled: str | None) -> Said:
    """Say who looks: for root, rights say nothing.

    Args:
        number: Of the user who looks.
        scheduled: Whose the scheduled reviews are, None where that is not known.
    """
    if number:
        return right(f"not root (user {number})")
    doctor = f"{shlex.quote(sys.executable)} -m drift_checks doctor"
    return warned(
        "root: what it may write says nothing of the user who reviews",
        f"run this as the user of the schedule: runuser -u {scheduled or 'USER'} -- {doctor}",
    )


def writable(folder: Path, option: str) -> Said:
    """Say whether the folder can be written to, or made."""
    if folder.is_dir():
        if _may_write(folder):
            return right(f"{folder} can be written to")
        return wrong(f"{folder} cannot be written to", f"give this user the right to, or name another with {option}")
    if folder.exists() or folder.is_symlink():
        return wrong(f"{folder} is no folder", f"name another with {option}")
    above = existing(folder)
    if above.is_dir() and _may_write(above):
        return right(f"{folder} is not there yet, and can be made")
    return wrong(f"{folder} is not there, and cannot be made in {above}", f"make it, or name another with {option}")


def snapshots(folder: Path, mounted: str) -> Said:
    """Say whether private copies can be made, and on a disk.

    Args:
        folder: Where they are made.
        mounted: What is mounted, as the kernel lists it.
    """
    said = writable(folder, "--drift-snapshot-dir")
    kind = filesystem_of(existing(folder).resolve(), mounted)
    if said.remedy or kind not in _IN_MEMORY:
        return said
    return warned(
        f"{folder} lies in memory ({kind}): each private copy of the store takes as much of it",
        "name a folder on a disk with --drift-snapshot-dir, such as /var/cache/drift-checks/snapshots",
    )


def filesystem_of(path: Path, mounted: str) -> str:
    """Return the kind of the filesystem that a path is on, empty where that is not told."""
    found, longest = "", -1
    for line in mounted.splitlines():
        _, place, kind, *_ = (*line.split(), "", "", "")
        # The kernel writes blanks as octal numbers.
        place = place.encode("latin-1", "replace").decode("unicode_escape")
        if place and path.is_relative_to(place) and len(place) >= longest:
            found, longest = kind, len(place)
    return found


def mounts() -> str:
    """Return what is mounted; empty where the system does not tell."""
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def log_file(file: Path) -> Said:
    """Say whether the log can be written."""
    if file.exists():
        fit = file.is_file() and os.access(file, os.W_OK, effective_ids=True)
        if fit and _may_write(file.parent):
            return right(f"{file} can be written")
        remedy = "give this user the right to write it and its folder, or name another with --drift-log-file"
        return wrong(f"{file} cannot be written, or not be replaced when it is full", remedy)
    return writable(file.parent, "--drift-log-file")


def env_file(file: Path) -> Said:
    """Say who may read the variables of the scheduled review, among which secrets may be."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return left_out(f"{file} is not there; a review that `install` schedules has one")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return wrong(f"{file} can be read by others ({_octal(mode)}): secrets may be in it", f"chmod 600 {file}")
    if not os.access(file, os.R_OK, effective_ids=True):
        return left_out(f"{file} cannot be read by this user", "run this as the user of the schedule")
    return right(f"{file} is read by its owner alone ({_octal(mode)})")


def secret_files(environment: Mapping[str, str], root: Path) -> dict[str, Path]:
    """Return the files that hold secrets, by the secret's name."""
    found = {name: Path(file) for name in SECRET_NAMES if (file := environment.get(f"{name}_FILE"))}
    folder = Path(environment.get("CREDENTIALS_DIRECTORY") or below(root, CREDENTIALS))
    try:
        kept = sorted(file for file in folder.iterdir() if file.is_file())
    except OSError:
        kept = []
    return {file.name: file for file in kept} | found


def secret(file: Path) -> Said:
    """Say who may read a file that holds a secret."""
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        return wrong(f"{file} is not there", "put the secret into it, or unset the variable")
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return wrong(f"{file} can be read by everyone ({_octal(mode)})", f"chmod 600 {file}")
    if mode & stat.S_IRWXG:
        return warned(f"{file} can be read by its group ({_octal(mode)})", f"chmod 600 {file}")
    if not os.access(file, os.R_OK, effective_ids=True):
        return left_out(f"{file} cannot be read by this user ({_octal(mode)})")
    return right(f"{file} is read by its owner alone ({_octal(mode)})")


def free(folder: Path) -> int:
    """Return the bytes that are free where the folder is, or will be made."""
    return shutil.disk_usage(existing(folder)).free


def room_for_reports(room: int) -> Said:
    """Say whether runs find room for what they leave."""
    if room < _FEW_RUNS:
        return wrong(f"{readable_size(room)} free: a few runs at the most", "make room, or lower retention-days")
    if room < _MANY_RUNS:
        return warned(
            f"{readable_size(room)} free: some months of runs at the most", "make room, or lower retention-days"
        )
    return right(f"{readable_size(room)} free")


def room_for_copy(room: int, size: int) -> Said:
    """Say whether a private copy of the store finds room.

    Args:
        room: What is free.
        size: Of the copy.
    """
    said = f"{readable_size(room)} free, a private copy takes {readable_size(size)}"
    if room < size:
        return wrong(said, "make room, or name a folder on another disk with --drift-snapshot-dir")
    if room < 2 * size:
        return warned(said, "make room before the store has grown, or name another disk with --drift-snapshot-dir")
    return right(said)


def room_for_backup(room: int, size: int) -> Said:
    """Say whether a backup finds room, uncompressed at the worst.

    Args:
        room: What is free.
        size: Of what is backed up.
    """
    said = f"{readable_size(room)} free, a backup takes {readable_size(size)} at the most"
    return right(said) if room >= size else warned(said, "make room, or name another disk with --backups")


def _room_for_copy(setup: Setup) -> Said:
    _refuse_no_store(setup)
    size = _vectors_size(setup)
    if setup.settings.db is not None and setup.store.file.access() is Access.COPIED:
        size += _records_size(setup)
    if not size:
        return left_out("no private copy is needed: the store is read in place")
    return room_for_copy(free(setup.snapshots), size + HEADROOM)


def _room_for_backup(setup: Setup) -> Said:
    _refuse_no_store(setup)
    size = _vectors_size(setup) + _records_size(setup) + size_of(setup.settings.reports)
    return room_for_backup(free(setup.backups), size)


def _refuse_no_store(setup: Setup) -> None:
    if setup.settings.db is None and setup.settings.chroma is None:
        raise NotChecked("not known: no store is configured")


def _records_size(setup: Setup) -> int:
    db = setup.settings.db
    return 0 if db is None else size_of_files(files_of(db))


def _vectors_size(setup: Setup) -> int:
    """Return the bytes of the Chroma directory, without the records that may lie in it."""
    chroma, db = setup.settings.chroma, setup.settings.db
    if chroma is None:
        return 0
    inside = _records_size(setup) if db is not None and db.is_relative_to(chroma) else 0
    return max(0, size_of(chroma) - inside)


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=True)


def _octal(mode: int) -> str:
    return f"{stat.S_IMODE(mode):04o}"
