"""Taking up a run that was interrupted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.core.records import Record, Sample, Stratum
from drift_checks.reviews.journal import JOURNAL_FILE, Journal
from drift_checks.reviews.resuming import Unfinished, find_unfinished, header
from drift_checks.settings.declarations import Settings

BEGAN = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
RUN = "20260115T020000Z-abc123"
SAMPLE = Sample(
    records=(
        Record(1, Stratum.LOW_CONFIDENCE, {"id": 1}),
        Record("two", Stratum.BASELINE, {"id": "two"}),
    ),
    sizes={Stratum.LOW_CONFIDENCE: 30, Stratum.OLD: 0, Stratum.BASELINE: 5},
    judged=(Stratum.LOW_CONFIDENCE, Stratum.OLD),
    seed=7,
    as_of=BEGAN,
    naive_timezone="Asia/Tokyo",
    notes=("a note",),
)


def settings(folder: Path, **changed: Any) -> Settings:
    """Return the settings of a run, on the day after the one that was interrupted."""
    defaults: dict[str, Any] = {
        "db": folder / "risks.db",
        "reports": folder,
        "seed": 20260116,
        "as_of": BEGAN + timedelta(days=1),
        "naive_timezone": ZoneInfo("UTC"),
    }
    return Settings(**(defaults | changed))


def leave(reports: Path, run_id: str = RUN, *, aside: bool = True, finished: bool = False, **changed: Any) -> Path:
    """Leave the journal of a run in a folder of reports; return the run's folder."""
    folder = reports / (f".{run_id}.tmp" if aside else run_id)
    folder.mkdir()
    journal = Journal(folder / JOURNAL_FILE)
    journal.begin(header(settings(reports, **changed), "llm", run_id, BEGAN, SAMPLE))
    if finished:
        journal.finish(inconclusive=False)
    return folder


def unfinished(reports: Path) -> Unfinished:
    """Leave a run and find it."""
    leave(reports)
    return find_unfinished(settings(reports))


def test_an_interrupted_run_is_found_with_its_sample(tmp_path: Path) -> None:
    """The records keep their strata and order."""
    found = unfinished(tmp_path)
    assert (found.run_id, found.started, found.folder) == (RUN, BEGAN, tmp_path / f".{RUN}.tmp")
    drawn = found.sample
    assert drawn["records"] == [[1, "low_confidence"], ["two", "baseline"]]
    assert (drawn["seed"], drawn["naive_timezone"], drawn["judged"]) == (7, "Asia/Tokyo", ["low_confidence", "old"])


def test_the_newest_is_found_wherever_it_lies(tmp_path: Path) -> None:
    """Whether it was killed, or ended without a verdict."""
    leave(tmp_path, "20260114T020000Z-ffffff")
    newest = leave(tmp_path, "20260115T030000Z-000000", aside=False)
    leave(tmp_path, "20260115T010000Z-ffffff")
    assert find_unfinished(settings(tmp_path)).folder == newest


def test_a_finished_run_is_not_passed_over(tmp_path: Path) -> None:
    """An older one is not taken up in its place."""
    leave(tmp_path, "20260114T020000Z-ffffff")
    leave(tmp_path, aside=False, finished=True)
    with pytest.raises(SettingError, match="is finished"):
        find_unfinished(settings(tmp_path))


@pytest.mark.parametrize("other", [{"table": "notes"}, {"collection": "notes"}, {"db": Path("/elsewhere.db")}])
def test_runs_of_another_store_are_passed_over(tmp_path: Path, other: dict[str, Any]) -> None:
    """One folder of reports may serve several stores."""
    mine = leave(tmp_path)
    leave(tmp_path, "20260116T020000Z-ffffff", finished=True, **other)
    assert find_unfinished(settings(tmp_path)).folder == mine


