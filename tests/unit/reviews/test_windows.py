"""Recent records against reference ones: what is counted and what is drawn."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.records import Record, RecordId
from drift_checks.reviews.windows import COMPARED, DRAWN, Windows
from drift_checks.settings.declarations import Settings
from drift_checks.stores.windows import Window
from tests.support.stores import AS_OF
from tests.support.tables import TABLE, opened, write_table

RECENT, REFERENCE, OUTSIDE = Window
COLUMNS = "id integer primary key, text, category, timestamp text"
NOW, THEN, LONG_AGO = ((AS_OF - timedelta(days=days)).isoformat() for days in (3, 200, 2000))


def windows_of(path: Path, **changed: Any) -> Windows:
    """Return the windows of the store in this file, under the defaults changed as given."""
    values: dict[str, Any] = {"seed": 1, "as_of": AS_OF, "naive_timezone": ZoneInfo("UTC")}
    return Windows(Settings(db=path, **(values | changed)), opened(path))


def stored(
    path: Path, rows: Iterable[Sequence[object]], further: str = "confidence, embedding_json", **changed: Any
) -> Windows:
    """Return the windows of a store with these rows: category, timestamp and further columns."""
    numbered = [(key, "text", *row) for key, row in enumerate(rows, 1)]
    return windows_of(write_table(path / "a.db", numbered, f"{COLUMNS}, {further}" if further else COLUMNS), **changed)


def vector(*numbers: float) -> str:
    """Return a vector as it is stored."""
    return json.dumps(numbers)


@pytest.mark.parametrize(
    ("before", "window"),
    [
        (timedelta(0), RECENT),
        (timedelta(days=30), RECENT),
        (timedelta(days=30, microseconds=1), REFERENCE),
        (timedelta(days=395), REFERENCE),
        (timedelta(days=395, microseconds=1), OUTSIDE),
        (timedelta(days=-1), OUTSIDE),
    ],
)
def test_the_windows_are_the_last_month_and_the_year_before(tmp_path: Path, before: timedelta, window: Window) -> None:
    """Under the defaults, counted back from as-of."""
    found = stored(tmp_path, [("a", (AS_OF - before).isoformat())], "")
    assert {part: found.size(part) for part in Window} == {part: int(part is window) for part in Window}


def test_the_windows_are_settings(tmp_path: Path) -> None:
    """A week, and three days before it."""
    stamps = [(AS_OF - timedelta(days=days, hours=1)).isoformat() for days in (6, 7, 9, 10)]
    found = stored(tmp_path, [("a", stamp) for stamp in stamps], "", recent_days=7, reference_days=3)
    assert [found.size(window) for window in Window] == [1, 2, 1]


def test_times_without_a_zone_are_in_the_zone_that_is_set(tmp_path: Path) -> None:
    """Thirty days ago in New York is later than in UTC."""
    stamp = (AS_OF - timedelta(days=30, hours=2)).replace(tzinfo=None).isoformat()
    found = stored(tmp_path, [("a", stamp)], "", naive_timezone=ZoneInfo("America/New_York"))
    assert (found.size(RECENT), found.size(REFERENCE)) == (1, 0)


def test_values_are_counted_by_window_and_in_all(tmp_path: Path) -> None:
    """What lies outside both windows counts in the whole store."""
    rows = [("a", NOW), ("b", NOW), ("a", THEN), ("a", LONG_AGO), (None, NOW), ("a", "garbage")]
    found = stored(tmp_path, rows, "")
    assert found.count("category", RECENT) == {"a": 1, "b": 1}
    assert found.count("category", REFERENCE) == {"a": 1}
    assert found.count("category") == {"a": 4, "b": 1}


def test_a_store_without_timestamps_or_records_has_empty_windows(tmp_path: Path) -> None:
    """The whole store is still counted."""
    found = windows_of(write_table(tmp_path / "b.db", [(1, "text", "a"), (2, "text", "b")]))
    assert (found.count("category"), found.size(RECENT)) == (Counter(a=1, b=1), 0)
    found = stored(tmp_path, [])
    assert [found.size(window) for window in Window] == [0, 0, 0]
    assert found.values("confidence", RECENT).size == found.values("response_time_ms", RECENT).size == 0
    assert found.embedded[REFERENCE].vectors.shape == (0, 0)


def test_values_are_the_numbers_of_the_window(tmp_path: Path) -> None:
    """What is no number is omitted; a number as text is one."""
    recent = [0.5, "0.25", None, "high", "NaN", float("inf"), b"\xff"]
    rows = [("a", NOW, value, None) for value in recent] + [("a", THEN, 0.75, None), ("a", LONG_AGO, 0.1, None)]
    found = stored(tmp_path, rows)
    assert sorted(found.values("confidence", RECENT)) == [0.25, 0.5]
    assert list(found.values("confidence", REFERENCE)) == [0.75]
    assert found.values("confidence", RECENT).dtype == np.float64


def test_columns_of_another_schema(tmp_path: Path) -> None:
    """They come under our names."""
    path = write_table(
        tmp_path / "a.db", [("k", "t", "a", NOW, 0.5, "[1, 2]")], '"key" text, body, "group", "when" text, score, place'
    )
    names = {"text": "body", "category": "group", "timestamp": "when", "confidence": "score", "embedding_json": "place"}
    made = Settings(db=path, seed=1, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))
    found = Windows(made, opened(path, {"id": "key", **names}))
    assert list(found.values("confidence", RECENT)) == [0.5]
    assert (found.embedded[RECENT].ids, found.embedded[RECENT].categories) == (("k",), ("a",))


STAMPS = st.sampled_from([NOW, THEN, LONG_AGO, None, "garbage", NOW[:10], THEN.replace("T", " ")])
VECTORS = st.one_of(
    st.lists(st.floats(-2, 2, width=16), max_size=4).map(json.dumps),
    st.just(vector(1, 0, 0)),
    st.sampled_from([None, "", "[]", "[0, 0]", "[1, NaN]", "[1e999, 1]", '["a"]', "{}", "garbage", b"[1, 2]", 5]),
)


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(st.sampled_from("ab"), STAMPS, VECTORS), max_size=20), seed=st.integers(0, 2**32))
def test_vectors_are_those_of_the_windows_records(rows: list[tuple[str, str | None, object]], seed: int) -> None:
    """All of one dimension, finite and not zero, none twice, each with its record's category."""
    with TemporaryDirectory() as folder:
        found = stored(Path(folder), rows, "embedding_json", seed=seed).embedded
    dimensions = {part.vectors.shape[1] for part in found.values()}
    assert len(dimensions) == 1
    for window, start in ((RECENT, NOW[:10]), (REFERENCE, THEN[:10])):
        part = found[window]
        assert len(set(part.ids)) == len(part.ids) == len(part.categories) == len(part.vectors)
        assert part.vectors.dtype == np.float32
        for key, category, numbers in zip(part.ids, part.categories, part.vectors, strict=True):
            row = rows[int(key) - 1]
            assert (row[0], str(row[1])[:10]) == (category, start)
            assert np.array_equal(numbers, np.float32(json.loads(str(row[2] if row[2] != b"[1, 2]" else "[1, 2]"))))
            assert numbers.any()


