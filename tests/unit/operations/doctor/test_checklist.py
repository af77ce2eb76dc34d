"""The whole checklist: on a sound machine, on a broken one, and whatever goes wrong in it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.operations.doctor import rights, room
from drift_checks.operations.doctor.check import Finding, Status
from drift_checks.operations.doctor.printing import UNICODE, as_text
from drift_checks.operations.schedule.preset import SECRET_NAMES
from drift_checks.report.verdict import Verdict
from tests.support.doctoring import SLACK, diagnose, identity, marked, put, put_crontab, put_runs, put_sound, put_timer
from tests.support.folders import contents
from tests.support.processes import run_unprivileged
from tests.support.stores import NAME, BuiltStore

_CHANGING = (
    (re.compile(r"\d[\d,.]* (GB|MB|kB|bytes)\b"), "<size>"),
    (re.compile(r"in \d+ ms$|in \d+\.\d s$", re.MULTILINE), "in <time>"),
    (re.compile(r"CPython [\d.]+ in .*"), "CPython <version> in <environment>"),
    (re.compile(r"(pytest|chromadb|sqlalchemy|SQLite) [\d.]+\b"), r"\1 <version>"),
)


def printed(findings: list[Finding], root: Path) -> str:
    """Return the whole text, one line a check, without what differs from machine to machine."""
    text = as_text(findings, 100_000, UNICODE, colour=False).replace(str(root), "<root>")
    for pattern, placeholder in _CHANGING:
        text = pattern.sub(placeholder, text)
    return text


def by_name(findings: list[Finding]) -> dict[tuple[str, str], Finding]:
    """Return the findings by group and name."""
    return {(finding.group, finding.name): finding for finding in findings}


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every machine a disk with enough room, and no secrets of its own."""
    monkeypatch.setattr(rights, "mounts", lambda: "/dev/sda1 / ext4 rw 0 0\n")
    monkeypatch.setattr(room, "free", lambda folder: 10**11)
    for name in [name for name in os.environ if name.removesuffix("_FILE") in SECRET_NAMES]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_a_sound_machine_passes(tmp_path: Path, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """Nothing on it changes."""
    options = put_sound(tmp_path, store)
    before = contents(tmp_path)
    findings = diagnose(tmp_path, options, live=True)
    assert {finding.name for finding in findings if finding.status is not Status.OK} == {"delivery"}
    assert contents(tmp_path) == before
    assert printed(findings, tmp_path) == snapshot


def break_all(root: Path, store: BuiltStore) -> dict[str, object]:
    """Make a machine on which almost everything is wrong; return its options."""
    store.execute(f"alter table {NAME} drop column embedding_model")
    store.execute(f"delete from {NAME} where id <= 20")
    put_timer(root, enabled=False)
    put_crontab(root).write_text("0 2 * * * drift python -m drift_checks --run-once\n", encoding="utf-8")
    put(root / "etc/drift-checks/review.env", marked('DRIFT_OLD_DAYS="never"\n'), 0o644)
    put(root / "key", "sk-secret-of-the-tests", 0o644)
    put(root / "reports.txt", "a file")
    nights = [(f"202601{day:02}T020000Z-abc123", Verdict.INCONCLUSIVE) for day in range(4, 8)]
    put_runs(root / "reports", identity(store, "other"), *nights)
    put(root / "var/backups/drift-checks/drift-backup-20251201T003000Z.tar.gz", "a backup")
    return {
        "db": store.db,
        "chroma": store.chroma,
        "collection": "other",
        "reports": root / "reports",
        "snapshot_dir": root / "reports.txt",
        "warn": "x",
        "sample_size": 500,
        "reviewer": "no_such_module:classify",
        "naive_timezone": "UTC",
    }


def test_every_fault_of_a_broken_machine_has_a_line(
    tmp_path: Path, store: BuiltStore, snapshot: SnapshotAssertion
) -> None:
    """With its remedy, and without secrets."""
    options = break_all(tmp_path, store)
    environment = {
        "DRIFT_SAMPLE_SZE": "5",
        "DRIFT_LLM_API_KEY_FILE": str(tmp_path / "key"),
        "SLACK_WEBHOOK_URL": "sk-secret-of-the-tests",
    }
    findings = diagnose(tmp_path, options, environment, live=True)
    text = printed(findings, tmp_path)
    assert all(finding.remedy for finding in findings if finding.status in (Status.ERROR, Status.WARNING))
    assert "sk-secret" not in text
    assert text == snapshot


def test_a_bare_machine_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    """The lines say what to begin with."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    findings = diagnose(tmp_path, {"naive_timezone": "UTC"})
    assert list(tmp_path.iterdir()) == []
    assert printed(findings, tmp_path) == snapshot


def test_an_unusable_setting_stops_only_the_checks_that_need_it(tmp_path: Path, store: BuiltStore) -> None:
    """The others are made."""
    findings = by_name(diagnose(tmp_path, {**put_sound(tmp_path, store), "reviewer": "!"}))
    assert findings["settings", "reviewer"].status is Status.ERROR
    assert findings["reviewer", "usable"].message == "unknown: the setting reviewer is unusable"
    assert findings["store", "vectors"].status is Status.OK


def test_a_group_that_breaks_is_one_failure(tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other groups are checked."""
    options = put_sound(tmp_path, store)

    def broken(*arguments: object, **options: object) -> list[object]:
        raise ZeroDivisionError

    for part in ("stores", "channels", "runs"):
        monkeypatch.setattr(sys.modules[f"drift_checks.operations.doctor.{part}"], "checks", broken)
    findings = diagnose(tmp_path, options)
    failures = [(item.group, item.message) for item in findings if item.status is Status.ERROR]
    assert failures == [(group, "could not be checked (ZeroDivisionError)") for group in ("store", "alerts", "runs")]
    assert len({item.group for item in findings}) == 10


def test_the_demo_store_is_checked(tmp_path: Path) -> None:
    """In place of any other."""
    findings = by_name(diagnose(tmp_path, {"demo": "true", "naive_timezone": "UTC"}))
    assert findings["store", "records"].status is Status.OK
    # Two of its records have no vectors, for the criteria to find.
    assert findings["store", "counts"].message.startswith("1,200 records, 1,198 vectors")


def test_no_line_holds_a_secret_or_a_control_character(tmp_path: Path, store: BuiltStore) -> None:
    """Whatever the names of files, tables and collections contain."""
    options = put_sound(tmp_path, store)
    hostile = "a\x1b[31m\n\u202e"
    put(tmp_path / "etc/drift-checks/credentials" / hostile, "x", 0o600)
    put(tmp_path / "etc/systemd/system/drift-\x1b[0m.service", "x")
    changed = {**options, "collection": f"{SLACK}{hostile}", "reports": tmp_path / hostile, "table": hostile}
    findings = diagnose(tmp_path, changed)
    for item in findings:
        assert "".join(item.name + item.message + item.remedy).isprintable(), item
    assert SLACK not in str(findings)
    assert any("…" in item.message for item in findings)


CHECK = """
import sys
from pathlib import Path
from tests.support.doctoring import diagnose
for item in diagnose(Path(sys.argv[1]), {"naive_timezone": "UTC", **dict(text.split("=") for text in sys.argv[2:])}):
    if item.group in ("alerts", "reviewer") or item.name == "SLACK_WEBHOOK_URL":
        print(item.group, item.name, item.status)
"""


@pytest.mark.parametrize(
    ("place", "slack"),
    [("credentials/SLACK_WEBHOOK_URL", ["alerts slack skipped"]), ("credentials", ["alerts channels skipped"])],
)
def test_credentials_that_only_root_may_read_are_skipped(
    tmp_path: Path, store: BuiltStore, place: str, slack: list[str]
) -> None:
    """The service manager reads them as root."""
    put(tmp_path / "etc/drift-checks/credentials/SLACK_WEBHOOK_URL", SLACK, 0o600)
    put(tmp_path / "etc/drift-checks/credentials/DRIFT_LLM_API_KEY", SLACK, 0o600)
    closed = tmp_path / "etc/drift-checks" / place
    closed.chmod(0)
    if closed.is_file():
        (closed.parent / "DRIFT_LLM_API_KEY").chmod(0)
    try:
        printed = run_unprivileged(CHECK, tmp_path, f"db={store.db}", "reviewer=llm", "llm_model=a-model").splitlines()
    finally:
        closed.chmod(0o755)
    assert [line for line in printed if line.startswith("alerts")][:1] == slack
    assert "reviewer usable skipped" in printed
    assert not [line for line in printed if line.endswith("error")]
