"""Strata computed in SQL agree with plain Python."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drift_checks.core.records import STORE_STRATA, RecordId, Stratum
from drift_checks.reviews.sampling import draw
from drift_checks.stores.columns.confidences import ConfidenceForm
from drift_checks.stores.columns.timestamps import FORMS, Count
from drift_checks.stores.strata import Bounds, largest_rounded_to
from tests.support.tables import TABLE, opened, strata_by_id, with_strata, write_table
from tests.support.timestamps import TIME_AFFINITIES, ZONES, near, tidy, timestamps

LOW, OLD, BASELINE = STORE_STRATA
BOUND = datetime(2025, 10, 17, 2, 0, tzinfo=UTC)
BOUNDS = Bounds(0.75, BOUND, UTC)
BASE = "text, category"

TIDY = tidy(near([BOUND]))
TIMESTAMPS = timestamps([BOUND])
NUMBERS = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.75, 0.7500000001, 0.7499999999, 0, 1, -1, 1.7, 1e308, -1e308, 10**18]),
    st.sampled_from([float("inf"), float("-inf")]),
)
CONFIDENCES = st.one_of(
    NUMBERS,
    NUMBERS.map(str),
    st.sampled_from(
        ["NaN", "nan", "inf", "-inf", "Infinity", "high", "", " 0.5 ", "0,5", "0.5x", "1e-3", "٠.٥", "1_0"]
    ),
    st.sampled_from([None, b"0.5"]),
)
AFFINITIES = st.sampled_from(["", "REAL", "TEXT", "NUMERIC", "INTEGER", "BLOB"])


def stratum_in_python(row: dict[str, object], bounds: Bounds) -> Stratum:
    """Return the stratum as the contract defines it."""
    number = bounds.confidences.read(row.get("confidence"))
    moment = bounds.timestamps.read(row.get("timestamp"), bounds.naive)
    if number is not None and number <= bounds.low_confidence_below:
        return LOW
    return OLD if moment is not None and moment < bounds.old_before else BASELINE


def stored_rows(path: Path) -> dict[RecordId, dict[str, object]]:
    """Return the rows as the columns' affinities stored them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {row["id"]: dict(row) for row in connection.execute(f"select * from {TABLE}")}


def differences(
    rows: Sequence[Sequence[object]], columns: str, bounds: Bounds, indexed: Sequence[str] = ()
) -> list[object]:
    """Return the rows for which SQL and Python disagree, with the result of SQL, and the sizes if those disagree."""
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder) / "a.db", rows, columns, indexed)
        there = stored_rows(path)
        store = opened(path)
        found = strata_by_id(store, bounds, list(there))
        assert found.keys() == there.keys()
        # The store may have found that a whole column cannot be used.
        usable = {key: {ours: row[ours] for ours in row if store.has(ours)} for key, row in there.items()}
        right = {key: stratum_in_python(row, bounds) for key, row in usable.items()}
        sizes = with_strata(store, bounds, lambda strata: strata.sizes())
        wrong: list[object] = [(row, found[key]) for key, row in there.items() if found[key] is not right[key]]
        return (
            wrong
            if sizes == {stratum: list(right.values()).count(stratum) for stratum in STORE_STRATA}
            else [*wrong, sizes]
        )


@settings(max_examples=100)
@given(
    rows=st.lists(st.tuples(CONFIDENCES, TIMESTAMPS), min_size=1, max_size=15),
    affinity=AFFINITIES,
    time_affinity=TIME_AFFINITIES,
    zone=ZONES,
    low=st.sampled_from([0.75, 0.0, 1.0, 0.3]),
    indexed=st.sampled_from([(), ("confidence", "timestamp")]),
)
def test_sql_and_python_agree_on_the_stratum(
    rows: list[tuple[object, object]], affinity: str, time_affinity: str, zone: ZoneInfo, low: float, indexed: list[str]
) -> None:
    """Of any values under any affinity, near the bound and far from it, by rows or by indexes."""
    numbered = [(key, "text", "other", *row) for key, row in enumerate(rows, 1)]
    columns = f"id integer primary key, {BASE}, confidence {affinity}, timestamp {time_affinity}"
    assert differences(numbered, columns, replace(BOUNDS, naive=zone, low_confidence_below=low), indexed) == []


