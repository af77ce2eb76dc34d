"""A report.json read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import RecordId
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity, recorded_run
from drift_checks.report.run import Reviewing
from drift_checks.report.verdict import Verdict
from tests.support.histories import RUN, document
from tests.support.pages import decided, recorded
from tests.support.reports import BASELINE, LOW, OLD, report, reviewed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def drift(**changed: Any) -> dict[str, Any]:
    """Return what a run writes under the key `drift`, changed as given."""
    return {**document()["drift"], **changed}


def test_a_run_comes_back_as_it_was() -> None:
    """Each figure in its place."""
    used = Reviewing(reviews=60, calls=61, input_tokens=5, output_tokens=6, cost=0.5)
    made = report(
        [*reviewed(40, 0), *reviewed(20, 0, stratum=OLD), *reviewed(10, 0, stratum=BASELINE), decided("x", "a", "b")],
        finished="2026-01-15T02:00:04Z",
        reviewing=used,
        model="m-1",
        prompt="p-1",
        store_versions={"model_version": "sage-2"},
    )
    run = recorded(made)
    assert (run.run_id, run.verdict, run.exit_code) == (RUN, made.verdict, made.exit_code)
    assert (run.started, run.finished) == (
        datetime(2026, 1, 15, 2, 0, tzinfo=UTC),
        datetime(2026, 1, 15, 2, 0, 4, tzinfo=UTC),
    )
    assert run.store == StoreIdentity(made.facts.db, made.facts.table, made.facts.collection)
    assert (run.reviewer, run.model, run.prompt, run.versions) == (
        *("neighbours", "m-1", "p-1"),
        {"model_version": "sage-2"},
    )
    assert (run.calls, run.input_tokens, run.output_tokens, run.cost) == (61, 5, 6, 0.5)
    assert (run.agreed, run.reviewed, run.rate, run.interval) == (
        *(made.agreement.agreed, made.agreement.reviewed),
        *(made.agreement.rate, made.agreement.interval),
    )
    assert run.population == made.agreement.population


def test_each_criterion_comes_back() -> None:
    """In order, those that were not measured too."""
    made = report(reviewed(40, 10))
    run = recorded(made)
    assert [(item.name, item.verdict, item.passed, item.failed, item.rate, item.interval) for item in run.criteria] == [
        (result.criterion.name, result.verdict, result.passed, result.failed, result.rate, result.interval)
        for result in made.criteria
    ]
    assert None in [item.verdict for item in run.criteria]


@pytest.mark.parametrize("key", [7, "7", "seven"])
def test_each_disagreement_comes_back(key: RecordId) -> None:
    """Its id is of the kind that it was."""
    found = recorded(report([decided(key, "fraud", "cyber", LOW, (0.25, 0.75))])).disagreements
    assert [
        (item.record_id, item.stratum, item.stored, item.reviewed, item.stored_confidence, item.reviewed_confidence)
        for item in found
    ] == [(key, LOW, "fraud", "cyber", 0.25, 0.75)]


def test_a_criterion_is_found_by_its_name() -> None:
    """None where it was not there."""
    run = recorded_run(drift())
    found = run.criterion("agreement")
    assert found is not None
    assert found.verdict is Verdict.OK
    assert run.criterion("agree") is None


def test_what_was_not_measured_is_not_there() -> None:
    """Neither a rate nor an interval nor an estimate."""
    run = recorded(report(reviewed(0, 0, 50), chroma=None, vectors=None))
    assert (run.rate, run.interval, run.population, run.confidence_change, run.vectors) == (None,) * 5


@pytest.mark.parametrize("written", [{}, {"finished": None}])
def test_a_run_that_did_not_write_its_end_ended_after_its_duration(written: dict[str, None]) -> None:
    """As runs of earlier versions did not."""
    plain = {key: value for key, value in drift().items() if key != "finished"}
    run = recorded_run({**plain, **written})
    assert run.finished - run.started == timedelta(seconds=run.duration_seconds)


def test_versions_of_the_store_may_be_missing() -> None:
    """As in reports of earlier versions."""
    plain = drift()
    del plain["store"]["versions"]
    assert recorded_run(plain).versions == {}


def test_a_moment_without_a_zone_is_of_utc() -> None:
    """Runs write them so."""
    assert recorded_run(drift(started="2026-01-15T02:00:00")).started == datetime(2026, 1, 15, 2, tzinfo=UTC)


REQUIRED = sorted(drift().keys() & {"run_id", "started", "duration_seconds", "verdict", "store", "sample", "criteria"})


@pytest.mark.parametrize("key", REQUIRED)
def test_a_document_without_a_key_is_refused(key: str) -> None:
    """With what is wrong."""
    plain = drift()
    del plain[key]
    with pytest.raises(ValueError, match=f"no run's document: KeyError\\('{key}'\\)"):
        recorded_run(plain)


def read_or_refused(plain: Any) -> RecordedRun | None:
    """Return the run, None where it is refused as it may be; whatever else is raised, is."""
    try:
        return recorded_run(plain)
    except ValueError:
        return None


@given(key=st.sampled_from(sorted(drift())), value=JSON)
def test_any_value_in_any_place_is_read_or_refused(key: str, value: Any) -> None:
    """Nothing else is raised, though a user may have edited the file."""
    read_or_refused(json.loads(json.dumps(drift(**{key: value}))))


@given(plain=JSON)
def test_what_is_no_document_is_refused(plain: Any) -> None:
    """Whatever it is."""
    assert read_or_refused(plain) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.update(started="soon"),
        lambda plain: plain.update(duration_seconds=1e300, finished=None),
        lambda plain: plain.update(verdict="FINE"),
        lambda plain: plain["criteria"][0].update(verdict="FINE"),
        lambda plain: plain["store"].update(records="many"),
        lambda plain: plain["store"].update(versions=["sage"]),
        lambda plain: plain["agreement"].update(interval=["low", "high"]),
    ],
)
def test_values_of_another_kind_are_refused(change: Callable[[Any], None]) -> None:
    """As a value that cannot be used later."""
    plain = drift()
    change(plain)
    with pytest.raises(ValueError, match="no run's document"):
        recorded_run(plain)


@pytest.mark.parametrize("bounds", [[], [0.5]])
def test_an_interval_that_lacks_a_bound_is_refused(bounds: list[float]) -> None:
    """As other values of another form are."""
    plain = drift()
    plain["agreement"]["interval"] = bounds
    assert read_or_refused(plain) is None


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("agreement", "rate", "much"),
        ("agreement", "confidence_change", []),
        ("agreement", "interval", None),
        ("store", "vectors", "many"),
        ("reviewer", "model", {}),
        ("reviewer", "cost", "free"),
    ],
)
def test_what_may_be_missing_is_of_its_kind_otherwise(part: str, key: str, value: Any) -> None:
    """A rate without its interval is none that a run writes."""
    plain = drift()
    plain[part][key] = value
    assert read_or_refused(plain) is None