def test_latest_is_no_run_of_its_own(tmp_path: Path) -> None:
    """The link leads to a run that is there anyway."""
    folder = leave(tmp_path, aside=False)
    (tmp_path / "latest").symlink_to(folder.name)
    assert find_unfinished(settings(tmp_path)).folder == folder


@pytest.mark.parametrize("content", [b"", b'{"event": "beg'])
def test_journals_that_say_nothing_are_passed_over(tmp_path: Path, content: bytes) -> None:
    """A run that was killed at its first line."""
    mine = leave(tmp_path)
    empty = tmp_path / ".20260116T020000Z-ffffff.tmp"
    empty.mkdir()
    (empty / JOURNAL_FILE).write_bytes(content)
    assert find_unfinished(settings(tmp_path)).folder == mine


def test_missing_folder_of_reports_holds_no_run(tmp_path: Path) -> None:
    """It is said in a sentence."""
    with pytest.raises(SettingError, match="holds no interrupted run"):
        find_unfinished(settings(tmp_path, reports=tmp_path / "none"))


def test_the_days_defaults_give_way(tmp_path: Path) -> None:
    """Seed, moment and zone are those that it began with."""
    resumed = unfinished(tmp_path).resumed(settings(tmp_path), "llm")
    assert (resumed.seed, resumed.as_of, resumed.naive_timezone) == (7, BEGAN, ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize(
    ("key", "value"), [("seed", 8), ("as_of", BEGAN + timedelta(days=1)), ("naive_timezone", ZoneInfo("UTC"))]
)
def test_what_was_given_does_not_give_way(tmp_path: Path, key: str, value: object) -> None:
    """Another seed, moment or zone, given on purpose, is refused."""
    given = settings(tmp_path, **{key: value}, sources={key: f"--drift-{key}"})
    with pytest.raises(SettingError, match=key.replace("_", "-")):
        unfinished(tmp_path).resumed(given, "llm")


def test_settings_that_would_mix_two_runs_are_refused(tmp_path: Path) -> None:
    """The error names the setting."""
    changes: dict[str, Any] = {
        "sample_size": 51,
        "low_confidence_share": 0.5,
        "low_confidence_below": 0.7,
        "old_days": 91,
        "baseline": 11,
        "records": ("1",),
        "columns": (("text", "body"),),
        "taxonomy": Path("/taxonomy.yaml"),
        "repeat": 1,
        "llm_base_url": "http://elsewhere/v1",
        "llm_model": "another",
        "llm_prompt": Path("/prompt.txt"),
    }
    run = unfinished(tmp_path)
    for key, value in changes.items():
        with pytest.raises(SettingError, match=f"resume: .* {key.replace('_', '-')} "):
            run.resumed(replace(settings(tmp_path), **{key: value}), "llm")


def test_another_reviewer_is_refused(tmp_path: Path) -> None:
    """Decisions of two reviewers do not make one agreement."""
    with pytest.raises(SettingError, match="reviewer llm, but it is now mine:Classifier"):
        unfinished(tmp_path).resumed(settings(tmp_path), "mine:Classifier")


def test_limits_may_change(tmp_path: Path) -> None:
    """A larger budget or a slower pace is a reason to resume."""
    changes = {"max_calls": 9, "max_cost": 1.0, "concurrency": 1, "timeout": 5.0, "requests_per_minute": 60}
    resumed = unfinished(tmp_path).resumed(replace(settings(tmp_path), **changes), "llm")  # type: ignore[arg-type]
    assert {key: getattr(resumed, key) for key in changes} == changes


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_run_that_began_beyond_the_calendar_is_refused(tmp_path: Path, moment: str) -> None:
    """In UTC, that has no date."""
    journal = leave(tmp_path) / JOURNAL_FILE
    journal.write_text(journal.read_text().replace('"started": "2026-01-15T02:00:00Z"', f'"started": "{moment}"'))
    assert moment in journal.read_text()
    with pytest.raises(SettingError, match="is damaged"):
        find_unfinished(settings(tmp_path))
