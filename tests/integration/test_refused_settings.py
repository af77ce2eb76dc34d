"""Settings that are unknown, at odds with another or impossible with this store are refused in a sentence."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_runs import SMALL, Review
from tests.support.stores import BuiltStore


@pytest.mark.parametrize("option", ["--drift-sampel-size=5", "--drift-sampel-size"])
def test_unknown_option_is_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, option: str) -> None:
    """A misspelt option is refused with the nearest."""
    assert review(*store.options, option, "5").refusal == snapshot


def test_unknown_column_is_refused_with_the_nearest(review: Review) -> None:
    """A misspelt column of ours among several pairs is refused with the nearest."""
    assert "did you mean 'category'?" in review("--drift-columns=text=body,categry=label").refusal


def test_unknown_variable_is_refused(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    """A misspelt variable is refused with the nearest."""
    monkeypatch.setenv("DRIFT_SAMPEL_SIZE", "5")
    assert review(*store.options).refusal == snapshot


def test_no_setting_is_suggested_that_is_not_near(review: Review, store: BuiltStore) -> None:
    """An option that resembles no setting is refused without a misleading hint."""
    assert "did you mean" not in review(*store.options, "--drift-xyzzy=1").refusal


def test_somebody_elses_variable_is_let_be(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with the prefix that resembles no setting may be another program's."""
    monkeypatch.setenv("DRIFT_BOTTLE_MESSAGE", "hello")
    assert review(*store.options, *SMALL).exit_code == 0


def test_critical_above_warn_is_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """WARNING must come before CRITICAL."""
    assert review(*store.options, "--drift-warn=0.7", "--drift-critical=0.8").refusal == snapshot


@pytest.mark.parametrize("other", ["db", "chroma"])
def test_demo_with_a_store_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion, other: str
) -> None:
    """The demo store and a named one exclude each other."""
    path = {"db": store.db, "chroma": store.chroma}[other]
    assert review("--drift-demo", f"--drift-{other}={path}").refusal == snapshot


def test_no_store_is_refused(review: Review, snapshot: SnapshotAssertion) -> None:
    """Without a store the refusal says how to name one, and of the demo."""
    assert review().refusal == snapshot


def test_chroma_directory_without_records_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion
) -> None:
    """A Chroma directory that holds no records' file calls for --drift-db."""
    store.db.unlink()
    assert review(f"--drift-chroma={store.chroma}").refusal == snapshot


def test_records_without_vectors_are_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The reviewer `neighbours` without a Chroma directory: the one beside the records is named."""
    assert review(f"--drift-db={store.db}").refusal == snapshot


def test_records_beside_chroma_are_found(review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """CHROMA_PERSIST_PATH alone suffices where both lie in one folder."""
    monkeypatch.setenv("CHROMA_PERSIST_PATH", str(store.chroma))
    assert review(*SMALL).drift["store"]["db"] == str(store.db)


def test_records_not_found_are_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """Ids that the store lacks are named."""
    assert review(*store.options, "--drift-records=1,999,nobody").refusal == snapshot


@pytest.mark.parametrize("zone", ["../../etc/passwd", "Europe", "Mars/Olympus"])
def test_unknown_zone_is_refused(review: Review, snapshot: SnapshotAssertion, zone: str) -> None:
    """A time zone must be one of the database's."""
    assert review(f"--drift-naive-timezone={zone}").refusal == snapshot


@pytest.mark.parametrize("days", ["1000000", "99999999999999999999"])
def test_days_beyond_the_calendar_are_told_in_a_sentence(review: Review, store: BuiltStore, days: str) -> None:
    """An age that no calendar reaches is refused, or no record is so old; there is no traceback."""
    assert "INTERNALERROR" not in review(*store.options, *SMALL, f"--drift-old-days={days}").text


@pytest.mark.parametrize("name", ["db", "sample-size", "table", "records"])
def test_empty_option_is_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, name: str) -> None:
    """`--drift-NAME=` says nothing, and is refused."""
    assert review(*store.options, f"--drift-{name}=").refusal == snapshot
