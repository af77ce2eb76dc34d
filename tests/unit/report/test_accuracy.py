"""How often store and reviewer are right, from judgements of records that runs reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.report.accuracy import accuracy_of_run, accuracy_sentences, remedy, why_undecided
from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.history.recorded import KnownDisagreement, SampleFacts
from drift_checks.report.judged_reviews import JudgedReviews, ReviewedRecord, ReviewedSample
from drift_checks.reviews.judgements.judgement import Answer, Judged, Origin, PresentRecord, hash_of
from drift_checks.statistics.intervals import Estimate
from tests.support.histories import STORE, altered, night, run
from tests.support.judgements import judgement
from tests.support.reports import BASELINE, LOW, OLD, facts

SIZES = {LOW: 300, OLD: 200, BASELINE: 500}


def sample(
    number: int, agreed: int = 45, first: int = 0, *, disagreed: int = 15, stratum: str = BASELINE, **changed: Any
) -> ReviewedSample:
    """Return the sample of a night: records from `first` on that agree, then others that do not, of one stratum."""
    run_id = night(number)
    records = [
        ReviewedRecord(first + key, "fraud", "fraud" if key < agreed else "loan", stratum, run_id)
        for key in range(agreed + disagreed)
    ]
    drawn: dict[str, Any] = {"size": len(records), "seed": number, "as_of": f"2026-01-{10 + number}T02:00:00Z"}
    facts_of_sample = SampleFacts(**drawn, store_strata={stratum: 1000}, method=changed.pop("method", "random"))
    values = {"decision": "point", "versions": {}, "where": None, "records": records} | changed
    return ReviewedSample(run_id=run_id, sample=facts_of_sample, **values)


def judged(agreed: Iterable[int] = (), others: Iterable[int] = (), **changed: Any) -> Judged:
    """Return judgements by which the store is right about all of these records, whose text is `text ID`."""
    made = [judgement(key, Answer.BOTH, reviewed="fraud", **changed) for key in agreed]
    return Judged([*made, *(judgement(key, **changed) for key in others)], STORE)


def accuracy(samples: Sequence[ReviewedSample], judged: Judged) -> Accuracy:
    """Return what the judgements say."""
    return JudgedReviews(samples, judged).accuracy()


def test_judgements_of_both_kinds_give_an_estimate() -> None:
    """Of all records that were reviewed by the same versions."""
    found = accuracy([sample(0), sample(1, first=100)], judged(range(10), range(45, 50)))
    assert (found.judged, found.reviewed, found.runs, found.changed) == (15, 120, 2, None)
    assert found.store is not None
    assert found.store.rate == pytest.approx(1)
    assert found.reviewer is not None
    assert found.reviewer.rate == pytest.approx(0.75)


def present(keys: Iterable[int], category: str = "fraud") -> dict[str, PresentRecord]:
    """Return records as the store has them."""
    return {str(key): PresentRecord(hash_of(f"text {key}"), category) for key in keys}


def test_a_changed_text_is_not_judged() -> None:
    """Nor is one that is no longer in the store."""
    made = judged(range(5), [45]).of_present(present(range(10)) | {"3": PresentRecord(hash_of("another"), "fraud")})
    assert sorted(item.record_id for item in made.all) == [0, 1, 2, 4]
    assert accuracy([sample(0)], made).judged == 4


def test_repaired_records_are_counted_as_what_they_are() -> None:
    """Each raises the rate by its share of the store, whether or not a later sample draws it."""
    wrong = [judgement(key, Answer.REVIEWER, run_id=night(0)) for key in range(45, 50)]
    doubtful = judgement(900, Answer.REVIEWER, origin=Origin.LABEL_ISSUE, run_id=night(0))
    made = Judged([*judged(range(10)).all, *wrong, doubtful], STORE)
    before = accuracy([sample(0)], made.of_present(present(range(1000))))
    repaired = made.of_present(present(range(1000)) | present([*range(45, 50), 900], "loan"))
    second = sample(1)
    mended = [replace(item, stored="loan") if item.record_id in range(45, 50) else item for item in second.records]
    after = accuracy([sample(0), replace(second, records=mended)], repaired)
    assert before.store is not None
    assert after.store is not None
    assert after.store.rate == pytest.approx(before.store.rate + 6 / 1000)
    assert after.store.interval == pytest.approx([end + 6 / 1000 for end in before.store.interval])
    assert before.advantage is not None
    assert after.advantage is not None
    assert after.advantage.rate == pytest.approx(before.advantage.rate + 6 / 1000)


@pytest.mark.parametrize(
    ("run_id", "category", "repaired"), [(night(1), "loan", 1), (night(0), "loan", 0), (night(1), "other", 0)]
)
def test_only_a_right_category_given_since_the_samples_is_a_repair(run_id: str, category: str, repaired: int) -> None:
    """One that was given before is in the samples already."""
    made = Judged([judgement(7, Answer.REVIEWER, run_id=run_id)], STORE).of_present(present([7], category))
    assert len(JudgedReviews([sample(1)], made).repaired) == repaired


def test_doubtful_labels_do_not_count() -> None:
    """They are no random part of the disagreements."""
    assert accuracy([sample(0)], judged([], [46], origin=Origin.LABEL_ISSUE)).judged == 0


@pytest.mark.parametrize("changed", [{"method": "hunt"}, {"decision": "sequential"}])
def test_samples_that_are_not_random_do_not_count(changed: dict[str, Any]) -> None:
    """Their records can be judged all the same."""
    other = sample(1, first=100, **changed)
    reviews = JudgedReviews([sample(0), other], judged(range(10), range(145, 150)))
    assert (reviews.accuracy().judged, reviews.accuracy().reviewed) == (10, 60)
    assert "100" in reviews.others
    assert JudgedReviews([other], judged()).accuracy().missing == (
        "no random sample was reviewed completely with these versions"
    )


def test_a_part_of_the_store_that_is_never_drawn_is_not_made_up_for_by_judging() -> None:
    """As with baseline=0."""
    drawn = sample(0)
    found = accuracy([replace(drawn, sample=replace(drawn.sample, store_strata={BASELINE: 9, OLD: 9}))], judged())
    assert why_undecided(found) == "a part of the store was not reviewed"
    assert remedy(found).startswith("set baseline and low-confidence-share")
    assert remedy(accuracy([drawn], judged())) == "run drift-checks judge"


@pytest.mark.parametrize("kept", [60, 5, 0])
def test_a_smaller_sample_of_the_same_draw_takes_nothing_away(kept: int) -> None:
    """Nor does an outage: the earlier reviews of the night count, once."""
    again = replace(sample(0), run_id=night(3))
    again = replace(again, records=again.records[:kept])
    found = accuracy([sample(0), again], judged(range(10), range(45, 50)))
    assert (found.judged, found.reviewed, found.runs) == (15, 60, 1)


def test_judged_records_that_do_not_count_are_counted(snapshot: SnapshotAssertion) -> None:
    """The reviewer named another category since, or the judges differ."""
    made = [*judged(range(10), range(44, 50)).all, judgement(49, Answer.REVIEWER, judge="ben")]
    found = accuracy([sample(0)], Judged(made, STORE))
    assert (found.judged, found.others) == (14, 2)
    assert accuracy_sentences(found)[-1] == snapshot


@pytest.mark.parametrize("stratum", ["label_issue", "anchor"])
def test_records_beside_the_random_sample_do_not_count(stratum: str) -> None:
    """Nor do they take the place of an earlier review that does."""
    added = [replace(item, stratum=stratum) for item in sample(1).records]
    drawn = sample(1, first=100)
    beside = replace(drawn, records=[*drawn.records, *added])
    found = accuracy([sample(0), beside], judged(range(10), range(45, 50)))
    assert (found.judged, found.reviewed) == (15, 120)


@pytest.mark.parametrize("changed", [{"versions": {"reviewer_model": "other"}}, {"where": "kind = 1"}])
def test_other_versions_and_other_parts_of_the_store_do_not_count(changed: dict[str, Any]) -> None:
    """They say nothing about these."""
    found = accuracy([sample(0, **changed), sample(1, first=100)], judged(range(10), range(145, 150)))
    assert (found.judged, found.runs) == (5, 1)


def test_runs_of_the_same_draw_count_once() -> None:
    """A run that is repeated draws the same records."""
    again = replace(sample(0), run_id=night(0).replace("T02", "T03"))
    assert accuracy([sample(0), again], judged()).runs == 1


def test_only_runs_since_agreement_changed_count() -> None:
    """Judgements of a sound store say nothing about a broken one, or the other way round."""
    sound = [sample(number, 58, number * 100, disagreed=2) for number in range(5)]
    broken = sample(5, 30, 500, disagreed=30)
    found = accuracy([*sound, broken], judged(range(20), [58, 59]))
    assert (found.judged, found.runs, found.changed) == (0, 1, "2026-01-15")
    assert why_undecided(found) == "0 of the 20 judgements needed since agreement changed on 2026-01-15"


def outcome(key: int, result: Result, reviewed: str = "loan") -> Outcome:
    """Return the outcome of the agreement of a record of the baseline."""
    return Outcome("agreement", result, "", key, BASELINE, Decision("fraud", None, reviewed))


def of_run(outcomes: Sequence[Outcome], judged: Judged, **changed: Any) -> Accuracy | None:
    """Return the accuracy at the end of the run that has these outcomes."""
    return accuracy_of_run(facts(sizes={BASELINE: 1000}, drawn={BASELINE: 60}, **changed), outcomes, [], judged)


def test_disagreements_that_judgements_settled_count() -> None:
    """With what was judged, in the run itself and in later ones."""
    outcomes = [outcome(1, Result.ACKNOWLEDGED), outcome(2, Result.PASSED, "fraud"), outcome(3, Result.UNMEASURED)]
    found = of_run(outcomes, judged([2], [1]))
    assert found is not None
    assert (found.judged, found.reviewed) == (2, 2)
    known = KnownDisagreement(
        record_id=1, stratum=BASELINE, stored="fraud", reviewed="loan", stored_confidence=None, reviewed_confidence=None
    )
    recorded = altered(run(agreed=0), sample={"store_strata": {BASELINE: 10}})
    recorded = replace(recorded, known_disagreements=(known,), disagreements=())
    assert accuracy([ReviewedSample.of_recorded(recorded)], judged([], [1])).judged == 1


def test_without_judgements_nothing_is_estimated() -> None:
    """Unless the verdict is to rest on them; and never in a partial run."""
    made = [outcome(1, Result.FAILED)]
    assert of_run(made, judged()) is None
    none = Accuracy(reviewed=1, runs=1, missing="no reviewed record is judged")
    assert of_run(made, judged(), judge="accuracy") == none
    for part in ({"partial": True}, {"chosen": True}):
        assert of_run(made, judged([], [1]), **part) is None


ESTIMATE = Estimate(0.961, (0.92, 0.984))
SAID = {
    "estimates": Accuracy(
        judged=50, reviewed=180, runs=3, store=ESTIMATE, reviewer=Estimate(0.9, (0.85, 0.94)),
        advantage=Estimate(0.06, (0.01, 0.1)), more=75,
    ),
    "changed": Accuracy(
        judged=1, reviewed=60, runs=1, changed="2026-01-15", advantage=Estimate(-0.06, (-0.1, 0.01)),
        missing="no record is judged on which store and reviewer agree",
    ),
    "too few reviews": Accuracy(judged=60, reviewed=60, runs=1, store=ESTIMATE, reviewer=ESTIMATE),
    "fewer left than it takes": Accuracy(judged=60, reviewed=90, runs=1, store=ESTIMATE, reviewer=ESTIMATE, more=31),
}  # fmt: skip


def test_what_is_said(snapshot: SnapshotAssertion) -> None:
    """In at most three sentences."""
    assert {name: accuracy_sentences(found) for name, found in SAID.items()} == snapshot
