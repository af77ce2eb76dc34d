"""The same data gives the same sample, whatever holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_checks.core.addresses import Location
from drift_checks.core.errors import NothingToReview
from drift_checks.reviews.sampler import Sampler
from drift_checks.reviews.windows import COMPARED, Windows
from drift_checks.settings.declarations import Settings
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.records import RecordStore
from tests.support.formats import FORMATS, write_as, write_sqlite
from tests.support.tables import TABLE
from tests.support.thorough import repetitions

AS_OF = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
OLD = AS_OF - timedelta(days=90)
TYPES = {"id": "INTEGER PRIMARY KEY", "text": "TEXT", "category": "TEXT", "confidence": "REAL", "timestamp": "TEXT"}
Row = dict[str, object]


def drawn_from(path: Location, seed: int = 1, where: str | None = None) -> Mapping[str, Any]:
    """Return what a review reads of a store: the sample, the windows and the categories."""
    chosen = Settings(
        db=path, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"), seed=seed, sample_size=10, baseline=3, where=where
    )
    snapshots = path.parent / "snapshots" if isinstance(path, Path) else Path("unused")
    with closing(open_records(path, snapshots)) as file:
        store = RecordStore(file, TABLE, {}, where)
        try:
            sample = Sampler(chosen, store).draw()
        except NothingToReview as nothing:
            return {"nothing": nothing.problem.replace(store.name, "TABLE")}
        windows = Windows(chosen, store)
        return {
            "sample": [(record.id, record.stratum, record.category, record.confidence) for record in sample.records],
            "sizes": sample.sizes,
            "unreadable": sample.unreadable,
            "pending": store.pending,
            "categories": store.categories(),
            "counted": [windows.count("category", window) for window in (*COMPARED, None)],
            "confidences": [windows.values("confidence", window).tolist() for window in COMPARED],
        }


def differing(types: Mapping[str, str], rows: Sequence[Row], kinds: Sequence[str] = FORMATS) -> list[object]:
    """Return the formats whose data give something else than those in SQLite."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        right = drawn_from(write_sqlite(folder / "records.db", types, rows))
        found = {kind: drawn_from(write_as(folder, kind, types, rows)) for kind in kinds}
    return [(kind, drawn, right) for kind, drawn in found.items() if drawn != right]


def many(ids: Sequence[object]) -> list[Row]:
    """Return records with these ids, of all strata, a rare one among them."""
    return [
        {
            "id": key,
            "text": f"text, {place}",
            "category": "ab\u00e9"[place % 3] if place % 7 else None,
            "confidence": None if place % 11 == 0 else 0.5 if place % 97 == 0 else 0.76 + place % 5 / 50,
            "timestamp": (AS_OF - timedelta(days=place % 200)).isoformat(),
        }
        for place, key in enumerate(ids)
    ]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("declared", "ids"),
    [
        ("INTEGER PRIMARY KEY", range(1, 201)),
        ("INTEGER", range(-40, 560, 3)),
        ("INTEGER PRIMARY KEY", [3**place % 10**12 for place in range(1, 150)]),
        ("TEXT", [f"k{place * 7919 % 1000:03}" for place in range(200)]),
        ("TEXT", [f"{place:04}" for place in range(200)]),
    ],
    ids=["dense", "gaps", "sparse", "text", "leading zeros"],
)
def test_every_format_gives_the_sample_of_sqlite(kind: str, declared: str, ids: Sequence[object]) -> None:
    """With the same seed, for ids of any kind."""
    assert differing({**TYPES, "id": declared}, many(ids), [kind]) == []


NEAR = st.sampled_from([OLD, AS_OF, AS_OF - timedelta(days=30)])
STAMPS = st.one_of(
    st.none(),
    st.builds(
        lambda moment, seconds: (moment + timedelta(seconds=seconds)).isoformat(),
        NEAR,
        st.integers(-200_000, 200_000),
    ),
    st.builds(lambda moment, days: f"{moment + timedelta(days=days):%Y-%m-%d}", NEAR, st.integers(-3, 3)),
    st.sampled_from(["2026-01-01 10:00:00 UTC", "20250101", "yesterday", "2025-13-01", "0001-01-01", "9999-12-31"]),
)
RECORDS = st.fixed_dictionaries(
    {
        "text": st.sampled_from(["a", "b, c", 'say "no"', "two\nlines", "\u00e9\u4e16"]),
        "category": st.sampled_from(["x", "y", "true", "007", " ", None]),
        "confidence": st.one_of(st.none(), st.floats(0, 1), st.just(0.75)),
        "timestamp": STAMPS,
    }
)


@settings(max_examples=repetitions(2, 100), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows=st.lists(RECORDS, min_size=1, max_size=30), left_out=st.sampled_from(["", "confidence", "timestamp"]))
def test_any_rows_give_the_sample_of_sqlite(rows: list[Row], left_out: str) -> None:
    """With values that are missing, unreadable or near a bound, and without a column."""
    types = {name: kind for name, kind in TYPES.items() if name != left_out}
    numbered: list[Row] = [{"id": key, **row} for key, row in enumerate(rows, 1)]
    assert differing(types, numbered, ("csv", "jsonl", "parquet")) == []


def test_a_condition_selects_the_same_rows(tmp_path: Path) -> None:
    """As far as it is written in SQL that both databases know."""
    rows = many(range(1, 100))
    right = drawn_from(write_sqlite(tmp_path / "a.db", TYPES, rows), where="category <> 'a'")
    for kind in ("csv", "parquet"):
        assert drawn_from(write_as(tmp_path, kind, TYPES, rows), where="category <> 'a'") == right
