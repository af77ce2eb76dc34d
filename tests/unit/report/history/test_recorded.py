"""A report.json read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.plain import to_plain
from drift_checks.core.records import RecordId
from drift_checks.report.document import drift_document, record
from drift_checks.report.history.recorded import RecordedRun, SelfDisagreement, recorded_run
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.histories import document
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


def test_a_run_comes_back_as_it_was_recorded() -> None:
    """Each figure in its place."""
    made = report(
        [*reviewed(40, 0), *reviewed(20, 0, stratum=OLD), *reviewed(10, 0, stratum=BASELINE), decided("x", "a", "b")],
        finished="2026-01-15T02:00:04Z",
        reviewing={"calls": 61, "input_tokens": 5, "cost": 0.5, "self_disagreement": SelfDisagreement.of(10, 2)},
        model="m-1",
        store_versions={"model_version": "sage-2"},
    )
    run = recorded(made)
    assert run == record(made)
    assert to_plain(run) == json.loads(json.dumps(drift_document(made)))
    assert (run.started, run.finished) == (
        datetime(2026, 1, 15, 2, tzinfo=UTC),
        datetime(2026, 1, 15, 2, 0, 4, tzinfo=UTC),
    )
    assert run.store.identity == StoreIdentity("/data/risk_classifications.db", *["risk_classifications"] * 2)
    assert (run.agreement, run.reviewer, run.sample) == (made.agreement, made.facts.reviewer, made.facts.sample)
    assert [item.verdict for item in run.criteria] == [Verdict.OK, None]
    assert (run.criterion("agreement"), run.criterion("agree")) == (run.criteria[0], None)


@pytest.mark.parametrize("key", [7, "7", "seven"])
def test_a_disagreement_keeps_the_type_of_its_id(key: RecordId) -> None:
    """And its other values."""
    (found,) = recorded(report([decided(key, "fraud", "cyber", LOW, (0.25, 0.75))])).disagreements
    assert list(vars(found).values()) == [key, LOW, "fraud", "cyber", 0.25, 0.75]


EARLY = ("finished", "headline", "decided_by", "error_rate", "acknowledged", "acknowledgements_ended", "alerts")


def test_reports_of_earlier_versions_can_be_read() -> None:
    """They lack what was added since; a run without its end ended after its duration."""
    plain = {key: value for key, value in drift().items() if key not in (*EARLY, "settings", "versions")}
    for part, added in {
        "store": ("chroma", "versions"),
        "sample": ("naive_timezone", "strata", "store_strata", "record_ids", "notes"),
        "reviewer": ("reviewed", "failed", "not_asked", "median_seconds", "slowest_seconds", "self_disagreement"),
        "agreement": ("population_missing", "population_without", "acknowledged"),
    }.items():
        plain[part] = {key: value for key, value in plain[part].items() if key not in added}
    for item in plain["criteria"]:
        for key in ("question", "known", "acknowledged", "effect", "least", "statistics"):
            del item[key]
    run = recorded_run(plain)
    assert run.finished - run.started == timedelta(seconds=run.duration_seconds)
    assert (run.store.versions, run.agreement.agreed) == ({}, 45)


def test_an_instant_without_a_zone_is_in_utc() -> None:
    """Whatever the machine's zone."""
    assert recorded_run(drift(started="2026-01-15T02:00:00")).started == datetime(2026, 1, 15, 2, tzinfo=UTC)


def read_or_refused(plain: Any) -> RecordedRun | None:
    """Return the run, None if it is refused with a ValueError."""
    try:
        return recorded_run(plain)
    except ValueError:
        return None


@given(key=st.sampled_from(sorted(drift())), value=JSON)
def test_any_value_in_any_place_is_read_or_refused(key: str, value: Any) -> None:
    """Nothing else is raised, though a user may have edited the file."""
    read_or_refused(json.loads(json.dumps(drift(**{key: value}))))
    assert read_or_refused(value) is None


REQUIRED = (
    *("run_id", "started", "duration_seconds", "verdict", "partial", "decision", "judge", "criteria"),
    *("store", "store.db", "store.table", "store.collection", "reviewer.name", "reviewer.prompt", "sample.seed"),
    *("agreement.agreed", "agreement.reviewed"),
)


@pytest.mark.parametrize("path", REQUIRED)
def test_a_document_that_lacks_a_key_is_refused(path: str) -> None:
    """A default would be a lie."""
    plain = drift()
    *parts, key = path.split(".")
    place = plain[parts[0]] if parts else plain
    del place[key]
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
        lambda plain: plain["agreement"].update(agreed=float("inf")),
        lambda plain: plain["agreement"].update(rate="much"),
        lambda plain: plain["agreement"].update(interval=None),
        lambda plain: plain["agreement"].update(interval=[]),
        lambda plain: plain["agreement"].update(interval=["low", "high"]),
        lambda plain: plain["reviewer"].update(model={}),
        lambda plain: plain["reviewer"].update(cost="free"),
    ],
)
def test_values_of_another_type_are_refused(change: Callable[[Any], None]) -> None:
    """So is a rate without an interval."""
    plain = drift()
    change(plain)
    assert read_or_refused(plain) is None
