"""Settings that are unknown, contradictory or impossible with this store are refused in one sentence."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore


@pytest.mark.parametrize("option", ["--drift-sampel-size=5", "--drift-sampel-size"])
def test_unknown_option_is_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion, option: str) -> None:
    """A misspelt option is refused with the nearest."""
    assert review(*store.options, option, "5").refusal == snapshot


def test_no_store_is_refused(review: Review, snapshot: SnapshotAssertion) -> None:
    """The error says how to name one, and mentions the demo."""
    assert review().refusal == snapshot


def test_chroma_directory_without_records_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion
) -> None:
    """The error asks for --drift-db."""
    store.db.unlink()
    assert review(f"--drift-chroma={store.chroma}").refusal == snapshot


def test_a_collection_of_other_records_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion
) -> None:
    """Also if the directory is only found beside the records; the error shows ids of both."""
    store.execute(f"update {NAME} set chroma_id = 'doc ' || id")
    assert review(f"--drift-db={store.db}").refusal == snapshot


@pytest.mark.parametrize("named", ["chroma", "db"])
def test_records_and_vectors_in_one_folder_are_found(review: Review, store: BuiltStore, named: str) -> None:
    """Either of them names the other."""
    found = review(*SMALL, f"--drift-{named}={getattr(store, named)}").drift["store"]
    assert (found["db"], found["chroma"]) == (str(store.db), str(store.chroma))


def test_records_not_found_are_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The error names the unknown ids."""
    assert review(*store.options, "--drift-records=1,999,nobody").refusal == snapshot
