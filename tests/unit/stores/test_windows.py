"""Windows computed in SQL agree with plain Python, and their groups are counted completely."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.records import RecordId
from drift_checks.reviews.sampling import draw
from drift_checks.stores.records import RecordStore
from drift_checks.stores.windows import GROUPED, GroupCount, Window, WindowBounds, count_groups, tally, window_queries
from tests.support.tables import TABLE, opened, write_table
from tests.support.timestamps import TIME_AFFINITIES, ZONES, timestamps

RECENT, REFERENCE, OUTSIDE = Window
BOUNDS = WindowBounds(
    datetime(2024, 12, 16, 2, 0, tzinfo=UTC),
    datetime(2025, 12, 16, 2, 0, tzinfo=UTC),
    datetime(2026, 1, 15, 2, 5, tzinfo=UTC),
    UTC,
)
TIMESTAMPS = timestamps([BOUNDS.reference_from, BOUNDS.recent_from, BOUNDS.until])
COLUMNS = "id integer primary key, text, category, timestamp text"
GROUPING = "id integer primary key, text, category, timestamp, model_version, prompt_version, embedding_model"
VALUES = st.sampled_from([None, "", "a", "b", "A", "é", "it's", 2])


def window_in_python(timestamp: object, bounds: WindowBounds) -> Window:
    """Return the window as the contract defines it."""
    moment = bounds.timestamps.read(timestamp, bounds.naive)
    if moment is None or moment < bounds.reference_from or moment >= bounds.until:
        return OUTSIDE
    return REFERENCE if moment < bounds.recent_from else RECENT


def groups_of(store: RecordStore, bounds: WindowBounds = BOUNDS) -> list[GroupCount]:
    """Return the groups of the store."""
    return store.file.read(lambda connection: count_groups(connection, store, bounds), bounds.functions)


def windows_by_id(store: RecordStore, bounds: WindowBounds, ids: Sequence[RecordId]) -> dict[RecordId, Window]:
    """Return the window of each of these records, as for those that are drawn."""
    return store.file.read(
        lambda connection: window_queries(connection, store, bounds, store.count()).parts_of(ids), bounds.functions
    )


def stored_timestamps(path: Path) -> dict[int, object]:
    """Return the timestamps by id, as the column's affinity stored them."""
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute(f"select id, timestamp from {TABLE}"))


def in_both(
    stamps: Sequence[object], affinity: str, bounds: WindowBounds
) -> tuple[dict[int, Window], dict[int, Window]]:
    """Return the windows of records with these timestamps, by SQL and by Python."""
    rows = [(key, "text", str(key), stamp) for key, stamp in enumerate(stamps, 1)]
    with TemporaryDirectory() as folder:
        columns = f"id integer primary key, text, category, timestamp {affinity}"
        path = write_table(Path(folder) / "a.db", rows, columns)
        by_sql = {int(group.values["category"]): group.window for group in groups_of(opened(path), bounds)}
        return by_sql, {key: window_in_python(stamp, bounds) for key, stamp in stored_timestamps(path).items()}


@settings(max_examples=120)
@given(stamps=st.lists(TIMESTAMPS, min_size=1, max_size=15), affinity=TIME_AFFINITIES, zone=ZONES)
def test_sql_and_python_agree_on_the_window(stamps: list[object], affinity: str, zone: ZoneInfo) -> None:
    """Of any timestamp under any affinity, near each bound and far from all."""
    by_sql, by_python = in_both(stamps, affinity, replace(BOUNDS, naive=zone))
    assert by_sql == by_python


