"""The machine, or the folder that stands for it: its users, its time zone, its cron daemon."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError, nearest
from drift_checks.operations.schedule.files import Owner
from drift_checks.settings.loading import machine_zone

_DAEMONS = ("usr/sbin/cron", "usr/sbin/crond", "usr/bin/crond", "sbin/cron", "sbin/crond", "usr/bin/cron")


def refuse_unless_root(root: Path) -> None:
    """Raise SettingError if the caller would write to the machine itself and is not root."""
    if root == Path("/") and os.geteuid() != 0:
        raise SettingError(
            "/etc",
            "only root may write there",
            "use sudo, write below another folder with --root DIR, or see what would be done with --dry-run",
        )


def default_user(environment: Mapping[str, str]) -> str:
    """Return the caller, before sudo; raise SettingError if they have no name."""
    try:
        return environment.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise SettingError(
            "--user", f"user {os.geteuid()} has no name on this machine", "name the user to run the reviews"
        ) from None


def find_user(name: str, root: Path) -> Owner:
    """Return a user of the machine, or of this one if the root has no users; raise SettingError if there is none."""
    users = _users(root)
    if name not in users:
        raise SettingError(
            "--user",
            f"there is no user {name!r} on this machine",
            "create one: useradd --system --home-dir /var/lib/drift-checks --shell /usr/sbin/nologin drift",
            nearest(name, users),
        )
    return users[name]


def closed_to(path: Path, owner: Owner) -> Path | None:
    """Return the first folder above a path that a user may not search; only the user's primary group counts."""
    for folder in reversed(path.resolve().parents):
        status = folder.stat()
        shift = 6 if status.st_uid == owner.uid else 3 if status.st_gid == owner.gid else 0
        if owner.uid != 0 and not status.st_mode >> shift & 1:
            return folder
    return None


def _users(root: Path) -> dict[str, Owner]:
    file = root / "etc/passwd"
    if root != Path("/") and file.is_file():
        rows = [line.split(":") for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
        valid = [row for row in rows if len(row) > 5 and row[2].isdecimal() and row[3].isdecimal()]
        return {row[0]: Owner(row[0], int(row[2]), int(row[3]), Path(row[5] or "/")) for row in valid}
    return {
        entry.pw_name: Owner(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir or "/"))
        for entry in pwd.getpwall()
    }


def zone_of(root: Path) -> ZoneInfo:
    """Return the time zone of the machine's daemons, not the caller's (`TZ`); raise SettingError if it is unknown."""
    link = root / "etc/localtime"
    names = [str(link.readlink()).rpartition("zoneinfo/")[2]] if link.is_symlink() else []
    if (file := root / "etc/timezone").is_file():
        names.append(file.read_text(encoding="utf-8", errors="replace").strip())
    for name in names:
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            continue
    return machine_zone()


def daemon_of(root: Path) -> Path | None:
    """Return the program of the machine's cron daemon, None if there is none."""
    return next((root / name for name in _DAEMONS if (root / name).is_file()), None)


def knows_zones(daemon: Path | None) -> bool:
    """Whether a daemon supports CRON_TZ: its program then contains the name, which Debian's does not."""
    return daemon is not None and b"CRON_TZ" in daemon.read_bytes()
