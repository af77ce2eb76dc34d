"""The same store, seed, reference time and zone give the same sample."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore


def options_without(store: BuiltStore, *names: str) -> list[str]:
    """Return the store's options except for these."""
    return [option for option in store.options if not option.startswith(tuple(f"--drift-{name}" for name in names))]


@pytest.mark.slow
def test_processes_and_hash_seeds_draw_alike(
    review: Review, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes with other hash seeds draw the same records in the same order."""
    drawn = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        listed = review(*store.options, "--collect-only", "-q", process=True).out
        drawn.append([line for line in listed.splitlines() if "::" in line])
    assert (len(drawn[0]) > 181, drawn[0]) == (True, drawn[1])


def test_other_order_in_the_file_draws_alike(review: Review, store: BuiltStore) -> None:
    """Rows that were written in another order are the same store."""
    first = review(*store.options, *SMALL, "-k", "integrity").record_ids
    store.execute(f"create table copied as select * from {NAME} order by id desc")
    assert review(*store.options, *SMALL, "-k", "integrity", "--drift-table=copied").record_ids == first


def test_run_can_be_repeated_from_its_report(review: Review, store: BuiltStore) -> None:
    """The reference time defaults to now, and the seed to its date in UTC."""
    before = datetime.now(UTC).replace(microsecond=0)
    first = review(*options_without(store, "seed", "as-of", "naive"), "-k", "integrity").drift["sample"]
    as_of = datetime.fromisoformat(first["as_of"])
    assert before <= as_of <= datetime.now(UTC)
    assert first["seed"] == int(f"{as_of:%Y%m%d}")
    reported = {"seed": first["seed"], "as-of": first["as_of"], "naive-timezone": first["naive_timezone"]}
    again = [f"--drift-{name}={value}" for name, value in reported.items()]
    repeated = review(*options_without(store, "seed", "as-of", "naive"), *again, "-k", "integrity")
    assert repeated.record_ids == first["record_ids"]


@pytest.mark.parametrize(("zone", "old"), [("UTC", 0), ("Asia/Tokyo", 1)])
def test_zone_moves_naive_records_across_the_bound(review: Review, store: BuiltStore, zone: str, old: int) -> None:
    """Five in the morning of one date comes earlier in Tokyo than in UTC, and later in New York."""
    # 90 days before the reference time are 2025-10-17T02:00Z.
    store.execute(f"update {NAME} set timestamp = '2025-10-17T05:00:00', confidence = 0.9 where id = 1")
    store.execute(f"update {NAME} set timestamp = '2026-01-01T00:00:00' where id != 1")
    found = review(*options_without(store, "naive"), f"--drift-naive-timezone={zone}", "-k", "integrity")
    assert found.drift["sample"]["strata"]["old"] == old


def test_every_form_of_timestamp_is_compared_with_the_bound(review: Review, store: BuiltStore) -> None:
    """Offsets, `Z` and a space name the same instants; exactly that many days is not older."""
    store.execute(f"update {NAME} set timestamp = '2026-01-01T00:00:00', confidence = 0.9")
    stamps = {
        "2025-10-17T01:59:59Z": True,
        "2025-10-17T02:00:00Z": False,
        "2025-10-17 03:59:59+02:00": True,
        "2025-10-17T04:00:00+02:00": False,
        "2025-10-16T22:00:00-0400": False,
        "2025-10-16T21:59:59-0400": True,
        "2025-10-17 01:59:59": True,
        "2025-10-17": True,
    }
    for number, stamp in enumerate(stamps, start=1):
        store.execute(f"update {NAME} set timestamp = ? where id = ?", stamp, number)
    drawn = review(*store.options, "--drift-baseline=0", "-k", "integrity").record_ids
    assert drawn == [number for number, old in enumerate(stamps.values(), start=1) if old]
