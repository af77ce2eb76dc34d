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
from drift_checks.report.verdict import Verdict
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
def test_equal_runs_have_no_changes(run: RunReport) -> None:
    """Whatever their verdicts."""
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
def test_changes_are_symmetric(first: RunReport, second: RunReport) -> None:
    """With before and now exchanged; each changed criterion is named once."""
    there, back = changes_since(recorded(first), second), changes_since(recorded(second), first)
    assert there.verdict == (back.verdict and back.verdict[::-1])
    assert there.agreement == (back.agreement and back.agreement[::-1])
    assert there.versions == {key: (now, before) for key, (before, now) in back.versions.items()}
    assert told(there) == told(back)
    assert told(there)[0] == sorted(name for name, _, _ in there.criteria)


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        *((verdict, "OK", "sound again") for verdict in ("WARNING", "CRITICAL", "INCONCLUSIVE")),
        *((verdict, "INCONCLUSIVE", "could not be judged") for verdict in ("OK", "WARNING", "CRITICAL")),
        *((verdict, "CRITICAL", "newly failed") for verdict in ("OK", "INCONCLUSIVE")),
        ("WARNING", "CRITICAL", "worse"),
        ("CRITICAL", "WARNING", "better"),
    ],
)
def test_the_change_of_a_criterion_has_a_kind(before: str, now: str, kind: str) -> None:
    """From the point of view of whoever looks after the store."""
    runs = (made({"trend": Verdict(verdict)}) for verdict in (before, now))
    assert sentences(*runs) == [f"{kind}: trend"]


@given(first=RUNS, second=RUNS)
def test_only_criteria_measured_in_both_runs_change(first: RunReport, second: RunReport) -> None:
    """New criteria, and those that are gone or were not measured, have not changed."""
    measured = [{item.criterion.name for item in run.criteria if item.verdict} for run in (first, second)]
    assert {name for name, *_ in changes_since(recorded(first), second).criteria} <= measured[0] & measured[1]


def test_changes_come_in_order() -> None:
    """Verdict, agreement, criteria, versions."""
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


def test_an_invisible_change_of_agreement_is_omitted() -> None:
    """Both rates read the same."""
    assert sentences(made(agreed=(450, 500)), made(agreed=(449, 500))) == []


def test_agreement_that_was_not_measured_has_not_changed() -> None:
    """In either run."""
    assert sentences(made(agreed=(0, 0)), made()) == sentences(made(), made(agreed=(0, 0))) == []


def test_a_version_known_for_one_run_only_has_not_changed() -> None:
    """A column may be new."""
    assert sentences(made(), made(store_versions={"model_version": "sage-2"}, model="m-1", prompt="p-1")) == []


def test_versions_are_printable() -> None:
    """On one line, without control characters."""
    said = sentences(made(prompt="a\nb"), made(prompt="\x1b[31mred"))
    assert said == ["prompt of the reviewer a b → \N{REPLACEMENT CHARACTER}[31mred"]


def test_versions_that_differ_read_differently() -> None:
    """However long they are."""
    before, now = (made(model=f"{'provider/' * 10}model-{number}") for number in (1, 2))
    earlier, _, later = sentences(before, now)[0].removeprefix("model of the reviewer ").partition(" → ")
    assert earlier != later


@given(run=RUNS)
def test_a_report_and_its_record_agree(run: RunReport) -> None:
    """Store and versions, none of them empty."""
    kept: RecordedRun = recorded(run)
    assert versions_of(kept) == versions_of(run.facts)
    assert versions_of(run.facts).keys() <= VERSION_WORDS.keys()
    assert all(versions_of(run.facts).values())
    assert store_of(run) == kept.store.identity


def test_a_store_is_identified_by_file_table_and_collection() -> None:
    """The same file may hold several."""
    assert store_of(made(db="/a.db", table="t", collection="c")) == StoreIdentity("/a.db", "t", "c")
