"""Which rows of a table are decisions: the others are not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.core.records import Stratum
from drift_checks.stores.conflicts import find_conflicts
from drift_checks.stores.engines.sqlite import SqliteFile
from drift_checks.stores.records import RecordStore
from tests.support.tables import TABLE, opened, with_strata, write_table
from tests.unit.stores.test_strata import BOUNDS
from tests.unit.stores.test_windows import groups_of

COLUMNS = "id integer primary key, text, category, status, confidence real, timestamp text"
ROWS = [
    (1, "a", "x", "done", 0.9, "2025-01-01"),
    (2, "b", "y", "done", 0.5, "2025-12-20"),
    (3, "c", "z", "failed", 0.5, "2025-12-20"),
    (4, "a", None, "done", None, None),
    (5, "a", "", "queued", None, None),
    (6, "a", " \t", "queued", None, "soon"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A table with decisions, failures and pending rows."""
    return write_table(tmp_path / "a.db", ROWS, COLUMNS)


def where(path: Path, condition: str) -> RecordStore:
    """Return the rows that meet a condition."""
    return RecordStore(SqliteFile(path, path.parent / "snapshots"), TABLE, {}, condition)


def ids_of(store: RecordStore) -> list[object]:
    """Return the ids of all decisions."""
    return store.read(lambda connection: [key for (key,) in store.stream(connection, "id")])


def test_rows_without_a_category_are_pending(path: Path) -> None:
    """They are counted, and read by nothing else."""
    store = opened(path)
    assert (store.pending, store.count(), store.categories()) == (3, 3, ("x", "y", "z"))
    assert ids_of(store) == [1, 2, 3]
    assert store.read(lambda connection: store.rows(connection, [1, 4, 5, 6])).keys() == {1}
    assert with_strata(store, BOUNDS, lambda strata: strata.sizes()) == {
        Stratum.LOW_CONFIDENCE: 2,
        Stratum.OLD: 1,
        Stratum.BASELINE: 0,
    }
    assert with_strata(store, BOUNDS, lambda strata: strata.unreadable()) == {}
    assert sum(group.number for group in groups_of(store)) == 3
    assert store.read(lambda connection: find_conflicts(connection, store)) == []


@pytest.mark.parametrize(
    ("condition", "others"),
    [
        (None, {4, 5, 6}),
        ("status = 'done'", {3, 4, 5, 6}),
        ("confidence > 0.6", {2, 3, 4, 5, 6}),
        ("status", {*range(1, 7)}),
    ],
)
def test_all_other_rows_are_no_decisions(path: Path, condition: str | None, others: set[int]) -> None:
    """Also those for which the condition is NULL."""
    store = RecordStore(SqliteFile(path, path.parent / "snapshots"), TABLE, {}, condition)
    assert store.read(lambda connection: store.other_ids(connection, [*range(9)])) == others
    assert others.isdisjoint(ids_of(store))


def test_pending_rows_do_not_decide_how_a_column_is_read(path: Path) -> None:
    """Only what decisions hold counts."""
    assert opened(path).forms.notes == ()


def test_a_condition_selects_the_decisions(path: Path) -> None:
    """Rows that do not meet it are neither decisions nor pending."""
    store = where(path, "status = 'done'")
    assert (store.pending, store.count(), store.categories(), ids_of(store)) == (1, 2, ("x", "y"), [1, 2])


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("status = 'done' or status = 'failed'", [1, 2, 3]),
        ("status = 'done' -- those that are finished", [1, 2]),
        ("status like '%one' and text <> ':name'", [1, 2]),
        ("id in (select max(id) from risk_classifications where status = 'failed')", [3]),
        ("\"status\" = 'done' and STATUS <> '?'", [1, 2]),
    ],
)
def test_any_condition_of_sql_is_accepted(path: Path, condition: str, ids: list[int]) -> None:
    """With comments, other tables, and characters that mean something to drivers."""
    assert ids_of(where(path, condition)) == ids


@pytest.mark.parametrize(
    "condition", ["stat = 'done'", "status = ", "status = 'done'; drop table x", "1) or (1", "count(*) > 1", "id = ?"]
)
def test_a_condition_that_is_none_is_refused(path: Path, condition: str) -> None:
    """In one sentence that repeats it."""
    with pytest.raises(SettingError) as refused:
        where(path, condition)
    assert str(refused.value).startswith(f"where: {condition!r} is no condition on the rows of {path} (")
    assert "\n" not in str(refused.value)


def test_a_table_whose_rows_are_all_decisions_is_whole(tmp_path: Path) -> None:
    """A condition, a view or a pending row makes it a part."""
    path = write_table(tmp_path / "b.db", ROWS[:3], COLUMNS)
    assert not opened(path).is_part
    assert where(path, "id > 1").is_part
    assert opened(write_table(tmp_path / "c.db", ROWS, COLUMNS)).is_part
