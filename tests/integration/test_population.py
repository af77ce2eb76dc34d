"""Reviews that are judged by the estimate of the whole store."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from drift_checks.report.verdict import judge
from tests.support.deciding import AGREEMENT, SEQUENTIAL, own, write_classifiers
from tests.support.session_runs import Review, Run
from tests.support.stores import BuiltStore

POPULATION = "--drift-judge=population"
# Of the twenty, twelve are of low confidence; of the store, a quarter.
TWENTY = ("--drift-sample-size=20", "--drift-warn=0.7", "--drift-critical=0.65")


@dataclass(frozen=True)
class Reviewed:
    """A store, reviewed by a classifier of the user's own that records what it is asked."""

    review: Review
    store: BuiltStore

    def by(self, name: str, *options: str) -> Run:
        """Return the review by one of the classifiers."""
        write_classifiers(self.review)
        return self.review(*self.store.options, own(name), *options, *AGREEMENT)


@pytest.fixture
def reviewed(review: Review, store: BuiltStore) -> Reviewed:
    """The sound store of 120 records: 30 of low confidence, 60 old, 30 others."""
    return Reviewed(review, store)


def test_judging_the_estimate_changes_the_verdict_and_nothing_else(reviewed: Reviewed) -> None:
    """Only low-confidence records disagree: CRITICAL for the sample, OK for the store, of which 75 % agree."""
    by_sample, by_population = (reviewed.by("low_apart", *TWENTY, *more) for more in (("--drift-judge=sample",), ()))
    assert (by_sample.exit_code, by_sample.criterion("agreement")["rate"]) == (1, 0.4)
    assert (by_population.exit_code, by_population.criterion("agreement")["verdict"]) == (0, "OK")
    by_rule = [{**found.drift["agreement"], "kappa": None} for found in (by_sample, by_population)]
    assert by_rule[0] == by_rule[1]
    assert by_sample.drift["sample"] == by_population.drift["sample"]
    agreement, population = by_population.criterion("agreement"), by_population.drift["agreement"]["population"]
    assert {name: agreement[name] for name in population} == population
    assert agreement["rate"] == pytest.approx(0.75)
    (line,) = (line for line in by_population.summary.splitlines() if " · OK · " in line and "agree" in line)
    assert ("8 of 20 in the sample" in line, "75 % of the whole store" in line) == (True, True)


@pytest.mark.parametrize(
    ("warn", "critical", "verdict"),
    [("0.75", "0.7", "OK"), ("0.8", "0.76", "CRITICAL")],
)
def test_estimate_is_compared_with_the_thresholds(reviewed: Reviewed, warn: str, critical: str, verdict: str) -> None:
    """At a threshold is not below it."""
    bounds = (f"--drift-warn={warn}", f"--drift-critical={critical}", POPULATION)
    found = reviewed.by("low_apart", "--drift-sample-size=20", *bounds)
    assert (found.drift["verdict"], found.exit_code) == (verdict, int(verdict == "CRITICAL"))


def test_without_an_estimate_the_sample_decides(reviewed: Reviewed) -> None:
    """All the sample agrees, but of the rest of the store nothing is known; the message says so."""
    found = reviewed.by("without_baseline", *TWENTY, POPULATION)
    agreement = found.criterion("agreement")
    assert (found.exit_code, found.drift["verdict"], agreement["rate"]) == (0, "OK", 1.0)
    assert found.drift["agreement"]["population_missing"] in agreement["message"]
    assert agreement["message"].endswith("so the sample decides")


def test_store_without_a_rest_needs_no_baseline(reviewed: Reviewed) -> None:
    """A stratum without records is missing in no estimate."""
    reviewed.store.execute("update risk_classifications set confidence = 0.6")
    found = reviewed.by("agreeing", *TWENTY, POPULATION)
    assert (found.exit_code, found.criterion("agreement")["verdict"]) == (0, "OK")


def test_chosen_records_are_judged_by_themselves(reviewed: Reviewed) -> None:
    """They were not drawn at random, and estimate nothing."""
    found = reviewed.by("low_apart", "--drift-records=1,2,3,5,6,7,9,10,4", POPULATION)
    agreement = found.criterion("agreement")
    assert (agreement["verdict"], agreement["passed"], agreement["failed"]) == ("OK", 8, 1)
    assert agreement["rate"] == pytest.approx(8 / 9)


def test_without_a_baseline_the_sample_decides(reviewed: Reviewed) -> None:
    """The report says why."""
    found = reviewed.by("low_apart", *TWENTY, POPULATION, "--drift-baseline=0")
    agreement = found.criterion("agreement")
    assert (found.exit_code, agreement["rate"], found.drift["agreement"]["population"]) == (1, 0.4, None)
    assert "no record of the stratum baseline was drawn" in agreement["message"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_store_of_a_few_records_is_inconclusive(reviewed: Reviewed, count: int) -> None:
    """Neither OK nor CRITICAL: 75, and how many are needed."""
    reviewed.store.execute(f"delete from risk_classifications where id > {count}")
    for name in ("agreeing", "low_apart"):
        found = reviewed.by(name)
        assert (found.exit_code, found.drift["verdict"]) == (75, "INCONCLUSIVE")
        assert "too few to judge, 4 are needed" in found.criterion("agreement")["message"]


@pytest.mark.parametrize(("calls", "drawn"), [(40, [10, 20, 10])])
def test_sequential_decision_draws_from_the_whole_store_alike(reviewed: Reviewed, calls: int, drawn: list[int]) -> None:
    """Each stratum's share of the sample is its share of the store; all are judged, and no baseline is needed."""
    found = reviewed.by("near_threshold", POPULATION, SEQUENTIAL, f"--drift-max-calls={calls}", "--drift-baseline=0")
    strata = found.drift["sample"]["strata"]
    agreement = found.criterion("agreement")
    assert [strata[name] for name in ("low_confidence", "old", "baseline")] == drawn
    assert agreement["passed"] + agreement["failed"] == calls


def test_sequential_decision_on_the_whole_store(reviewed: Reviewed) -> None:
    """Where the records of low confidence alone disagree, the whole is not below a half, though the sample may be."""
    bounds = ("--drift-critical=0.5", "--drift-warn=0.6")
    found = reviewed.by("low_apart", POPULATION, SEQUENTIAL, *bounds)
    assert (found.exit_code, found.drift["verdict"]) == (0, "OK")
    assert "decided after" in found.criterion("agreement")["message"]


@pytest.mark.parametrize("calls", [14])
def test_undecided_verdict_is_that_of_the_rate_beside_it(reviewed: Reviewed, calls: int) -> None:
    """Also where the sample cannot be divided exactly as the store is, so that rate and estimate differ."""
    found = reviewed.by("low_apart", POPULATION, SEQUENTIAL, f"--drift-max-calls={calls}", "--drift-warn=0.75")
    agreement = found.criterion("agreement")
    assert "undecided" in agreement["message"]
    assert agreement["verdict"] == str(judge(agreement["rate"], 0.75, 0.75))
