"""One damaged file in the folder of reports loses no acknowledgement and leaves no incident open."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drift_checks.commands import chosen
from drift_checks.report.history.acknowledged import kept_acknowledgements
from drift_checks.report.history.reading import read_history
from tests.support.alert_runs import Steered, channels
from tests.support.stores import BuiltStore

FILES = ("history.sqlite3", "history.journal.jsonl", "latest", "report.json", "metrics.prom", "index.html")


def truncated(file: Path) -> None:
    """Cut a file in the middle."""
    os.truncate(file, file.stat().st_size // 2)


def garbled(file: Path) -> None:
    """Fill a file with garbage; a link becomes a file."""
    size = file.stat().st_size
    file.unlink()
    file.write_bytes(random.Random(3).randbytes(size))


DAMAGES: dict[str, Callable[[Path], object]] = {"truncated": truncated, "garbled": garbled, "deleted": Path.unlink}


@pytest.fixture(scope="module")
def opened(_store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    """Reports with an open incident and an acknowledgement, and who is told."""
    folder = tmp_path_factory.mktemp("open")
    with channels(folder / "mail") as healthy:
        steered = Steered(folder / "run", _store_once, healthy)
        run = steered.run("CERTAIN")
        record = run.drift["disagreements"][0]["record_id"]
        reason = ("--until", "2027-01-31", "--reason", "the guideline is being changed")
        called = chosen(["acknowledge", str(record), *reason, "--reports", str(run.reports)])
        assert called is not None
        assert called() == 0
        assert ("pagerduty", "trigger drift as critical") in healthy.news()
        yield steered


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param(name, damage, marks=() if (name, damage) == (FILES[0], "garbled") else pytest.mark.slow)
        for name in FILES
        for damage in DAMAGES
        if (name, damage) != ("latest", "truncated")
    ],
)
def test_the_next_good_run_resolves_the_incident(opened: Steered, tmp_path: Path, name: str, damage: str) -> None:
    """And finds what was acknowledged, whichever file was damaged, and how; the one after it has nothing to say."""
    folder, sent = tmp_path / "run", opened.channels.server.pagerduty
    shutil.copytree(opened.folder, folder, symlinks=True)
    reports = folder / "reports"
    DAMAGES[damage](next(reports.glob(f"[0-9]*/{name}")) if name == "report.json" else reports / name)
    steered, before = Steered(folder, opened.store, opened.channels), len(sent)
    run = steered.run("OK")
    assert (run.exit_code, run.drift["verdict"]) == (0, "OK"), run.text
    trigger, resolved = sent[0], sent[before:]
    assert [event["event_action"] for event in resolved] == ["resolve"]
    assert resolved[0]["dedup_key"] == trigger["dedup_key"]
    assert [item["number"] for item in run.drift["acknowledged"]] == [1]
    history = read_history(reports)
    assert history is not None
    with history:
        (kept,) = kept_acknowledgements(history)
    assert (kept.ended, kept.withdrawn) == (None, None)
    is_history = name == "history.sqlite3"
    assert ("are restored from history.journal.jsonl" in run.out) is is_history
    again = steered.run("OK")
    assert ("history.sqlite3" in again.text, len(sent)) == (False, before + 1)