@settings(max_examples=50)
@given(
    timestamps=st.lists(TIDY, min_size=1, max_size=10),
    bound=st.datetimes(datetime(1001, 1, 1), datetime(9990, 1, 1)),
    zone=ZONES,
)
def test_any_bound_separates_the_strata(timestamps: list[str], bound: datetime, zone: ZoneInfo) -> None:
    """Even centuries ago."""
    rows = [(key, "text", "other", stamp) for key, stamp in enumerate(timestamps)]
    columns = f"id integer primary key, {BASE}, timestamp text"
    assert differences(rows, columns, Bounds(0.75, bound.replace(tzinfo=UTC), zone)) == []


@settings(max_examples=50)
@given(confidences=st.lists(CONFIDENCES, min_size=1, max_size=10), affinity=AFFINITIES)
def test_a_store_without_timestamps_has_no_old_records(confidences: list[object], affinity: str) -> None:
    """Only low confidence separates its records."""
    rows = [(key, "text", "other", value) for key, value in enumerate(confidences)]
    assert differences(rows, f"id integer primary key, {BASE}, confidence {affinity}", BOUNDS) == []


@pytest.mark.parametrize("stamp", ["0000-06-01", "2020-02-32", "2020-13-01", "0000-00-00", "now", "2460000.5"])
def test_an_unreadable_timestamp_is_not_old(stamp: str) -> None:
    """It belongs to the baseline, even if SQLite's own functions read it."""
    rows = [(1, "text", "other", 0.9, stamp)]
    assert differences(rows, f"id integer primary key, {BASE}, confidence real, timestamp datetime", BOUNDS) == []


@pytest.mark.parametrize(
    "stamp", ["2020-01-01T", "2020-01-0102:00", "2020-01-01T24:00+01:00", "2020-01-01\0junk", "2020-02-30"]
)
def test_a_date_that_only_sqlite_accepts_is_not_drawn_as_old(tmp_path: Path, stamp: str) -> None:
    """It may count in the size of the old, but Python decides about each record that is drawn."""
    columns = f"id integer primary key, {BASE}, confidence real, timestamp text"
    store = opened(write_table(tmp_path / "a.db", [(1, "text", "other", 0.9, stamp)], columns, ()))
    assert strata_by_id(store, BOUNDS, [1]) == {1: BASELINE}
    assert with_strata(store, BOUNDS, lambda strata: strata.members(OLD, [0])) == []


@pytest.mark.parametrize(
    ("stamp", "zone", "affinity"),
    [("9999-12-31T23:00", "America/New_York", "text"), ("0001-01-01T00:00", "Asia/Kolkata", "datetime")],
)
def test_an_instant_beyond_the_calendar_is_unreadable(stamp: str, zone: str, affinity: str) -> None:
    """In UTC it is in the year 10000, or before the year 1."""
    rows = [(1, "text", "other", 0.5, stamp)]
    columns = f"id integer primary key, {BASE}, confidence real, timestamp {affinity}"
    assert differences(rows, columns, replace(BOUNDS, naive=ZoneInfo(zone))) == []


def test_a_bound_in_the_first_millennium_makes_nothing_old() -> None:
    """Such as 400,000 days ago."""
    rows = [(1, "text", "other", "2026-01-01T00:00:00")]
    bounds = replace(BOUNDS, old_before=datetime(931, 1, 1, tzinfo=UTC))
    assert differences(rows, f"id integer primary key, {BASE}, timestamp text", bounds) == []


def test_a_store_without_confidence_is_separated_by_age(tmp_path: Path) -> None:
    """Without either, all of it is baseline."""
    rows = [(1, "a", "b", "2020-01-01"), (2, "a", "b", "2026-01-01"), (3, "a", "b", None)]
    store = opened(write_table(tmp_path / "a.db", rows, f"id integer primary key, {BASE}, timestamp text"))
    assert strata_by_id(store, BOUNDS, [1, 2, 3]) == {1: OLD, 2: BASELINE, 3: BASELINE}
    assert with_strata(store, BOUNDS, lambda strata: strata.unreadable()) == {"timestamp": (1, None)}
    neither = opened(write_table(tmp_path / "b.db", [(1, "a", "b"), (2, "c", "d")]))
    assert with_strata(neither, BOUNDS, lambda strata: strata.sizes()) == {LOW: 0, OLD: 0, BASELINE: 2}
    assert with_strata(neither, BOUNDS, lambda strata: strata.unreadable()) == {}


