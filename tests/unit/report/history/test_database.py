"""The history of runs: what is added comes back unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.report.history.database import History
from drift_checks.report.history.recorded import recorded_run
from tests.support.histories import NIGHTS, STORE, criterion, document, ids, run

TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
OF_KIND: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    str: TEXT,
    int: st.integers(0, 2**70),
    float: st.floats(allow_nan=False, allow_infinity=False),
}
READ_OTHERWISE = ("run_id", "started", "finished", "verdict", "rate", "interval")


@settings(max_examples=60)
@given(st.data())
def test_every_value_comes_back_as_it_was(data: st.DataObject) -> None:
    """Numbers of any size, text that is not Unicode, and record ids of either type, for the next process too."""
    drift = document()["drift"]
    for part in (drift, *(drift[name] for name in ("store", "sample", "reviewer", "agreement")), drift["criteria"][0]):
        for name, value in part.items():
            if type(value) in OF_KIND and name not in READ_OTHERWISE:
                part[name] = data.draw(OF_KIND[type(value)])
    drift["store"]["versions"] = data.draw(st.dictionaries(TEXT, TEXT, max_size=3))
    drift["disagreements"][0]["record_id"] = data.draw(st.integers() | TEXT | st.sampled_from(["12", "1e3", " 7"]))
    added = recorded_run(json.loads(json.dumps(drift)))
    with TemporaryDirectory() as folder:
        with History(Path(folder)) as history:
            history.add(added)
        with History(Path(folder)) as history:
            (found,) = history.runs(added.store.identity)
            assert history.warnings == []
    assert found == added
    assert type(found.disagreements[0].record_id) is type(added.disagreements[0].record_id)


def test_few_details_of_statistics_are_kept(tmp_path: Path) -> None:
    """Those of earlier nights that later ones need, and the label issues that wait for a judgement."""
    details = {"wrong": 3, "issues": [{"id": 7}], "remarks": ["long"]}
    measured = criterion("label_issues", statistics=({"name": "recent labels", "details": details},))
    with History(tmp_path) as history:
        history.add(replace(run(), criteria=(measured,)))
        (found,) = history.runs()
    assert found.criteria[0].statistics[0]["details"] == {"wrong": 3, "issues": [{"id": 7}]}


@pytest.fixture
def nights(tmp_path: Path) -> Path:
    """A history of six nights, in which two stores alternate; one run was replaced, as after it was resumed."""
    with History(tmp_path) as history:
        history.add(run(NIGHTS[3], agreed=30))
        for place in (3, 0, 5, 1, 4, 2):
            history.add(run(NIGHTS[place], db=STORE.db if place % 2 else "/data/other.db"))
    return tmp_path


OTHER = STORE._replace(db="/data/other.db")


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"store": STORE}, [1, 3, 5]),
        ({"last": 2}, [4, 5]),
        ({"store": OTHER, "last": 2}, [2, 4]),
        ({"last": 0}, []),
        ({"store": STORE._replace(table="other")}, []),
        ({"store": STORE._replace(collection="other")}, []),
    ],
)
def test_runs_come_oldest_first(nights: Path, asked: dict[str, Any], places: list[int]) -> None:
    """Of one store or all, all or the newest."""
    with History(nights) as history:
        found = history.runs(**asked)
    assert [(item.run_id, item.agreement.agreed) for item in found] == [(NIGHTS[place], 45) for place in places]


def test_the_newest_run_of_each_store(nights: Path) -> None:
    """Oldest first."""
    with History(nights) as history:
        found = history.newest_of_each_store()
        assert [(item.run_id, item.store.identity) for item in found] == [(NIGHTS[4], OTHER), (NIGHTS[5], STORE)]
        assert history.stores() == [OTHER, STORE]


@pytest.mark.parametrize(
    ("day", "keep", "stays"),
    [(10, "", 6), (12, "", 4), (12, NIGHTS[0], 5), (31, "", 2), (31, NIGHTS[0], 3)],
)
def test_pruning_deletes_older_runs(nights: Path, day: int, keep: str, stays: int) -> None:
    """But never the newest run of a store, nor the run to be kept."""
    with History(nights) as history:
        history.prune(datetime(2026, 1, day, tzinfo=UTC), keep)
        assert ids(history) == sorted({*NIGHTS[6 - stays + bool(keep) :], *([keep] if keep else [])})


def test_a_run_that_started_at_the_instant_stays(tmp_path: Path) -> None:
    """To the microsecond."""
    began = datetime(2026, 1, 10, 2, tzinfo=UTC)
    with History(tmp_path) as history:
        for place, night in enumerate(NIGHTS[:3]):
            history.add(replace(run(night), started=began + timedelta(microseconds=place - 1)))
        history.prune(began, "")
        assert ids(history) == NIGHTS[1:3]


def test_run_is_parsed_once(nights: Path) -> None:
    """Until it is replaced: a page and a list of hundreds of runs show the same ones."""
    with History(nights) as history:
        (first, *others), again = history.runs(), history.runs(last=6)
        assert first is again[0]
        history.add(replace(first, exit_code=3))
        changed = history.runs()
    assert changed[0].exit_code == 3
    assert all(one is other for one, other in zip(changed[1:], others, strict=True))
