"""A power cut at any moment loses nothing that was reported as kept, and leaves no half of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.core.records import Review
from drift_checks.report.document import drift_document
from drift_checks.report.folder import _LOCK, ReportsFolder
from drift_checks.report.history.acknowledged import Acknowledgements, kept_acknowledgements
from drift_checks.report.history.alert_log import undelivered_alerts
from drift_checks.report.history.database import History
from drift_checks.report.history.kept import kept_runs
from drift_checks.report.history.reading import NAME, open_for_reading, read_history
from drift_checks.report.keeping import Keeper
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.journal import JOURNAL_FILE, Journal, read_journal
from drift_checks.reviews.resuming import Unfinished, find_unfinished, header
from tests.support.histories import STORE, night
from tests.support.power import Disk, Tree, build, digest
from tests.support.reports import known_criterion, report, reviewed
from tests.unit.report.history.test_alert_log import ALERT
from tests.unit.reviews.test_resuming import SAMPLE, settings

REPORTS = "deep/reports"
RETENTION = timedelta(days=30)


@dataclass
class Kept:
    """What a power cut must not lose: runs with their verdicts, the reviews of each; an acknowledgement, an alert."""

    runs: dict[str, Verdict] = field(default_factory=dict)
    reviews: dict[str, int] = field(default_factory=dict)
    acknowledgements: int = 0
    alerts: int = 0


class Power:
    """Makes runs on a disk, and after each effect checks all that a power cut may leave."""

    def __init__(self, root: Path) -> None:
        self.kept = Kept()
        self.reports = root / REPORTS
        self.disk = Disk(root, (NAME, _LOCK), self.note)
        self.states: dict[tuple[int, str], tuple[Tree, Kept]] = {}

    def note(self, state: Tree) -> None:
        """Keep a state with what must be in it."""
        now = replace(self.kept, runs=dict(self.kept.runs), reviews=dict(self.kept.reviews))
        self.states.setdefault((digest(state), repr(now)), (state, now))

    def run(self, number: int, agreed: int, *, resumes: bool = False) -> None:
        """Make a run; with fewer than 50 reviews, it is INCONCLUSIVE."""
        run_id = night(number)
        unfinished = find_unfinished(settings(self.reports)) if resumes else None
        with opened(self.reports, unfinished) as (folder, keeper):
            journal = Journal(folder.begin(run_id, unfinished.folder if unfinished else None) / JOURNAL_FILE)
            began = datetime.strptime(run_id[:8], "%Y%m%d").replace(hour=2, tzinfo=UTC)
            journal.begin(header(settings(self.reports), "llm", run_id, began, SAMPLE))
            if resumes:
                journal.resume()
            journal.add_review(Review(1, "fraud"))
            started = began.isoformat().replace("+00:00", "Z")
            made = report(reviewed(agreed, 0, 50 - agreed), run_id=run_id, started=started)
            document = {"drift": drift_document(made)}
            page = keeper.keep(made, document)
            self.kept.runs[run_id] = made.verdict
            inconclusive = made.verdict is Verdict.INCONCLUSIVE
            if inconclusive:
                self.kept.reviews[run_id] = 1
            Journal(page.parent / JOURNAL_FILE).finish(inconclusive=inconclusive)
            log = keeper.alert_log()
            assert log is not None
            log.queue([replace(ALERT, run_id=run_id)])
            self.kept.alerts = 1
            keeper.keep_alerts(made, document)
            assert keeper.warnings == []

    def acknowledge(self) -> None:
        """Store an acknowledgement, as the command does."""
        with History(self.reports) as history:
            Acknowledgements(history).add(known_criterion("class_mix"))
            self.kept.acknowledgements = 1


@contextmanager
def opened(reports: Path, unfinished: Unfinished | None = None) -> Iterator[tuple[ReportsFolder, Keeper]]:
    """Open a folder of reports as a run does."""
    folder = ReportsFolder(reports, unfinished.folder if unfinished else None)
    keeper = Keeper(folder, RETENTION)
    try:
        yield folder, keeper
    finally:
        keeper.close()
        folder.release()


@pytest.fixture
def power(tmp_path: Path) -> Iterator[Power]:
    """A disk that is not watched yet."""
    (tmp_path / "disk").mkdir()
    found = Power(tmp_path / "disk")
    yield found
    found.disk.close()


@pytest.mark.slow
def test_what_was_kept_outlasts_a_power_cut(power: Power, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First run, acknowledgement, an INCONCLUSIVE run that is resumed, and one that prunes the first."""
    with monkeypatch.context() as patch:
        power.disk.watch(patch)
        power.run(1, 50)
        power.acknowledge()
        power.run(2, 0)
        power.run(2, 50, resumes=True)
        del power.kept.runs[night(1)]
        power.run(32, 45)
        power.disk.cut()
    assert night(1) not in {path.name for path in power.reports.iterdir()}
    for state, kept in power.states.values():
        with TemporaryDirectory(dir=tmp_path) as folder:
            build(state, Path(folder) / "disk")
            check(Path(folder) / "disk" / REPORTS, power.reports, kept)


def check(reports: Path, before: Path, kept: Kept) -> None:
    """Open what a power cut has left, first by reading, then as a run that resumes what it finds."""
    if (view := open_for_reading(reports)) is not None:
        with view:
            assert kept_runs(reports, view.runs()) is not None
    unfinished = None
    with suppress(SettingError):
        unfinished = find_unfinished(settings(before, reports=reports))
    with opened(reports, unfinished) as (folder, keeper):
        assert keeper.warnings == []
        if unfinished is not None:
            aside = folder.begin(unfinished.run_id, unfinished.folder)
            assert len(read_journal(aside / JOURNAL_FILE).reviews) >= kept.reviews.get(unfinished.run_id, 0)
        history = read_history(reports)
        assert history is not None
        with history:
            found = {run.run_id: run.verdict for run in history.runs()}
            # An INCONCLUSIVE run may have its later verdict.
            assert all(found[run_id] in (verdict, Verdict.OK) for run_id, verdict in kept.runs.items())
            assert len(kept_acknowledgements(history)) >= kept.acknowledgements
            assert undelivered_alerts(history).get(STORE, {}).get(ALERT.channel, 0) >= kept.alerts
        if night(1) not in kept.runs and night(2) in kept.runs:
            folder.prune(datetime(2026, 1, 12, tzinfo=UTC), keep="")
            assert not (reports / night(1)).exists()
    for run_id in kept.runs:
        whole(reports / run_id)


def whole(folder: Path) -> None:
    """Check that all files of a run are complete."""
    json.loads((folder / "report.json").read_bytes())
    ElementTree.parse(folder / "junit.xml")
    assert (folder / "index.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