def test_at_the_bounds() -> None:
    """A confidence at the bound is low; a record exactly as old as the bound is not old."""
    rows = [
        (1, "a", "b", 0.75, "2026-01-01"),
        (2, "a", "b", 0.76, "2025-10-17T02:00:00Z"),
        (3, "a", "b", 0.76, "2025-10-17T01:59:59.999999Z"),
        (4, "a", "b", 0.75, "2020-01-01"),
    ]
    with TemporaryDirectory() as folder:
        columns = f"id integer primary key, {BASE}, confidence real, timestamp text"
        store = opened(write_table(Path(folder) / "a.db", rows, columns))
        assert strata_by_id(store, BOUNDS, [1, 2, 3, 4]) == {1: LOW, 2: BASELINE, 3: OLD, 4: LOW}


def test_unreadable_values_are_counted_by_column(tmp_path: Path) -> None:
    """The user is informed of them, with an example."""
    rows = [
        (1, "a", "b", 0.5, "garbage"),
        (2, "a", "b", "NaN", "2020-01-01"),
        (3, "a", "b", None, None),
        (4, "a", "b", 0.5, "2020-01-01"),
    ]
    columns = f"id integer primary key, {BASE}, confidence, timestamp"
    store = opened(write_table(tmp_path / "a.db", rows, columns))
    assert with_strata(store, BOUNDS, lambda strata: strata.unreadable()) == {
        "confidence": (2, "NaN"),
        "timestamp": (2, "garbage"),
    }


def test_a_value_that_cannot_be_read_leaves_the_decision_to_the_other(tmp_path: Path) -> None:
    """Without either, the record is in the baseline."""
    rows = [
        (1, "a", "b", 0.5, "garbage"),
        (2, "a", "b", "high", "2020-01-01"),
        (3, "a", "b", None, None),
        (4, "a", "b", None, "2026-01-01"),
        (5, "a", "b", 0.9, "2026-01-01"),
    ]
    store = opened(write_table(tmp_path / "a.db", rows, f"id integer primary key, {BASE}, confidence, timestamp"))
    assert strata_by_id(store, BOUNDS, [1, 2, 3, 4, 5]) == {1: LOW, 2: OLD, 3: BASELINE, 4: BASELINE, 5: BASELINE}


STORED_AS = st.sampled_from([int, str, float, lambda number: struct.pack("<q", int(number))])
COUNTS = st.sampled_from([form for form in FORMS if isinstance(form, Count)])


@settings(max_examples=60)
@given(
    form=COUNTS,
    moments=st.lists(near([BOUND], datetime(1980, 1, 1), datetime(2099, 12, 31)), min_size=1, max_size=10),
    stored_as=STORED_AS,
    odd=st.lists(st.sampled_from([None, "", "garbage", "2020-01-01", 0, -5, 1e300, "17642016xx", b"x"]), max_size=3),
    affinity=st.sampled_from(["", "integer", "text", "real"]),
)
def test_sql_and_python_agree_on_numbers(
    form: Count, moments: list[datetime], stored_as: Callable[[float], object], odd: list[object], affinity: str
) -> None:
    """In any unit, as numbers, as text and in BLOBs, among others."""
    stamps = [stored_as(form.number(moment.replace(tzinfo=UTC))) for moment in moments]
    rows = [(key, "text", "other", stamp) for key, stamp in enumerate([*stamps, *odd])]
    columns = f"id integer primary key, {BASE}, timestamp {affinity}"
    assert differences(rows, columns, replace(BOUNDS, timestamps=form)) == []


@settings(max_examples=60)
@given(
    scores=st.lists(st.one_of(st.integers(0, 100), st.floats(0, 100)), min_size=1, max_size=10),
    divisor=st.sampled_from([100.0, 10.0, 7.0]),
    low=st.sampled_from([0.0, 0.29, 0.57, 0.75, 1.0]),
    indexed=st.sampled_from([(), ("confidence", "timestamp")]),
)
@example(scores=[5e-324, 2.5e-322, 2.6e-322], divisor=100.0, low=0.0, indexed=())
def test_sql_and_python_agree_on_divided_confidences(
    scores: list[float], divisor: float, low: float, indexed: list[str]
) -> None:
    """Also at the bound, where rounding would separate them."""
    rows = [(key, "text", "other", score, "2026-01-01") for key, score in enumerate([*scores, round(low * divisor)])]
    columns = f"id integer primary key, {BASE}, confidence real, timestamp text"
    bounds = replace(BOUNDS, low_confidence_below=low, confidences=ConfidenceForm(divisor=divisor))
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder) / "a.db", rows, columns, indexed)
        store = opened(path, {"confidence": f"confidence/{divisor:g}"})
        right = {key: stratum_in_python(row, bounds) for key, row in stored_rows(path).items()}
        if store.has("confidence"):
            assert strata_by_id(store, bounds, list(right)) == right
            sizes = with_strata(store, bounds, lambda strata: strata.sizes())
            assert sizes == {stratum: list(right.values()).count(stratum) for stratum in STORE_STRATA}