@settings(max_examples=60)
@given(data=st.data(), zone=ZONES, days=st.tuples(st.integers(1, 5), st.integers(1, 400)))
def test_windows_may_have_any_length(data: st.DataObject, zone: ZoneInfo, days: tuple[int, int]) -> None:
    """Even shorter than an offset from UTC, and centuries ago."""
    until = data.draw(st.datetimes(datetime(1010, 1, 1), datetime(9990, 1, 1))).replace(tzinfo=UTC)
    recent_from = until - timedelta(days=days[0])
    bounds = WindowBounds(recent_from - timedelta(days=days[1]), recent_from, until, zone)
    stamps = data.draw(st.lists(timestamps([until, recent_from, bounds.reference_from]), min_size=1, max_size=10))
    by_sql, by_python = in_both(stamps, "text", bounds)
    assert by_sql == by_python


@pytest.mark.parametrize(
    ("stamp", "window"),
    [
        ("2024-12-16T01:59:59.999999Z", OUTSIDE),
        ("2024-12-16T02:00:00Z", REFERENCE),
        ("2025-12-16T01:59:59.999999Z", REFERENCE),
        ("2025-12-16T02:00:00Z", RECENT),
        ("2026-01-15T02:04:59.999999Z", RECENT),
        ("2026-01-15T02:05:00Z", OUTSIDE),
        ("2025-12-15 21:00:00-05:00", RECENT),
        (None, OUTSIDE),
    ],
)
def test_at_the_bounds(stamp: object, window: Window) -> None:
    """A window begins at its bound and ends before the next."""
    by_sql, _ = in_both([stamp], "", BOUNDS)
    assert by_sql == {1: window}


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(VALUES, TIMESTAMPS, VALUES, VALUES, VALUES), max_size=15), ours=st.sampled_from(GROUPED))
def test_groups_sum_to_the_store(rows: list[tuple[object, ...]], ours: str) -> None:
    """Each record with a category is counted once, with its own values; NULL and empty text are the same."""
    numbered = [(key, "text", *row) for key, row in enumerate(rows, 1)]
    with TemporaryDirectory() as folder:
        groups = groups_of(opened(write_table(Path(folder) / "a.db", numbered, GROUPING)))
    names = ["category", "timestamp", "model_version", "prompt_version", "embedding_model"]
    plain: list[dict[str, object]] = [dict(zip(names, row, strict=True)) for row in rows if row[0]]
    assert tally(groups, ours) == Counter(str(row[ours] or "") for row in plain)
    for window in Window:
        there = [row for row in plain if window_in_python(row["timestamp"], BOUNDS) is window]
        assert tally(groups, ours, window) == Counter(str(row[ours] or "") for row in there)


def test_no_group_is_repeated(tmp_path: Path) -> None:
    """Records without a difference are one group."""
    rows = [(key, "text", "ab"[key % 2], ("2026-01-01", "2025-06-01", None)[key % 3]) for key in range(60)]
    groups = groups_of(opened(write_table(tmp_path / "a.db", rows, COLUMNS)))
    found = {(group.window, group.values["category"]): group.number for group in groups}
    assert found == {(window, category): 10 for window in Window for category in "ab"}
    assert len(groups) == 6


def test_columns_that_the_store_lacks_are_in_no_group(tmp_path: Path) -> None:
    """The others are counted."""
    rows = [(1, "a", "b", None, "llm"), (2, "a", "b", None, "rule")]
    groups = groups_of(opened(write_table(tmp_path / "a.db", rows, f"{COLUMNS}, embedding_model")))
    assert {tuple(group.values) for group in groups} == {("category", "embedding_model")}
    assert tally(groups, "embedding_model") == {"llm": 1, "rule": 1}


def test_without_timestamps_all_records_are_outside(tmp_path: Path) -> None:
    """In groups and one by one."""
    store = opened(write_table(tmp_path / "a.db", [(1, "a", "b"), (2, "a", "c")]))
    assert tally(groups_of(store), "category", OUTSIDE) == {"b": 1, "c": 1}
    assert windows_by_id(store, BOUNDS, [1, 2]) == {1: OUTSIDE, 2: OUTSIDE}


