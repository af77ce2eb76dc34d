"""The history of runs: what is added comes back as it was."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.report.history import schema
from drift_checks.report.history.database import History
from drift_checks.report.history.recorded import (
    RecordedCriterion,
    RecordedDisagreement,
    RecordedRun,
    StoreIdentity,
)
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Estimate
from tests.support.histories import (
    NIGHTS,
    RUN,
    STORE,
    ids,
    raw,
    run,
)


def test_a_run_comes_back_as_it_was_added(tmp_path: Path) -> None:
    """With its criteria and disagreements."""
    with History(tmp_path) as history:
        history.add(run())
        assert history.runs(disagreements=True) == [run()]


def test_a_run_is_there_for_the_next_process(tmp_path: Path) -> None:
    """It stands in the file."""
    with History(tmp_path) as history:
        history.add(run())
    with History(tmp_path) as history:
        assert history.runs(disagreements=True) == [run()]


TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
WHOLE = st.integers(0, 2**63 - 1)
NUMBER = st.floats(allow_nan=False, width=64)
INTERVAL = st.tuples(NUMBER, NUMBER)
CRITERIA = st.builds(
    RecordedCriterion,
    name=TEXT,
    verdict=st.none() | st.sampled_from(Verdict),
    **dict.fromkeys(("passed", "failed", "unmeasured", "not_needed"), WHOLE),
    **{name: st.none() | NUMBER for name in ("rate", "value", "warn", "critical")},
    interval=st.none() | INTERVAL,
    message=TEXT,
)
DISAGREEMENTS = st.builds(
    RecordedDisagreement,
    record_id=st.integers(-(2**63), 2**63 - 1) | TEXT | st.sampled_from(["12", "1e3", "0x1", " 7", "-0"]),
    **{name: st.none() | TEXT for name in ("stratum", "stored", "reviewed")},
    **{name: st.none() | NUMBER for name in ("stored_confidence", "reviewed_confidence")},
)
RUNS = st.builds(
    RecordedRun,
    run_id=st.just(RUN),
    started=st.datetimes(timezones=st.just(UTC)),
    finished=st.datetimes(timezones=st.just(UTC)),
    duration_seconds=NUMBER,
    verdict=st.sampled_from(Verdict),
    store=st.builds(StoreIdentity, TEXT, TEXT, TEXT),
    versions=st.dictionaries(TEXT, TEXT, max_size=3),
    seed=st.integers(),
    **dict.fromkeys(("exit_code", "records", "sample_size", "agreed", "reviewed", "calls"), WHOLE),
    **dict.fromkeys(("as_of", "reviewer", "decision", "judge"), TEXT),
    **{name: st.none() | TEXT for name in ("model", "prompt")},
    **{name: st.none() | WHOLE for name in ("vectors", "input_tokens", "output_tokens")},
    **{name: st.none() | NUMBER for name in ("rate", "confidence_change", "cost")},
    interval=st.none() | INTERVAL,
    population=st.none() | st.builds(Estimate, NUMBER, INTERVAL),
    criteria=st.lists(CRITERIA, max_size=3, unique_by=lambda item: item.name).map(tuple),
    disagreements=st.lists(DISAGREEMENTS, max_size=3).map(tuple),
)


@settings(max_examples=60)
@given(RUNS)
def test_every_value_comes_back_as_it_was(added: RecordedRun) -> None:
    """Numbers as numbers, text as text, names that are no Unicode too, and ids of either kind."""
    with TemporaryDirectory() as folder, History(Path(folder)) as history:
        history.add(added)
        found = history.runs(added.store, disagreements=True)
        assert found == [added]
        kinds = [type(item.record_id) for item in found[0].disagreements]
        assert kinds == [type(item.record_id) for item in added.disagreements]


def test_each_field_of_a_run_has_its_place(tmp_path: Path) -> None:
    """One that is added to the runs needs a migration."""
    with History(tmp_path):
        found = schema.expected_columns(schema.newest_version())
    in_parts = {"store", "interval", "population", "criteria", "disagreements"}
    assert {field.name for field in fields(RecordedRun)} - in_parts <= {
        name for table, name in found if table == "runs"
    }


def test_adding_a_run_again_replaces_it(tmp_path: Path) -> None:
    """As one that was resumed."""
    with History(tmp_path) as history:
        history.add(run(agreed=30))
        history.add(run(agreed=45))
        assert history.runs(disagreements=True) == [run(agreed=45)]


def test_what_refers_to_a_run_outlives_its_replacement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert that was sent was sent."""
    further = ("CREATE TABLE later (run_id TEXT NOT NULL REFERENCES runs (run_id) ON DELETE CASCADE)",)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, further))
    with History(tmp_path) as history:
        history.add(run())
        raw(tmp_path, f"INSERT INTO later VALUES ('{RUN}')")
        history.add(run(agreed=40))
    assert raw(tmp_path, "SELECT * FROM later") == [(RUN,)]