def test_records_without_an_id_are_counted(tmp_path: Path) -> None:
    """They cannot be reviewed."""
    rows = [(1, "a", "b"), (None, "a", "b"), (None, "c", "d")]
    store = opened(write_table(tmp_path / "a.db", rows, "id integer, text, category"))
    assert store.read(store.count_without_id) == 2
    keyed = opened(write_table(tmp_path / "b.db", [(1, "a", "b")]))
    assert keyed.read(keyed.count_without_id) == 0


IDS: dict[str, tuple[str, Sequence[int | str]]] = {
    "gaps": ("integer primary key", [3, 7, 8, 1000, 100000, 2**40]),
    "negative": ("integer primary key", [-5, -1, 0, 4, 9, 12]),
    "text": ("text primary key", ["", "10", "9", "a b", "é", "Z"]),
    "no type": ("", [1, 2, "1", "two", 10, "10"]),
    "quotes": ("text", ["'", '"', "%", "a'b", ";", "--"]),
    "whole numbers and text in a key": ("int primary key", [1, 2, 3, "a", "b", "c"]),
}


@pytest.mark.parametrize("kind", IDS)
def test_records_are_found_by_position_whatever_their_ids(tmp_path: Path, kind: str) -> None:
    """In SQLite's order of ids; rows without an id are skipped."""
    declared, ids = IDS[kind]
    stamps = ["2020-01-01", "2026-01-01"]
    rows: list[tuple[object, ...]] = [(key, "a", "b", stamps[index % 2]) for index, key in enumerate(ids)]
    if declared != "integer primary key":
        rows.append((None, "a", "b", stamps[0]))
    store = opened(write_table(tmp_path / "a.db", rows, f"id {declared}, {BASE}, timestamp text"))
    of = {key: (OLD, BASELINE)[index % 2] for index, key in enumerate(ids)}
    everywhere = with_strata(store, BOUNDS, lambda strata: strata.at(range(strata.places())))
    assert dict(everywhere.values()) == of
    assert list(everywhere) == sorted(everywhere)
    some = sorted(everywhere)[1::2]
    assert with_strata(store, BOUNDS, lambda strata: strata.at(some)) == {place: everywhere[place] for place in some}
    old = [key for key, stratum in everywhere.values() if stratum is OLD]
    assert with_strata(store, BOUNDS, lambda strata: strata.members(OLD, [0, 2])) == [old[0], old[2]]
    assert with_strata(store, BOUNDS, lambda strata: strata.sizes()) == {LOW: 0, OLD: 3, BASELINE: 3}


def test_a_sample_drawn_in_sql_comes_from_its_strata(tmp_path: Path) -> None:
    """From a store with gaps and damage."""
    values = [(0.5, "2026-01-01"), (0.9, "2020-01-01"), (0.9, "2026-01-01"), ("NaN", "2020-01-01"), (0.5, "garbage")]
    rows = [(key * 7, "a", "b", *values[key % 5]) for key in range(1, 901)]
    columns = f"id integer primary key, {BASE}, confidence, timestamp"
    path = write_table(tmp_path / "a.db", rows, columns)
    wanted = {LOW: 30, OLD: 20, BASELINE: 10}
    drawn = with_strata(opened(path), BOUNDS, lambda strata: draw(strata, wanted, strata.sizes(), 1))
    assert {stratum: len(set(ids)) for stratum, ids in drawn.items()} == wanted
    there = stored_rows(path)
    for stratum, ids in drawn.items():
        assert {stratum_in_python(there[key], BOUNDS) for key in ids} == {stratum}


@pytest.mark.parametrize("bound", [0.75, 0.3, 1.0, 60.0, 5e-324])
def test_a_decimal_is_low_if_it_is_read_so(bound: float) -> None:
    """A server compares all its digits; Python reads it rounded to the next floating-point number."""
    largest = largest_rounded_to(bound)
    assert float(largest) <= bound
    assert float(largest + Decimal("1e-37") + largest * Decimal("1e-15")) > bound
