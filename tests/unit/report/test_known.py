"""Acknowledged disagreements and criteria are reported, but do not count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result, Statistic
from drift_checks.core.records import STORE_STRATA, RecordId
from drift_checks.report.acknowledgements import Acknowledged, Acknowledgement
from drift_checks.report.judging import build_report
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict, severity
from drift_checks.statistics.intervals import wilson
from tests.support.reports import (
    AGREEMENT,
    BASELINE,
    INTEGRITY,
    LOW,
    OLD,
    facts,
    known_criterion,
    known_record,
    outcomes,
    report,
)

EFFECT = Criterion("class_mix", "Is the mix the same?", effect="PSI", warn=0.2, critical=0.5)
PASSED, FAILED, UNMEASURED, NOT_NEEDED, BROKEN = (result for result in Result if result is not Result.ACKNOWLEDGED)
RESULTS = {"+": PASSED, "-": FAILED, "?": UNMEASURED, ".": NOT_NEEDED, "!": BROKEN}
SAID = "acknowledged until 2027-01-31: the guideline is being changed"


def made(letters: str, stratum: str = LOW, first: int = 1) -> list[Outcome]:
    """Return outcomes of agreement: + agrees, - disagrees, ? has no review, . needed none, ! broke."""
    return [
        Outcome("agreement", RESULTS[letter], "", key, stratum, Decision("financial", 0.5, "regulatory", 0.75))
        for key, letter in enumerate(letters, first)
    ]


def knowing(*items: Acknowledgement) -> Acknowledged:
    """Return these acknowledgements as active."""
    return Acknowledged(active=items)


def records(*keys: RecordId | None) -> Acknowledged:
    """Return acknowledgements of these records."""
    return knowing(*(known_record(key, number) for number, key in enumerate(keys, 1) if key is not None))


def mixed(value: float) -> list[Outcome]:
    """Return the outcome of a check of the whole store that measures an effect."""
    return [Outcome(EFFECT.name, Result.PASSED, statistics=(Statistic("class mix", "it moved", value, 500),))]


def test_an_acknowledged_disagreement_is_left_out_of_every_figure() -> None:
    """Rate, interval, counts, change of confidence and estimate are those of the other records."""
    everything = [*made("++++----"), *made("++", OLD, 9), *made("++", BASELINE, 11)]
    others = [item for item in everything if item.record_id not in (5, 6, 7)]
    found = report(everything, acknowledged=records(5, 6, 7), comparable_confidence=True)
    without = report(others, comparable_confidence=True)
    assert (found.criteria[0].rate, found.criteria[0].interval) == (6 / 7, wilson(6, 7))
    assert (found.agreement.agreed, found.agreement.reviewed, found.agreement.acknowledged) == (6, 7, 3)
    assert found.agreement.confidence_change == without.agreement.confidence_change == 0.25
    assert found.agreement.population == without.agreement.population is not None
    assert found.disagreements == without.disagreements
    assert (found.verdict, report(everything).verdict) == (Verdict.OK, Verdict.CRITICAL)


def test_an_acknowledged_disagreement_says_until_when_and_why() -> None:
    """It is counted separately."""
    found = report(made("+++-"), acknowledged=records(4))
    (known,) = found.known
    assert (known.record_id, known.result, known.message) == (4, Result.ACKNOWLEDGED, SAID)
    agreement = found.criteria[0]
    assert (agreement.passed, agreement.failed, agreement.unmeasured, agreement.known) == (3, 0, 0, 1)
    assert "1 acknowledged" in agreement.message


@pytest.mark.parametrize("result", [result for result in Result if result is not Result.FAILED])
def test_only_disagreements_are_acknowledged(result: Result) -> None:
    """A record that agrees again, or was not reviewed, keeps its outcome."""
    outcome = Outcome("agreement", result, "said", 1, LOW, Decision("financial", 0.5, "regulatory"))
    found = report([outcome, *made("+", first=2)], acknowledged=records(1))
    assert found.outcomes[0] == outcome


@pytest.mark.parametrize("other", [{"record_id": "4"}, {"stored": "fraud"}, {"reviewed": "fraud"}])
def test_another_disagreement_counts(other: dict[str, Any]) -> None:
    """Of another record, or between other categories."""
    found = report(made("+++-"), acknowledged=knowing(known_record(4, **other)))
    assert (found.known, len(found.disagreements), found.agreement.acknowledged) == ([], 1, 0)


def test_an_acknowledged_record_that_is_damaged_counts_as_damaged() -> None:
    """Only its disagreement is acknowledged."""
    found = report([*made("+++-"), *outcomes(Result.FAILED, 4, criterion="record_integrity")], acknowledged=records(4))
    assert (len(found.known), len(found.other_failures), found.verdict) == (1, 4, Verdict.CRITICAL)


@pytest.mark.parametrize(("letters", "verdict"), [("+++++++-??", Verdict.OK), ("++++++-???", Verdict.INCONCLUSIVE)])
def test_an_acknowledged_disagreement_was_reviewed(letters: str, verdict: Verdict) -> None:
    """It counts towards the required 80 %."""
    found = report(made(letters), acknowledged=records(letters.index("-") + 1)).criteria[0]
    assert found.verdict is verdict
    assert found.message.startswith("0 of 7 disagree" if verdict is Verdict.OK else "only 7 of 10 could be reviewed")


@pytest.mark.parametrize("letters", ["-", "----?", "----.."])
@pytest.mark.parametrize("criteria", [(AGREEMENT,), (AGREEMENT, INTEGRITY)], ids=["alone", "beside another"])
@pytest.mark.parametrize("decision", ["point", "sequential"])
def test_a_run_whose_reviewed_records_are_all_acknowledged_is_ok(
    letters: str, criteria: tuple[Criterion, ...], decision: str
) -> None:
    """Agreement is not measured, and another try would show nothing more."""
    sound = outcomes(Result.PASSED, 5, criterion="record_integrity") if INTEGRITY in criteria else []
    known = records(*range(1, letters.count("-") + 1))
    found = report([*made(letters), *sound], criteria, acknowledged=known, decision=decision)
    agreement = found.criteria[0]
    assert (agreement.verdict, agreement.rate, agreement.interval) == (None, None, None)
    assert agreement.message == "not measured: every reviewed record is acknowledged"
    assert (found.verdict, found.exit_code, found.agreement.rate) == (Verdict.OK, 0, None)


def test_acknowledged_records_do_not_count_towards_a_criterions_minimum() -> None:
    """Too few others are no verdict."""
    few = replace(AGREEMENT, least=5)
    found = report(made("++-"), [few], acknowledged=records(3))
    assert (found.criteria[0].verdict, found.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)


def test_neither_an_outage_nor_a_broken_check_is_acknowledged() -> None:
    """Even if all reviewed records are."""
    found = report(made("-????"), acknowledged=records(1))
    assert (found.verdict, found.exit_code) == (Verdict.INCONCLUSIVE, 75)
    assert found.criteria[0].message.startswith("only 1 of 5 could be reviewed")
    broken = report(made("-----!"), [AGREEMENT], acknowledged=records(1, 2, 3, 4, 5))
    assert (broken.verdict, broken.exit_code) == (Verdict.INCONCLUSIVE, 3)


@pytest.mark.parametrize("judge", ["sample", "population"])
def test_a_fully_acknowledged_stratum_is_left_out_of_the_estimate(judge: str) -> None:
    """The message says so; if every stratum is, there is no estimate."""
    everything = [*made("+" * 30), *made("---", OLD, 31), *made("+" * 10, BASELINE, 41)]
    found = report(everything, acknowledged=records(31, 32, 33), judge=judge)
    assert found.agreement.population is not None
    assert (found.agreement.population.rate, found.agreement.population_without) == (1.0, ("old",))
    assert ("without the stratum old" in found.criteria[0].message) is (judge == "population")
    assert found.verdict is Verdict.OK
    everything = [*made("-"), *made("-", OLD, 2), *made("-", BASELINE, 3)]
    agreement = report(everything, acknowledged=records(1, 2, 3)).agreement
    assert (agreement.population, agreement.population_without) == (None, ())
    assert agreement.population_missing == "every reviewed record is acknowledged"


def test_acknowledged_records_of_the_baseline_are_not_in_the_agreement() -> None:
    """They are listed, as other disagreements of the baseline are."""
    found = report([*made("++"), *made("-", BASELINE, 3)], acknowledged=records(3))
    assert (len(found.known), found.criteria[0].known, found.agreement.acknowledged) == (1, 0, 0)


def test_a_sequential_decision_skips_acknowledged_records() -> None:
    """As if they had not been drawn."""
    letters = "-" * 10 + "+" * 40
    ids = list(range(1, 51))
    changed: dict[str, Any] = {"decision": "sequential", "record_ids": ids}
    assert report(made(letters), **changed).verdict is Verdict.CRITICAL
    assert report(made(letters), acknowledged=records(*ids[:10]), **changed).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("value", "known", "verdict"),
    [
        (0.9, Verdict.CRITICAL, Verdict.OK),
        (0.3, Verdict.CRITICAL, Verdict.OK),
        (0.3, Verdict.WARNING, Verdict.OK),
        (0.9, Verdict.WARNING, Verdict.CRITICAL),
    ],
)
def test_an_acknowledged_criterion_keeps_its_verdict_but_does_not_count(
    value: float, known: Verdict, verdict: Verdict
) -> None:
    """Unless it is worse than the acknowledged verdict."""
    item = known_criterion("class_mix", known)
    found = report([*made("++++"), *mixed(value)], (AGREEMENT, EFFECT), acknowledged=knowing(item))
    mix = found.criteria[1]
    assert mix.verdict is (Verdict.CRITICAL if value > 0.5 else Verdict.WARNING)
    assert mix.acknowledged == (item if verdict is Verdict.OK else None)
    assert (SAID in mix.message) is (verdict is Verdict.OK)
    assert (found.verdict, found.exit_code) == (verdict, verdict.exit_code)


def test_agreement_itself_may_be_acknowledged() -> None:
    """The verdict is that of the other criteria then."""
    found = report(made("+----"), [AGREEMENT], acknowledged=knowing(known_criterion("agreement")))
    assert (found.verdict, found.criteria[0].verdict, len(found.disagreements)) == (Verdict.OK, Verdict.CRITICAL, 4)


@pytest.mark.parametrize("letters", ["++???", "?????"])
@pytest.mark.parametrize("known", [Verdict.CRITICAL, Verdict.WARNING, Verdict.INCONCLUSIVE])
def test_an_inconclusive_agreement_cannot_be_acknowledged(letters: str, known: Verdict) -> None:
    """It says nothing about the records that were not reviewed."""
    found = report(made(letters), [AGREEMENT], acknowledged=knowing(known_criterion("agreement", known)))
    assert (found.verdict, found.criteria[0].acknowledged) == (Verdict.INCONCLUSIVE, None)


@pytest.mark.parametrize(("failed", "verdict", "code"), [(0, Verdict.INCONCLUSIVE, 3), (9, Verdict.CRITICAL, 1)])
def test_a_criterion_with_a_broken_check_cannot_be_acknowledged(failed: int, verdict: Verdict, code: int) -> None:
    """Whatever its other checks found."""
    name = "record_integrity"
    broken = [*outcomes(Result.FAILED, failed, criterion=name), *outcomes(Result.BROKEN, 1, criterion=name)]
    found = report([*made("++++"), *broken], acknowledged=knowing(known_criterion(name)))
    assert (found.verdict, found.exit_code, found.criteria[1].acknowledged) == (verdict, code, None)


def test_criteria_that_count_come_first() -> None:
    """Then acknowledged ones, then those that are OK; the worst of those that count is the verdict."""
    everything = [*made("++++-"), *mixed(0.9), *outcomes(Result.PASSED, 9, criterion="record_integrity")]
    criteria = (INTEGRITY, EFFECT, AGREEMENT)
    found = report(everything, criteria, acknowledged=knowing(known_criterion("class_mix")))
    names = [item.criterion.name for item in found.criteria_worst_first]
    assert (names, found.verdict) == (["agreement", "class_mix", "record_integrity"], Verdict.WARNING)


def test_an_ended_acknowledgement_does_not_apply() -> None:
    """It is passed on, to be reported."""
    ended = Acknowledged(ended=[(known_record(4), "why")])
    found = report(made("+++-"), acknowledged=ended)
    assert (found.known, len(found.disagreements), found.acknowledged) == ([], 1, ended)


LETTERS = st.text("++++--?.", max_size=25)
STRATA = [str(stratum) for stratum in STORE_STRATA]
SAMPLES = st.tuples(LETTERS, LETTERS, LETTERS)
WAYS = st.fixed_dictionaries(
    {"decision": st.sampled_from(["point", "sequential"]), "judge": st.sampled_from(["sample", "population"])}
)


def sample(letters: Iterable[str]) -> list[Outcome]:
    """Return outcomes of agreement in each stratum, the records numbered by stratum."""
    return [item for place, part in enumerate(letters) for item in made(part, STRATA[place], 100 * place + 1)]


def judged(everything: list[Outcome], known: Acknowledged, way: dict[str, str]) -> RunReport:
    """Return the run, its records drawn in this order."""
    found = facts(record_ids=[item.record_id for item in everything], **way)
    return build_report(found, [AGREEMENT], everything, 1.0, known)


@given(letters=SAMPLES, places=st.sets(st.integers(0, 30)), way=WAYS)
@example(("+" * 20 + "-" * 4, "---", "+" * 10), {4, 5, 6}, {"decision": "point", "judge": "population"})
@example(("+" * 20 + "-" * 10, "---", "+" * 10), {0, 1, 2}, {"decision": "point", "judge": "sample"})
@example(("---", "", ""), {0, 1, 2}, {"decision": "point", "judge": "sample"})
def test_acknowledging_a_disagreement_makes_no_verdict_worse(
    letters: tuple[str, str, str], places: set[int], way: dict[str, str]
) -> None:
    """However agreement is judged: without it the rate is no lower, and no stratum drags the estimate down."""
    everything = sample(letters)
    disagree = [item.record_id for item in everything if item.result is Result.FAILED]
    keys = [key for place, key in enumerate(disagree) if place in places]
    before, after = judged(everything, Acknowledged(), way), judged(everything, records(*keys), way)
    assert severity(after.verdict) >= severity(before.verdict)
    assert [item.record_id for item in after.known] == keys
    assert len(after.known) + len(after.disagreements) == len(before.disagreements)
    if before.agreement.rate is not None and after.agreement.rate is not None:
        assert after.agreement.rate >= before.agreement.rate


@given(letters=SAMPLES, way=WAYS, key=st.integers(1, 300))
def test_an_acknowledgement_that_applies_to_nothing_changes_nothing(
    letters: tuple[str, str, str], way: dict[str, str], key: int
) -> None:
    """Its record agrees or was not drawn; a criterion that is OK is not acknowledged either."""
    everything = sample(letters)
    met = {item.record_id for item in everything if item.result is Result.FAILED}
    known = Acknowledged() if key in met else knowing(known_record(key), known_criterion("agreement_by_slice"))
    before, after = (judged(everything, item, way) for item in (Acknowledged(), known))
    fields = ("verdict", "exit_code", "agreement", "criteria", "outcomes")
    assert [getattr(after, name) for name in fields] == [getattr(before, name) for name in fields]
