"""Short names of stores for the list of runs."""

from __future__ import annotations

import pytest

from drift_checks.report.page.names import store_names
from tests.support.histories import NIGHTS, run


@pytest.mark.parametrize(
    ("stores", "names"),
    [
        (["/data/a.db"], ["a.db"]),
        (["/data/a.db", "/data/b.db"], ["a.db", "b.db"]),
        (["/one/data/a.db", "/two/data/a.db", "/b.db"], ["one/data/a.db", "two/data/a.db", "b.db"]),
        (["a.db", "/data/a.db"], ["a.db", "data/a.db"]),
        (["postgresql://host/shop"], ["shop"]),
    ],
    ids=["one", "names", "folders", "shorter", "server"],
)
def test_a_store_is_named_by_the_end_of_its_path(stores: list[str], names: list[str]) -> None:
    """As much of it as tells it from the others."""
    assert list(store_names(run(NIGHTS[0], db=store) for store in stores).values()) == names


def test_tables_of_one_file_are_told_apart() -> None:
    """By their name, and by the collection if that is all that differs."""
    made = [run(NIGHTS[0], table="a"), run(NIGHTS[0], table="b"), run(NIGHTS[0], table="b", collection="other")]
    names = list(store_names(made).values())
    assert [name.partition(", ")[2] for name in names] == [
        "table a",
        f"table b, collection {made[1].store.collection}",
        "table b, collection other",
    ]


def test_the_demo_is_called_so() -> None:
    """Its path says nothing."""
    assert list(store_names([run(NIGHTS[0], demo=True)]).values()) == ["demo"]