def test_disagreements_come_only_when_asked_for(tmp_path: Path) -> None:
    """They are many."""
    with History(tmp_path) as history:
        history.add(run())
        assert history.runs() == [replace(run(), disagreements=())]
        assert history.runs(criteria=False) == [replace(run(), criteria=(), disagreements=())]


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """A history of six nights, in which two stores take turns, added in no order."""
    with History(tmp_path) as history:
        for place in (3, 0, 5, 1, 4, 2):
            history.add(run(NIGHTS[place], db=STORE.db if place % 2 else "/data/other.db"))
    return tmp_path


OTHER = STORE._replace(db="/data/other.db")


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"store": STORE}, [1, 3, 5]),
        ({"last": 2}, [4, 5]),
        ({"store": OTHER, "last": 2}, [2, 4]),
        ({"last": 0}, []),
        ({"store": STORE._replace(table="other")}, []),
        ({"store": STORE._replace(collection="other")}, []),
    ],
)
def test_runs_come_oldest_first(nights: Path, asked: dict[str, Any], places: list[int]) -> None:
    """Of one store or all, and so many of the newest."""
    with History(nights) as history:
        assert [item.run_id for item in history.runs(**asked)] == [NIGHTS[place] for place in places]


def test_the_newest_run_of_each_store(nights: Path) -> None:
    """With its criteria."""
    with History(nights) as history:
        found = history.newest_of_each_store()
        assert [(item.run_id, item.store, len(item.criteria)) for item in found] == [
            (NIGHTS[4], OTHER, 2),
            (NIGHTS[5], STORE, 2),
        ]
        assert history.stores() == [OTHER, STORE]


@pytest.mark.parametrize(("before", "expected"), [(5, 3), (4, 3), (3, 1), (1, None)])
def test_the_previous_run_of_a_store(nights: Path, before: int, expected: int | None) -> None:
    """The newest before that one, with its disagreements; none before the first."""
    with History(nights) as history:
        found = history.previous(STORE, NIGHTS[before])
    assert found == (None if expected is None else run(NIGHTS[expected]))


@pytest.mark.parametrize(
    ("day", "keep", "stays"),
    [(10, "", 6), (12, "", 4), (12, NIGHTS[0], 5), (31, "", 2), (31, NIGHTS[0], 3)],
)
def test_pruning_deletes_what_is_older(nights: Path, day: int, keep: str, stays: int) -> None:
    """But never the newest of a store, nor the run that is to be kept; with all their parts."""
    with History(nights) as history:
        history.prune(datetime(2026, 1, day, tzinfo=UTC), keep)
        assert ids(history) == sorted({*NIGHTS[6 - stays + bool(keep) :], *([keep] if keep else [])})
    assert raw(nights, "SELECT count(DISTINCT run_id) FROM criteria") == [(stays,)]
    assert raw(nights, "SELECT count(DISTINCT run_id) FROM disagreements") == [(stays,)]


def test_a_run_that_started_at_the_moment_stays(tmp_path: Path) -> None:
    """Before is before, to the microsecond."""
    began = datetime(2026, 1, 10, 2, tzinfo=UTC)
    with History(tmp_path) as history:
        for place, night in enumerate(NIGHTS[:3]):
            history.add(replace(run(night), started=began + timedelta(microseconds=place - 1)))
        history.prune(began, "")
        assert ids(history) == NIGHTS[1:3]
