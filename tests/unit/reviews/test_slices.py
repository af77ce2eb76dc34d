"""A sample cut into slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import Record, RecordId, Sample, Stratum
from drift_checks.reviews.slices import SampleSlice, slice_sample
from drift_checks.settings.declarations import Settings
from tests.support.stores import AS_OF
from tests.support.timestamps import ZONES, timestamps

AS_STORED = ("category", "model_version", "prompt_version", "source")
DIMENSIONS = (*AS_STORED, "age", "text_length")
AGES = ["0 to 30 days", "30 to 90 days", "90 to 180 days", "180 to 365 days", "365 days or more"]


def slices(rows: Sequence[Mapping[str, object]], zone: ZoneInfo | None = None) -> list[SampleSlice]:
    """Return the slices of a sample of records with these values and ids from 1."""
    records = [
        Record(key, Stratum.OLD, {"id": key, "text": "text", "category": "a", **row}) for key, row in enumerate(rows, 1)
    ]
    sample = Sample(tuple(records), dict.fromkeys(Stratum, 9), (Stratum.OLD,), 1, AS_OF, "UTC")
    made = Settings(db=Path("a.db"), seed=1, as_of=AS_OF, naive_timezone=zone or ZoneInfo("UTC"))
    return slice_sample(sample, made)


def members(found: Sequence[SampleSlice], dimension: str) -> dict[str, set[RecordId]]:
    """Return the records of each slice of a dimension, by its value."""
    return {part.value: set(part.record_ids) for part in found if part.dimension == dimension}


def days_ago(days: float) -> str:
    """Return the timestamp of that many days ago."""
    return (AS_OF - timedelta(days=days)).isoformat()


VALUES = st.sampled_from(["a", "b", "c d", "", None, 2])
ROWS = st.fixed_dictionaries(
    {"text": st.text(max_size=40) | st.none(), "category": VALUES},
    optional={
        "timestamp": timestamps([AS_OF - timedelta(days=days) for days in (0, 30, 90, 180, 365)]),
        "model_version": VALUES,
        "prompt_version": VALUES,
        "source": VALUES,
    },
)


@given(rows=st.lists(ROWS, max_size=12), zone=ZONES)
def test_the_slices_of_a_dimension_share_no_record(rows: list[dict[str, object]], zone: ZoneInfo) -> None:
    """Each has a name of its own and a record of the sample; a dimension has two slices or none."""
    found = slices(rows, zone)
    assert {part.dimension for part in found} <= set(DIMENSIONS)
    assert len({part.name for part in found}) == len(found)
    for dimension in DIMENSIONS:
        parts = [part.record_ids for part in found if part.dimension == dimension]
        assert len(parts) != 1
        assert all(parts)
        assert sum(map(len, parts)) == len(frozenset().union(*parts))
        assert frozenset().union(*parts) <= set(range(1, len(rows) + 1))


@given(rows=st.lists(ROWS, max_size=12), dimension=st.sampled_from(AS_STORED))
def test_a_slice_holds_the_records_with_its_value(rows: list[dict[str, object]], dimension: str) -> None:
    """All of them; those without a value are in none."""
    right: dict[str, set[int]] = {}
    for key, row in enumerate(rows, 1):
        if row.get(dimension) not in (None, ""):
            right.setdefault(str(row[dimension]), set()).add(key)
    assert members(slices(rows), dimension) == (right if len(right) > 1 else {})


def test_a_store_without_the_columns_has_slices_of_the_others() -> None:
    """Text and category are always there; a value that all records share makes no slice."""
    found = slices([{"text": "a", "category": "x"}, {"text": "abc", "category": "y"}])
    assert {part.dimension for part in found} == {"category", "text_length"}
    assert {part.name for part in found} >= {"category=x", "category=y"}
    assert slices([{"source": "a"}, {"source": "a"}, {"source": None}]) == []
    assert slices([]) == []


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (-3, AGES[0]),
        (0, AGES[0]),
        (29.99, AGES[0]),
        (30, AGES[1]),
        (89.99, AGES[1]),
        (90, AGES[2]),
        (179.99, AGES[2]),
        (180, AGES[3]),
        (364.99, AGES[3]),
        (365, AGES[4]),
        (20_000, AGES[4]),
    ],
)
def test_an_age_is_a_band_of_days(days: float, age: str) -> None:
    """From its first day to before the next band's; what lies ahead is of now."""
    other = AGES[4] if age != AGES[4] else AGES[0]
    found = members(
        slices([{"timestamp": days_ago(days)}, {"timestamp": days_ago(400 if other == AGES[4] else 1)}]), "age"
    )
    assert found == {age: {1}, other: {2}}


def test_an_unreadable_timestamp_is_of_no_age() -> None:
    """Neither old nor new."""
    rows = [{"timestamp": stamp} for stamp in (days_ago(1), days_ago(100), "garbage", None, "", 1768442400)]
    assert members(slices(rows), "age") == {AGES[0]: {1}, AGES[2]: {2}}


def test_an_age_is_reported_in_the_zone_of_naive_times() -> None:
    """Thirty days ago in UTC is less in New York."""
    stamp = (AS_OF - timedelta(days=30, hours=2)).replace(tzinfo=None).isoformat()
    found = members(slices([{"timestamp": stamp}, {"timestamp": days_ago(400)}], ZoneInfo("America/New_York")), "age")
    assert set(found) == {AGES[0], AGES[4]}


@given(lengths=st.lists(st.integers(0, 60), max_size=40))
def test_lengths_of_text_divide_the_sample_in_their_order(lengths: list[int]) -> None:
    """Each record is in one band, or there is but one band; the texts of a band are shorter than those of the next."""
    found = members(slices([{"text": "x" * length} for length in lengths]), "text_length")
    keys = sorted(int(key) for keys in found.values() for key in keys)
    assert keys in ([], list(range(1, len(lengths) + 1)))
    bands = [{lengths[int(key) - 1] for key in found[name]} for name in ("short", "medium", "long") if name in found]
    assert all(max(shorter) < min(longer) for shorter, longer in pairwise(bands))


@given(lengths=st.lists(st.integers(0, 500), min_size=3, max_size=60, unique=True))
def test_bands_of_length_are_of_as_many(lengths: list[int]) -> None:
    """But one, where all lengths differ."""
    found = members(slices([{"text": "x" * length} for length in lengths]), "text_length")
    sizes = [len(found[name]) for name in ("short", "medium", "long")]
    assert max(sizes) - min(sizes) <= 1


def test_missing_texts_are_texts_of_no_letters() -> None:
    """They are in the band of the empty ones."""
    found = members(slices([{"text": None}, {"text": ""}, {"text": "x" * 5}, {"text": "x" * 9}]), "text_length")
    assert [{1, 2} <= keys for keys in found.values()].count(True) == 1


@pytest.mark.parametrize("shortest", [2, 4])
def test_the_shortest_texts_are_short(shortest: int) -> None:
    """However many of them there are."""
    found = members(slices([*[{"text": "x"}] * shortest, {"text": "xx"}]), "text_length")
    assert found["short"] == set(range(1, shortest + 1))