def test_rows_without_an_id_are_skipped(tmp_path: Path) -> None:
    """As elsewhere."""
    rows = [(1, "a", "b", "2026-01-01"), (None, "a", "b", "2026-01-01")]
    store = opened(write_table(tmp_path / "a.db", rows, "id integer, text, category, timestamp text"))
    assert tally(groups_of(store), "category") == {"b": 1}


def test_columns_of_another_schema_are_counted_under_our_names(tmp_path: Path) -> None:
    """Names that need quotes, and one column for two of ours."""
    renamed = {"category": "select", "timestamp": "the time", "model_version": "version", "prompt_version": "version"}
    rows = [(1, "a", "b", "2026-01-01", "v1", "llm"), (2, "a", "c", "2025-06-01", "v2", "llm")]
    columns = 'id integer primary key, text, "select", "the time" text, version, "from"'
    groups = groups_of(opened(write_table(tmp_path / "a.db", rows, columns), renamed | {"embedding_model": "from"}))
    assert tally(groups, "category", RECENT) == {"b": 1}
    assert tally(groups, "category", REFERENCE) == {"c": 1}
    assert tally(groups, "embedding_model") == {"llm": 2}
    for ours in ("model_version", "prompt_version"):
        assert tally(groups, ours) == {"v1": 1, "v2": 1}


def test_columns_with_swapped_names_are_not_confused(tmp_path: Path) -> None:
    """Such as `embedding_model` for the category, and vice versa."""
    rows = [(1, "a", "llm", None, "fraud"), (2, "a", "llm", None, "waste")]
    store = opened(
        write_table(tmp_path / "a.db", rows, f"{COLUMNS}, embedding_model"),
        {"category": "embedding_model", "embedding_model": "category"},
    )
    groups = groups_of(store)
    assert (tally(groups, "category"), tally(groups, "embedding_model")) == ({"fraud": 1, "waste": 1}, {"llm": 2})


@settings(max_examples=60)
@given(
    stamps=st.lists(TIMESTAMPS, min_size=1, max_size=40),
    gap=st.sampled_from([1, 3, 1000]),
    seed=st.integers(0, 2**32),
    share=st.sampled_from([0.3, 1.0]),
)
def test_records_are_drawn_from_their_windows(stamps: list[object], gap: int, seed: int, share: float) -> None:
    """As many as wanted, each once, and the same with the same seed."""
    rows = [(key * gap, "text", "other", stamp) for key, stamp in enumerate(stamps, 1)]
    right = {key: window_in_python(stamp, BOUNDS) for key, _, _, stamp in rows}
    sizes = {window: list(right.values()).count(window) for window in Window}
    wanted = {window: int(sizes[window] * share) for window in (RECENT, REFERENCE)}
    with TemporaryDirectory() as folder:
        columns = "id integer primary key, text, category, timestamp"
        store = opened(write_table(Path(folder) / "a.db", rows, columns))
        first, second = (
            store.file.read(
                lambda connection: draw(window_queries(connection, store, BOUNDS, len(rows)), wanted, sizes, seed),
                BOUNDS.functions,
            )
            for _ in range(2)
        )
    assert first == second
    assert {window: len(set(ids)) for window, ids in first.items()} == wanted
    for window, ids in first.items():
        assert {right[int(key)] for key in ids} <= {window}
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("stamp", ["2026-02-30", "2025-12-30T24:30", "2026-01-01T24:00+01:00"])
def test_a_date_that_only_sqlite_accepts_is_drawn_from_no_window(tmp_path: Path, stamp: str) -> None:
    """It may count in a window's size, but Python decides about each record that is drawn."""
    bounds = replace(BOUNDS, until=datetime(2026, 6, 1, tzinfo=UTC))
    store = opened(write_table(tmp_path / "a.db", [(1, "text", "other", stamp)], COLUMNS))
    assert windows_by_id(store, bounds, [1]) == {1: window_in_python(stamp, bounds)}
