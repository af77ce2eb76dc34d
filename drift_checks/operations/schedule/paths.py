"""Where everything of a scheduled review lies, whatever root the machine's files are looked at under."""

from __future__ import annotations

from pathlib import Path

ENVIRONMENT_FILE = Path("/etc/drift-checks/review.env")
CREDENTIALS = Path("/etc/drift-checks/credentials")
# The digests of the files of secrets, which can bear none themselves.
DIGESTS = CREDENTIALS.with_suffix(".sha256")
CRONTAB = Path("/etc/cron.d/drift-checks")
UNITS = Path("/etc/systemd/system")
# The links by which timers are started with the machine.
WANTED = UNITS / "timers.target.wants"
REVIEW_SERVICE = UNITS / "drift-review.service"
REVIEW_TIMER = UNITS / "drift-review.timer"
STATE = Path("/var/lib/drift-checks")
CACHE = Path("/var/cache/drift-checks")
REPORTS = STATE / "reports"
SNAPSHOTS = CACHE / "snapshots"
LOG_FILE = Path("/var/log/drift-checks/review.log")
BACKUPS = Path("/var/backups/drift-checks")
# Folders of this project's own, and of nobody else.
OWN = (STATE, CACHE, LOG_FILE.parent, BACKUPS)


def below(root: Path, path: Path) -> Path:
    """Return where a path of the machine's is under a root."""
    return root / path.relative_to("/")
