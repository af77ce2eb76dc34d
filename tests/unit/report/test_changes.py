"""What changed from one run of a store to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_checks.core.outcomes import VERSION_WORDS, Criterion
from drift_checks.report.changes import Changes, changes_since, store_of, versions_of
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict, severity
from tests.support.pages import recorded
from tests.support.reports import report, reviewed

NAMES = ("agreement", "class_mix", "trend")
VERDICTS = st.none() | st.sampled_from(Verdict)
CRITERIA = st.dictionaries(st.sampled_from(NAMES), VERDICTS)
VERSIONS = st.dictionaries(st.sampled_from(["model_version", "embedding_model"]), st.sampled_from(["1", "2"]))


def made(
    criteria: dict[str, Verdict | None] | None = None,
    verdict: Verdict = Verdict.OK,
    agreed: tuple[int, int] = (45, 50),
    **facts: Any,
) -> RunReport:
    """Return a run with these verdicts, on which so many of so many agree."""
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
    """Return what is said of the change between two runs."""
    return changes_since(recorded(before), now).sentences()


@given(run=RUNS)
def test_nothing_is_said_where_nothing_changed(run: RunReport) -> None:
    """Of a run like the one before, however it came out."""
    assert sentences(run, run) == []


KINDS = ("newly failed: ", "worse: ", "better: ", "could not be judged: ", "sound again: ")


def told(changes: Changes) -> tuple[list[str], int]:
    """Return the criteria that are named, in the order of the alphabet, and how many sentences are not of them."""
    said = changes.sentences()
    of_criteria = [sentence.partition(": ")[2].split(", ") for sentence in said if sentence.startswith(KINDS)]
    return sorted(name for names in of_criteria for name in names), len(said) - len(of_criteria)


@given(first=RUNS, second=RUNS)
@example(
    made({"agreement": Verdict.WARNING, "trend": Verdict.WARNING}),
    made({"agreement": Verdict.OK, "trend": Verdict.INCONCLUSIVE}),
)
def test_both_ways_differ_in_the_same(first: RunReport, second: RunReport) -> None:
    """Verdict, rate and versions, the one in the other's place; each criterion that changed is named once."""
    there, back = changes_since(recorded(first), second), changes_since(recorded(second), first)
    assert there.verdict == (back.verdict and back.verdict[::-1])
    assert there.agreement == (back.agreement and back.agreement[::-1])
    assert there.versions == {key: (now, before) for key, (before, now) in back.versions.items()}
    assert told(there) == told(back)
    assert told(there)[0] == sorted(name for name, _, _ in there.criteria)


@given(first=RUNS, second=RUNS)
def test_only_what_was_measured_in_both_is_worse_or_better(first: RunReport, second: RunReport) -> None:
    """Criteria that are new, have gone or were not measured are neither, and none is both."""
    changes = changes_since(recorded(first), second)
    measured = [{item.criterion.name for item in run.criteria if item.verdict} for run in (first, second)]
    assert {*changes.worse, *changes.better} <= measured[0] & measured[1]
    assert not {*changes.worse} & {*changes.better}


PAIRS = [(before, now) for before in Verdict for now in Verdict if before is not now]
SOUND = [(before, now) for before, now in PAIRS if now is Verdict.OK]


@pytest.mark.parametrize(("before", "now"), PAIRS)
def test_a_severer_verdict_is_worse(before: Verdict, now: Verdict) -> None:
    """Of a criterion that was measured in both runs."""
    changes = changes_since(recorded(made({"trend": before})), made({"trend": now}))
    assert (changes.worse == ("trend",)) is (severity(now) < severity(before))


@pytest.mark.parametrize(("before", "now"), SOUND)
def test_a_criterion_that_is_ok_again_is_better(before: Verdict, now: Verdict) -> None:
    """Whatever it was before."""
    assert sentences(made({"trend": before}), made({"trend": now})) == ["sound again: trend"]


def test_a_milder_verdict_is_better() -> None:
    """As a severer one is worse, though it is not sound yet."""
    changes = changes_since(recorded(made({"trend": Verdict.CRITICAL})), made({"trend": Verdict.WARNING}))
    assert changes.better == ("trend",)


@pytest.mark.parametrize("before", [Verdict.OK, Verdict.WARNING])
def test_an_outage_is_no_failure(before: Verdict) -> None:
    """Too little was reviewed to tell."""
    assert not any("newly failed" in said for said in sentences(made({"trend": before}), outage()))


def test_what_failed_before_has_not_failed_newly() -> None:
    """It has become worse."""
    said = sentences(made({"trend": Verdict.WARNING}), made({"trend": Verdict.CRITICAL}))
    assert not any("newly failed" in sentence for sentence in said)


def outage() -> RunReport:
    """Return a run in which too little of the criterion could be reviewed."""
    return made({"trend": Verdict.INCONCLUSIVE})


def test_all_that_changed_is_said_in_order() -> None:
    """Verdict, agreement, what fails, what is sound, what decides."""
    versions = {"model_version": "sage-1", "embedding_model": "mini"}
    before = made({"trend": Verdict.OK, "class_mix": Verdict.WARNING}, store_versions=versions, model="m-1")
    now = made(
        {"trend": Verdict.CRITICAL, "class_mix": Verdict.OK},
        Verdict.CRITICAL,
        (30, 50),
        store_versions={**versions, "model_version": "sage-2"},
        model="m-2",
        reviewer="llm",
    )
    assert sentences(before, now) == [
        "verdict OK → CRITICAL",
        "agreement 90 % → 60 %",
        "newly failed: trend",
        "sound again: class_mix",
        "model of the store sage-1 → sage-2",
        "reviewer neighbours → llm",
        "model of the reviewer m-1 → m-2",
    ]


def test_a_change_of_agreement_too_small_to_see_is_not_said() -> None:
    """Both rates read the same."""
    assert sentences(made(agreed=(450, 500)), made(agreed=(449, 500))) == []


def test_agreement_that_was_not_measured_has_not_changed() -> None:
    """In either run."""
    assert sentences(made(agreed=(0, 0)), made()) == sentences(made(), made(agreed=(0, 0))) == []


def test_a_version_that_is_known_of_one_run_alone_has_not_changed() -> None:
    """A column may be new."""
    assert sentences(made(), made(store_versions={"model_version": "sage-2"}, model="m-1", prompt="p-1")) == []


def test_versions_are_said_fit_for_a_terminal() -> None:
    """On one line, without what commands it."""
    said = sentences(made(prompt="a\nb"), made(prompt="\x1b[31mred"))
    assert said == ["prompt of the reviewer a b → \N{REPLACEMENT CHARACTER}[31mred"]


def test_versions_that_differ_read_differently() -> None:
    """However long they are."""
    before, now = (made(model=f"{'provider/' * 10}model-{number}") for number in (1, 2))
    earlier, _, later = sentences(before, now)[0].removeprefix("model of the reviewer ").partition(" → ")
    assert earlier != later


@given(run=RUNS)
def test_a_report_and_its_record_tell_of_the_same(run: RunReport) -> None:
    """Store and versions, none of them empty."""
    kept: RecordedRun = recorded(run)
    assert versions_of(kept) == versions_of(run.facts)
    assert versions_of(run.facts).keys() <= VERSION_WORDS.keys()
    assert all(versions_of(run.facts).values())
    assert store_of(run) == kept.store.identity


def test_a_store_is_told_by_file_table_and_collection() -> None:
    """The same file may hold several."""
    assert store_of(made(db="/a.db", table="t", collection="c")) == StoreIdentity("/a.db", "t", "c")
