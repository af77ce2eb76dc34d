"""The acknowledgements in a history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.history.acknowledged import Acknowledgements, kept_acknowledgements
from drift_checks.report.history.database import History
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.histories import RUN, STORE, raw, run
from tests.support.reports import known_criterion, known_record

NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)
OTHER = STORE._replace(collection="other")
RECORD = known_record(12, 0, versions={"model_version": "gpt-4"})
CRITERION = known_criterion("class_mix", Verdict.WARNING, 0)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An empty history."""
    with History(tmp_path) as opened:
        yield opened


@pytest.fixture
def kept(history: History) -> Acknowledgements:
    """Its acknowledgements."""
    return Acknowledgements(history)


def numbers(kept: Acknowledgements, store: StoreIdentity = STORE) -> list[int]:
    """Return the numbers of a store's open acknowledgements."""
    return [item.number for item in kept.of_store(store)]


def test_acknowledgements_of_a_store_come_in_order(kept: Acknowledgements) -> None:
    """With their numbers."""
    added = [kept.add(item)[0] for item in (RECORD, replace(CRITERION, store=OTHER), CRITERION)]
    assert added == [1, 2, 3]
    assert kept.of_store(STORE) == [replace(RECORD, number=1), replace(CRITERION, number=3)]


TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
MOMENT = st.datetimes(timezones=st.just(UTC))


@settings(max_examples=40)
@given(
    st.builds(
        Acknowledgement,
        number=st.just(1),
        store=st.builds(StoreIdentity, TEXT, TEXT, TEXT),
        until=MOMENT,
        reason=TEXT,
        made=MOMENT,
        versions=st.dictionaries(TEXT, TEXT, max_size=3),
        record_id=st.integers(-(2**63), 2**63 - 1) | TEXT | st.sampled_from(["12", "1e3", " 7", "-0"]),
        stored=st.none() | TEXT,
        reviewed=st.none() | TEXT,
        verdict=st.none() | st.sampled_from(Verdict),
    )
)
def test_every_value_comes_back_as_it_was(item: Acknowledgement) -> None:
    """Ids of either type, and names that are not Unicode."""
    with TemporaryDirectory() as folder, History(Path(folder)) as opened:
        Acknowledgements(opened).add(item)
        (found,) = Acknowledgements(opened).of_store(item.store)
    assert found == item
    assert type(found.record_id) is type(item.record_id)


def test_a_second_one_of_the_same_record_or_criterion_replaces_the_first(
    kept: Acknowledgements, history: History
) -> None:
    """Whatever its pair or verdict; the first is withdrawn."""
    kept.add(RECORD)
    kept.add(CRITERION)
    assert kept.add(replace(RECORD, reviewed="other", made=NOW + timedelta(days=1))) == (3, 1)
    assert kept.add(replace(CRITERION, verdict=Verdict.CRITICAL)) == (4, 2)
    assert numbers(kept) == [3, 4]
    assert kept_acknowledgements(history)[0].withdrawn == NOW + timedelta(days=1)


@pytest.mark.parametrize("other", [{"record_id": "12"}, {"record_id": 13}, {"store": OTHER}])
def test_one_of_another_record_replaces_nothing(kept: Acknowledgements, other: dict[str, object]) -> None:
    """The id 12 differs from the text `12`."""
    kept.add(RECORD)
    assert kept.add(replace(RECORD, **other))[1] is None  # type: ignore[arg-type]
    assert 1 in numbers(kept)


def test_an_end_is_reported_once(kept: Acknowledgements, history: History) -> None:
    """It stays in the list, with the reason and the run; one that is past is open until its end was reported."""
    kept.add(replace(RECORD, until=datetime(2020, 1, 1, tzinfo=UTC)))
    kept.add(CRITERION)
    assert numbers(kept) == [1, 2]
    kept.end({1: "it was until then"}, RUN)
    assert numbers(kept) == [2]
    assert [item.ended for item in kept_acknowledgements(history)] == ["it was until then", None]
    assert raw(history.folder, "SELECT ended_told FROM acknowledgements") == [(RUN,), (None,)]


def test_a_withdrawn_one_is_not_open(kept: Acknowledgements, history: History) -> None:
    """The list says since when."""
    kept.add(RECORD)
    kept.withdraw(1, NOW)
    assert numbers(kept) == []
    assert [item.withdrawn for item in kept_acknowledgements(history)] == [NOW]


def test_acknowledgements_outlive_the_runs(kept: Acknowledgements, history: History) -> None:
    """Which are pruned."""
    history.add(run())
    history.add(run("20270115T020000Z-abc123"))
    kept.add(RECORD)
    history.prune(datetime(2027, 1, 1, tzinfo=UTC), "")
    assert numbers(kept) == [1]


def test_a_number_is_used_once(kept: Acknowledgements, history: History) -> None:
    """People write it down."""
    kept.add(RECORD)
    raw(history.folder, "DELETE FROM acknowledgements")
    assert kept.add(RECORD)[0] == 2


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    """Nothing is read or written."""
    with History(tmp_path) as opened:
        Acknowledgements(opened).add(RECORD)
    raw(tmp_path, "PRAGMA user_version = 99")
    with History(tmp_path) as opened:
        kept = Acknowledgements(opened)
        kept.withdraw(1, NOW)
        kept.end({1: "why"}, RUN)
        assert (kept.add(CRITERION), kept.of_store(STORE)) == ((0, None), [])
    assert raw(tmp_path, "SELECT withdrawn, ended FROM acknowledgements") == [(None, None)]


@pytest.mark.parametrize("column", ["record_id", "criterion"])
def test_a_row_is_of_a_record_or_a_criterion(kept: Acknowledgements, history: History, column: str) -> None:
    """Not of both, nor of neither."""
    kept.add(RECORD)
    kept.add(CRITERION)
    value = {"record_id": "12", "criterion": "'class_mix'"}[column]
    with pytest.raises(sqlite3.IntegrityError):
        raw(history.folder, f"UPDATE acknowledgements SET {column} = {value}")
    with pytest.raises(sqlite3.IntegrityError):
        raw(history.folder, f"UPDATE acknowledgements SET {column} = NULL")
