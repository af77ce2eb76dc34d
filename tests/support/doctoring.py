"""Machines for the checklist: settings, a root with a schedule, and findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drift_checks.operations.doctor.check import Check, Finding, run_check
from drift_checks.operations.doctor.checklist import run_checklist
from drift_checks.operations.doctor.setup import DoctorOptions, Setup
from drift_checks.report.history.database import History
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import Settings
from drift_checks.settings.loading import Sources
from drift_checks.settings.usable import Configured
from drift_checks.stores.identity import StoreIdentity
from tests.support.histories import altered, run
from tests.support.stores import NAME, BuiltStore

NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
ORDINARY = 1000
SLACK = "https://hooks.slack.com/services/T00000000/B00000000/sEcReTsEcReTsEcReT"
NIGHTS = (("20260114T020000Z-abc123", Verdict.OK), ("20260115T020000Z-abc123", Verdict.OK))
TIMER = """# Made by drift-checks 0.1.0: python -m drift_checks install systemd --user drift --at 02:00 --every day
[Unit]
Description=Nightly review of the drift of a text classifier

[Timer]
OnCalendar=*-*-* 02:00:00 UTC
RandomizedDelaySec=30min
Persistent=true

[Install]
WantedBy=timers.target
"""
SERVICE = """# Made by drift-checks 0.1.0: python -m drift_checks install systemd --user drift --at 02:00 --every day
[Service]
Type=oneshot
User=drift
ExecStart=:/opt/drift/bin/python -P -m drift_checks --run-once
"""
CRONTAB = r"""# Made by drift-checks 0.1.0: python -m drift_checks install cron --user drift --at 02:00 --every day
SHELL=/bin/sh
PATH=/usr/local/bin:/usr/bin:/bin
MAILTO=drift
0 * * * * drift [ "$(date -u +\%H)" = 02 ] && set -a && . /etc/drift-checks/review.env && exec python -P -m drift_checks
"""


def settings(**given: Any) -> Settings:
    """Return settings with these values, as options set them."""
    sources = {key: f"--drift-{key.replace('_', '-')}" for key in given}
    fixed = {"as_of": NOW, "seed": 7, "naive_timezone": ZoneInfo("UTC")}
    return Settings(**{**fixed, **given}, sources=sources, texts={key: str(value) for key, value in given.items()})


def setup(
    root: Path,
    store: BuiltStore | None = None,
    environment: Mapping[str, str] | None = None,
    folders: tuple[Path, ...] = (),
    **given: Any,
) -> Setup:
    """Return what the checks look at below a root, with these settings and options of the command."""
    stores = {} if store is None else {"db": store.db, "chroma": store.chroma}
    options = {key: given.pop(key) for key in list(given) if key in DoctorOptions.__dataclass_fields__}
    values = {"reports": root / "reports", "snapshot_dir": root / "snapshots", **stores, **given}
    configured = Configured(settings(**values), (), frozenset())
    return Setup(configured, environment or {}, DoctorOptions(root, user=ORDINARY, **options), NOW, folders)


def findings_of(checks: list[Check]) -> dict[str, Finding]:
    """Return the findings of these checks, by name."""
    return {check.name: run_check("group", check) for check in checks}


def outcome(finding: Finding) -> tuple[str, str]:
    """Return status and message."""
    return str(finding.status), finding.message


def statuses(findings: Mapping[str, Finding]) -> dict[str, str]:
    """Return the status of each finding, by name."""
    return {name: str(finding.status) for name, finding in findings.items()}


def diagnose(
    root: Path, options: Mapping[str, object], environment: Mapping[str, str] | None = None, **given: Any
) -> list[Finding]:
    """Run the whole checklist with these settings, given as options without their prefix."""
    texts = {f"drift_{key}": str(value) for key, value in options.items()}
    sources = Sources(texts, environment or {}, {}, root)
    return run_checklist(sources, DoctorOptions(root, user=ORDINARY, **given), NOW)


def marked(text: str) -> str:
    """Return a text with its digest as the last line."""
    return f"{text}# sha256 {hashlib.sha256(text.encode()).hexdigest()}\n"


def put(file: Path, text: str, mode: int = 0o644) -> Path:
    """Write a file, creating its folders; return it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def put_timer(root: Path, text: str = TIMER, *, enabled: bool = True) -> None:
    """Install a systemd schedule below a root."""
    units = root / "etc/systemd/system"
    timer = put(units / "drift-review.timer", marked(text))
    put(units / "drift-review.service", marked(SERVICE))
    if enabled:
        (units / "timers.target.wants").mkdir()
        (units / "timers.target.wants/drift-review.timer").symlink_to(timer)


def put_crontab(root: Path, text: str = CRONTAB) -> Path:
    """Install a crontab below a root."""
    return put(root / "etc/cron.d/drift-checks", marked(text))


def put_zone(root: Path, zone: str) -> None:
    """Set the machine's time zone."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/localtime").symlink_to(f"/usr/share/zoneinfo/{zone}")


def put_runs(reports: Path, identity: StoreIdentity, *runs: tuple[str, Verdict]) -> None:
    """Add runs of a store to the history: the id and the verdict of each."""
    reports.mkdir(parents=True, exist_ok=True)
    with History(reports) as history:
        for run_id, verdict in runs:
            history.add(altered(run(run_id), store=identity._asdict(), verdict=verdict))


def identity(store: BuiltStore, collection: str = NAME) -> StoreIdentity:
    """Return the identity of this store."""
    return StoreIdentity(str(store.db), NAME, collection)


def complete(store: BuiltStore) -> BuiltStore:
    """Create every index that the application would create."""
    for name in ("text_hash", "chroma_id", "source", "last_reviewed_at"):
        store.execute(f"create index by_{name} on {NAME} ({name})")
    return store


def put_sound(root: Path, store: BuiltStore) -> dict[str, object]:
    """Make a machine on which nothing is wrong; return its options."""
    complete(store)
    put_timer(root)
    put(root / "etc/drift-checks/review.env", marked('DRIFT_WARN="0.9"\n'), 0o600)
    put(root / "etc/drift-checks/credentials/SLACK_WEBHOOK_URL", SLACK, 0o600)
    put_runs(root / "reports", identity(store), *NIGHTS)
    put(root / "var/backups/drift-checks/drift-backup-20260115T003000Z.tar.gz", "a backup")
    (root / "snapshots").mkdir()
    return {
        "db": store.db,
        "chroma": store.chroma,
        "reports": root / "reports",
        "snapshot_dir": root / "snapshots",
        "sample_size": 20,
        "report_url": "https://drift.example.com/reports",
        "naive_timezone": "UTC",
    }
