"""What changed from one run of a store to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_checks.core.outcomes import VERSION_WORDS, Criterion
from drift_checks.report.changes import Changes, changes_since, same_verdict_since, store_of, versions_of
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.pages import recorded
from tests.support.reports import report, reviewed

OK, WARNING, CRITICAL, INCONCLUSIVE = Verdict
CRITERIA = st.dictionaries(st.sampled_from(["agreement", "class_mix", "trend"]), st.none() | st.sampled_from(Verdict))
VERSIONS = st.dictionaries(st.sampled_from(["model_version", "embedding_model"]), st.sampled_from(["1", "2"]))


def made(
    criteria: dict[str, Verdict | None] | None = None,
    verdict: Verdict = OK,
    agreed: tuple[int, int] = (45, 50),
    **facts: Any,
) -> RunReport:
    """Return a run with these verdicts; `agreed` is the number of agreements and of reviews."""
    results = [
        CriterionResult(Criterion(name, "Is it so?"), found, 1, 0, 0, 0.9, 0.8, "")
        for name, found in (criteria or {}).items()
    ]
    found = report(reviewed(agreed[0], agreed[1] - agreed[0]), **facts)
    return replace(found, criteria=tuple(results), verdict=verdict)


RUNS = st.builds(
    made,
    CRITERIA,
    st.sampled_from(Verdict),
    st.sampled_from([(0, 0), (45, 50), (449, 500), (30, 50)]),
    store_versions=VERSIONS,
    reviewer=st.sampled_from(["llm", "neighbours"]),
    model=st.none() | st.sampled_from(["m-1", "m-2"]),
    prompt=st.none() | st.sampled_from(["p-1", "p-2"]),
)


def sentences(before: RunReport, now: RunReport) -> list[str]:
    """Return the phrases for the changes between two runs."""
    return changes_since(recorded(before), now).sentences()


KINDS = ("newly failed: ", "worse: ", "better: ", "could not be judged: ", "sound again: ")


def named(changes: Changes) -> tuple[list[str], int]:
    """Return the criteria that are named, sorted, and the number of phrases about other changes."""
    phrases = changes.sentences()
    of_criteria = [phrase.partition(": ")[2].split(", ") for phrase in phrases if phrase.startswith(KINDS)]
    return sorted(name for names in of_criteria for name in names), len(phrases) - len(of_criteria)


@given(first=RUNS, second=RUNS)
@example(made({"agreement": WARNING, "trend": WARNING}), made({"agreement": OK, "trend": INCONCLUSIVE}))
def test_changes_are_symmetric(first: RunReport, second: RunReport) -> None:
    """A change there is one back; each changed criterion is named once, and an equal run has no change."""
    assert sentences(first, first) == []
    there, back = changes_since(recorded(first), second), changes_since(recorded(second), first)
    assert there.verdict == (back.verdict and back.verdict[::-1])
    assert there.agreement == (back.agreement and back.agreement[::-1])
    assert there.versions == {key: (now, before) for key, (before, now) in back.versions.items()}
    assert named(there) == named(back)
    assert named(there)[0] == sorted(name for name, _, _ in there.criteria)


@given(first=RUNS, second=RUNS)
def test_only_criteria_measured_in_both_runs_change(first: RunReport, second: RunReport) -> None:
    """New criteria, and those that are gone or were not measured, have not changed."""
    measured = [{item.criterion.name for item in run.criteria if item.verdict} for run in (first, second)]
    assert {name for name, *_ in changes_since(recorded(first), second).criteria} <= measured[0] & measured[1]


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        *((verdict, OK, "sound again") for verdict in (WARNING, CRITICAL, INCONCLUSIVE)),
        *((verdict, INCONCLUSIVE, "could not be judged") for verdict in (OK, WARNING, CRITICAL)),
        *((verdict, CRITICAL, "newly failed") for verdict in (OK, INCONCLUSIVE)),
        (WARNING, CRITICAL, "worse"),
        (CRITICAL, WARNING, "better"),
    ],
)
def test_the_change_of_a_criterion_has_a_kind(before: Verdict, now: Verdict, kind: str) -> None:
    """A criterion that failed before has not newly failed, and an outage is not a failure."""
    assert sentences(made({"trend": before}), made({"trend": now})) == [f"{kind}: trend"]


def test_all_changes_are_listed_in_order() -> None:
    """The verdict, agreement, failures, sound criteria, and versions."""
    versions = {"model_version": "sage-1", "embedding_model": "mini"}
    before = made({"trend": OK, "class_mix": WARNING}, store_versions=versions, model="m-1")
    later = {"store_versions": {**versions, "model_version": "sage-2"}, "model": "m-2", "reviewer": "llm"}
    now = made({"trend": CRITICAL, "class_mix": OK}, CRITICAL, (30, 50), **later)
    assert sentences(before, now) == [
        "verdict OK → CRITICAL",
        "agreement 90 % → 60 %",
        "newly failed: trend",
        "sound again: class_mix",
        "model of the store sage-1 → sage-2",
        "reviewer neighbours → llm",
        "model of the reviewer m-1 → m-2",
    ]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (made(agreed=(450, 500)), made(agreed=(449, 500))),
        (made(agreed=(0, 0)), made()),
        (made(), made(agreed=(0, 0))),
        (made(), made(store_versions={"model_version": "sage-2"}, model="m-1", prompt="p-1")),
    ],
    ids=["too small to see", "newly measured", "not measured", "newly known versions"],
)
def test_other_differences_are_not_changes(before: RunReport, now: RunReport) -> None:
    """As of rates that read the same, or values known of one run only."""
    assert sentences(before, now) == []


def test_versions_are_safe_for_a_terminal_and_distinguishable() -> None:
    """Each is on one line; those that begin alike show their ends."""
    assert sentences(made(prompt="a\nb"), made(prompt="\x1b[31mred")) == [
        "prompt of the reviewer a b → \N{REPLACEMENT CHARACTER}[31mred"
    ]
    before, now = (made(model=f"{'provider/' * 10}model-{number}") for number in (1, 2))
    earlier, _, later = sentences(before, now)[0].removeprefix("model of the reviewer ").partition(" → ")
    assert earlier != later


def test_parameters_that_the_endpoint_rejects_are_a_change() -> None:
    """A model that is asked without a seed or schema may answer differently."""
    before, now = made(prompt="a"), made(prompt="a", omitted_parameters=("response_format", "seed"))
    assert sentences(before, now) == ["parameters of the reviewer all → without response_format, seed"]
    assert sentences(now, now) == []


@given(run=RUNS)
def test_a_report_and_its_record_have_the_same_store_and_versions(run: RunReport) -> None:
    """None of the versions is empty."""
    kept = recorded(run)
    assert versions_of(kept) == versions_of(run.facts)
    assert versions_of(run.facts).keys() <= VERSION_WORDS.keys()
    assert all(versions_of(run.facts).values())
    assert store_of(run) == kept.store.identity


def test_a_store_is_identified_by_file_table_and_collection() -> None:
    """One file may hold several."""
    assert store_of(made(db="/a.db", table="t", collection="c")) == StoreIdentity("/a.db", "t", "c")


@pytest.mark.parametrize(
    ("verdicts", "since"),
    [
        ([], None),
        ([OK], None),
        ([CRITICAL, OK], None),
        ([CRITICAL], 0),
        ([CRITICAL, WARNING, CRITICAL, CRITICAL], 2),
    ],
    ids=["first run", "other", "interrupted", "one", "last two"],
)
def test_a_verdict_holds_since_the_first_run_that_had_it_without_a_break(
    verdicts: list[Verdict], since: int | None
) -> None:
    """The past runs are in their order; the run itself does not count."""
    past = tuple(replace(recorded(made()), verdict=verdict) for verdict in verdicts)
    found = same_verdict_since(replace(made(verdict=CRITICAL), past=past))
    assert found is (None if since is None else past[since])
