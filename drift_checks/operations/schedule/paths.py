"""The paths of a scheduled review on the machine."""

from __future__ import annotations

from pathlib import Path

ENVIRONMENT_FILE = Path("/etc/drift-checks/review.env")
CREDENTIALS = Path("/etc/drift-checks/credentials")
# The digests of the credentials, which cannot contain their own.
DIGESTS = CREDENTIALS.with_suffix(".sha256")
CRONTAB = Path("/etc/cron.d/drift-checks")
UNITS = Path("/etc/systemd/system")
# The links by which timers start with the machine.
WANTED = UNITS / "timers.target.wants"
REVIEW_SERVICE = UNITS / "drift-review.service"
REVIEW_TIMER = UNITS / "drift-review.timer"
STATE = Path("/var/lib/drift-checks")
CACHE = Path("/var/cache/drift-checks")
REPORTS = STATE / "reports"
SNAPSHOTS = CACHE / "snapshots"
LOG_FILE = Path("/var/log/drift-checks/review.log")
BACKUPS = Path("/var/backups/drift-checks")
# Folders that belong to this project alone.
OWN = (STATE, CACHE, LOG_FILE.parent, BACKUPS)


def below(root: Path, path: Path) -> Path:
    """Return a path of the machine below a root."""
    return root / path.relative_to("/")