def test_vectors_of_odd_dimensions_are_skipped(tmp_path: Path) -> None:
    """The most frequent dimension of both windows together is the store's."""
    rows = [
        ("b", NOW, None, vector(1, 2)),
        ("a", NOW, None, vector(1, 2, 3)),
        ("a", NOW, None, vector(1, 2, 3)),
        ("a", NOW, None, vector(0, 0)),
        ("a", THEN, None, vector(3, 4)),
        ("a", THEN, None, vector(5, 6)),
    ]
    found = stored(tmp_path, rows).embedded
    assert (found[RECENT].ids, found[RECENT].categories, found[REFERENCE].ids) == ((1,), ("b",), (5, 6))
    assert [found[window].vectors.shape for window in COMPARED] == [(1, 2), (2, 2)]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 5,000 recent records and 300 reference ones, whose confidence names the record."""
    rows = [(key, "text", "a", NOW if key <= 5000 else THEN, key / 1e4, vector(key, 1)) for key in range(1, 5301)]
    path = tmp_path_factory.mktemp("crowded") / "a.db"
    return write_table(path, rows, f"{COLUMNS}, confidence, embedding_json")


def test_a_draw_is_bounded_and_from_all_of_the_window(crowded: Path) -> None:
    """At most DRAWN records, none twice; a small window is drawn whole. Numbers and vectors are of the same records."""
    found = windows_of(crowded)
    drawn = np.rint(found.values("confidence", RECENT) * 1e4)
    assert (found.size(RECENT), len(set(drawn)), 2300 < float(drawn.mean()) < 2700) == (5000, DRAWN, True)
    assert sorted(np.rint(found.values("confidence", REFERENCE) * 1e4)) == list(range(5001, 5301))
    assert [len(set(found.embedded[window].ids)) for window in COMPARED] == [DRAWN, 300]
    assert set(drawn) == set(found.embedded[RECENT].ids)


def test_a_draw_depends_on_the_seed(crowded: Path) -> None:
    """The same seed draws the same records, another one others."""
    first, again, other = (windows_of(crowded, seed=seed).embedded[RECENT].ids for seed in (1, 1, 2))
    assert first == again != other


def test_a_store_that_shrinks_meanwhile_is_no_store_of_doubled_ids(tmp_path: Path) -> None:
    """An application that deletes between two checks breaks no run."""
    found = stored(tmp_path, [("a", NOW, 0.5, None)] * 50)
    assert found.size(RECENT) == 50
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute(f"delete from {TABLE} where id > 40")
    assert found.values("confidence", RECENT).size <= 50


@pytest.mark.parametrize("number", [10, 5000])
def test_dates_that_are_none_are_not_drawn(tmp_path: Path, number: int) -> None:
    """A store in which every record bears the 30th of February, which SQLite takes for a date."""
    as_of = AS_OF + timedelta(days=60)
    found = stored(tmp_path, [("a", "2026-02-30", 0.5, None)] * number, as_of=as_of)
    assert found.values("confidence", RECENT).size == 0


def test_vectors_are_found_elsewhere_if_the_table_has_none(tmp_path: Path) -> None:
    """Zeros and missing ones are left out; without either there are none."""
    rows = [(key, f"text {key}", "a", "2026-01-10T00:00:00Z") for key in range(1, 5)]
    path = write_table(tmp_path / "records.db", rows, "id integer primary key, text, category, timestamp")
    asked: list[RecordId] = []

    def find(records: Sequence[Record]) -> dict[RecordId, npt.NDArray[np.float32]]:
        asked.extend(record.id for record in records)
        return {1: np.ones(2, dtype=np.float32), 2: np.zeros(2, dtype=np.float32), 3: np.ones(2, dtype=np.float32)}

    settings = Settings(db=path, as_of=AS_OF, seed=1, naive_timezone=ZoneInfo("UTC"))
    found = Windows(settings, opened(path), find)
    assert found.has_vectors
    assert found.embedded[Window.RECENT].ids == (1, 3)
    assert sorted(map(str, asked)) == ["1", "2", "3", "4"]
    assert not Windows(settings, opened(path)).has_vectors
