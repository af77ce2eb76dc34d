"""Reviews that end when the evidence decides."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from drift_checks.report.verdict import judge
from drift_checks.reviews.journal import JOURNAL_FILE, read_journal
from drift_checks.statistics.sequential import decide
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.deciding import AGREEMENT, SEQUENTIAL, outcomes_of, own, texts_asked, write_classifiers
from tests.support.llm_runs import Started, asked, asking, named_but
from tests.support.session_damage import columns_option, other_schema
from tests.support.session_runs import Review, Run, run_in
from tests.support.stores import BuiltStore, build_store

pytestmark = pytest.mark.usefixtures("llm_key")

BY_SAMPLE = "--drift-judge=sample"
SIXTY = (SEQUENTIAL, "--drift-max-calls=60", BY_SAMPLE)
BASELINE = 10
# With a threshold of 0.75, so many reviews decide where all agree, and where none does.
ALL_AGREE = decide([True] * 60, 0.75).after
NONE_AGREES = decide([False] * 60, 0.75).after
FINANCIAL = {"category": "financial", "confidence": 0.9}
REGULATORY = {"category": "regulatory", "confidence": 0.9}
# Of every twentieth record two thirds disagree, so that it takes longer to decide.
LATE = dict.fromkeys(range(0, 121, 20), REGULATORY)


def by_llm(review: Review, store: BuiltStore, server: ChatServer, *more: str) -> Run:
    """Return a review of at most sixty records by the server, and the baseline."""
    return review(*store.options, *asking(server), *SIXTY, *AGREEMENT, *more)


def by_own(review: Review, store: BuiltStore, name: str, *more: str) -> Run:
    """Return a review of at most sixty records by a classifier of the user's own."""
    write_classifiers(review)
    return review(*store.options, own(name), *SIXTY, *AGREEMENT, *more)


def decision(run: Run) -> tuple[str, str, object]:
    """Return the run's verdict, its message on agreement, and the order of its records."""
    return run.drift["verdict"], run.criterion("agreement")["message"], run.record_ids


@pytest.mark.parametrize("concurrency", [1, 32])
def test_agreeing_reviewer_is_ok_after_few_calls(
    review: Review, store: BuiltStore, server: ChatServer, concurrency: int
) -> None:
    """No call is made that the decision does not need, except for the baseline, however many are made at once."""
    found = by_llm(review, store, server, f"--drift-concurrency={concurrency}")
    assert (found.exit_code, found.drift["verdict"]) == (0, "OK")
    assert len(server.requests) == found.drift["reviewer"]["calls"] == ALL_AGREE + BASELINE
    assert f"decided after {ALL_AGREE} reviews" in found.criterion("agreement")["message"]
    # The baseline, which has the ids 2, 6, 10 …, comes last.
    assert [number % 4 == 2 for number in asked(server.requests)] == [False] * ALL_AGREE + [True] * BASELINE


def test_disagreeing_reviewer_is_critical(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """After fewer calls still: exit code 1."""
    server.behaviour = Behaviour(
        answer=lambda text: FINANCIAL | {"category": ("regulatory", "financial")["reg" in text]}
    )
    found = by_llm(review, store, server, "--drift-concurrency=32")
    assert (found.exit_code, found.drift["verdict"]) == (1, "CRITICAL")
    assert len(server.requests) == NONE_AGREES + BASELINE


def test_calls_are_as_many_as_the_answers_decide(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """In the order in which the records were drawn, the answers decide with the last one that was asked for."""
    server.behaviour = Behaviour(answer=named_but(LATE))
    found = by_llm(review, store, server, "--drift-concurrency=5")
    agreed = [number % 20 != 0 or number % 3 == 1 for number in map(int, found.record_ids)]
    after = decide(agreed[:60], 0.75).after
    assert ALL_AGREE < after < 60
    assert (len(server.requests), found.criterion("agreement")["not_needed"]) == (after + BASELINE, 60 - after)


def test_undecided_up_to_the_budget_is_judged_by_the_rate(review: Review, store: BuiltStore) -> None:
    """A quarter disagrees: no number of reviews decides, and all calls go to them, none to the baseline."""
    found = by_own(review, store, "near_threshold")
    agreement = found.criterion("agreement")
    assert "undecided after 60 reviews" in agreement["message"]
    assert agreement["verdict"] == str(judge(agreement["rate"], 0.85, 0.75))
    assert (agreement["passed"] + agreement["failed"], len(texts_asked(review))) == (60, 60)


def test_budget_is_200_where_none_is_set(review: Review) -> None:
    """So many are drawn, and asked about where the decision is not taken before."""
    write_classifiers(review)
    store = build_store(review.tmp_path / "large", count=400)
    found = review(*store.options, own("near_threshold"), SEQUENTIAL, BY_SAMPLE, *AGREEMENT)
    assert (found.drift["sample"]["size"], len(texts_asked(review))) == (200 + BASELINE, 200)


def test_records_that_were_not_needed_are_neither_passed_nor_failed(review: Review, store: BuiltStore) -> None:
    """They are skipped, with a reason, and counted as not needed and as nothing else."""
    found = by_own(review, store, "agreeing", "--drift-min-reviewed=1")
    agreement = found.criterion("agreement")
    counted = [agreement[name] for name in ("verdict", "passed", "failed", "unmeasured", "not_needed")]
    assert counted == ["OK", ALL_AGREE, 0, 0, 60 - ALL_AGREE]
    assert Counter(outcomes_of(found, "agreement").values()) == {
        "passed": ALL_AGREE + BASELINE,
        "skipped": 60 - ALL_AGREE,
    }
    # When reviews stop depends on their outcomes.
    population = found.drift["agreement"]
    assert (population["population"], "stopped" in population["population_missing"]) == (None, True)
    skipped = [test for test in found.document["tests"] if "test_agreement.py" in test["nodeid"]]
    assert all("not needed" in str(test) for test in skipped if test["outcome"] == "skipped")


def test_outage_is_noticed_early(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """The budget is not spent on an endpoint that is down; if the reviews decide nothing, the run is inconclusive."""
    answered = ALL_AGREE - 1
    server.behaviour = Behaviour(statuses=[200] * answered + [404] * 200)
    found = by_llm(review, store, server, "--drift-concurrency=4")
    assert len(server.requests) < answered + 20
    assert (found.exit_code, found.drift["verdict"]) == (75, "INCONCLUSIVE")
    assert found.drift["reviewer"]["reviewed"] == answered


def test_outage_after_the_decision_changes_nothing(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """The baseline alone is left without."""
    server.behaviour = Behaviour(statuses=[200] * ALL_AGREE + [404] * 200)
    found = by_llm(review, store, server)
    assert (found.exit_code, found.criterion("agreement")["verdict"]) == (0, "OK")


def test_seed_gives_order_and_decision(review: Review, store: BuiltStore) -> None:
    """The same one the same, however many calls are made at once, and another one another order."""
    first = by_own(review, store, "near_threshold", "--drift-concurrency=1")
    again = by_own(review, store, "near_threshold", "--drift-concurrency=9")
    other = by_own(review, store, "near_threshold", "--drift-seed=2")
    assert decision(first) == decision(again)
    assert first.record_ids != other.record_ids


@pytest.mark.slow
def test_killed_review_goes_on_to_the_same_verdict(review: Review, store: BuiltStore) -> None:
    """It asks for no answer twice, and makes no more calls than those in flight when it was killed."""
    with ChatServer(Behaviour(latency=0.2, answer=named_but(LATE))) as server:
        options = (*store.options, *asking(server), *SIXTY, "--drift-concurrency=2", *AGREEMENT)
        with Started(review.folder, *options) as started:
            started.until(lambda: len(server.requests) >= 9)
            started.tell(signal.SIGKILL)
        (path,) = started.reports.glob(f".*/{JOURNAL_FILE}")
        answered = {made.record_id for made in read_journal(path).reviews}
        before = len(server.requests)
        server.behaviour = Behaviour(answer=named_but(LATE))
        resumed = review(*options, "--drift-resume")
        again, calls = asked(server.requests[before:]), len(server.requests)
        whole = review(*options, "--drift-reports=whole", reports=review.folder / "whole")
        alone = len(server.requests) - calls
    same = ("verdict", "agreement", "criteria", "disagreements")
    assert [resumed.drift[name] for name in same] == [whole.drift[name] for name in same]
    assert (len(answered) >= 6, answered & set(again)) == (True, set())
    assert calls <= alone + 2


def test_inconclusive_review_goes_on_to_the_same_verdict(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """The missing reviews are asked for, and no other."""
    server.behaviour = Behaviour(statuses=[200] * 10 + [404] * 30)
    options = ("--drift-baseline=0", "--drift-concurrency=1", "--drift-max-calls=100")
    first = by_llm(review, store, server, *options)
    answered = [request for request in server.requests if request.status == 200]
    before, server.behaviour = len(server.requests), Behaviour()
    again = by_llm(review, store, server, *options, "--drift-resume")
    assert (first.exit_code, again.exit_code) == (75, 0)
    answered += server.requests[before:]
    assert (len(answered), len(set(asked(answered)))) == (ALL_AGREE, ALL_AGREE)


@pytest.mark.slow
def test_review_by_several_processes_is_the_same(review: Review, store: BuiltStore) -> None:
    """Under xdist: the same calls, agreement and stability."""
    write_classifiers(review)
    options = (*store.options, own("agreeing"), *SIXTY, "-k", "agreement or stability")
    parallel, calls = run_in(review.folder, *options, "-n", "2"), len(texts_asked(review))
    alone = review(*options, "--drift-reports=alone", reports=review.folder / "alone")
    assert len(texts_asked(review)) == 2 * calls
    assert parallel.drift["agreement"] == alone.drift["agreement"]
    for name in ("agreement", "stability"):
        assert parallel.criterion(name) == alone.criterion(name)


def test_rule_by_the_rate_is_not_changed_by_other_settings(review: Review, doubtful: BuiltStore) -> None:
    """Windows, thresholds, the error rate and stability are none of its business."""
    plain = review(*doubtful.options, *AGREEMENT, BY_SAMPLE)
    others = ("--drift-recent-days=9", "--drift-reference-days=99", "--drift-error-rate=0.5", "--drift-stability=3")
    chosen = ("--drift-decision=point", BY_SAMPLE, "--drift-thresholds=class_mix=0.3:off")
    changed = review(*doubtful.options, *AGREEMENT, *others, *chosen)
    assert [run.drift["sample"] for run in (plain, changed)] == [plain.drift["sample"]] * 2
    assert changed.criterion("agreement") == plain.criterion("agreement")
    assert changed.drift["agreement"] == plain.drift["agreement"]


def test_chosen_records_are_all_reviewed(review: Review, store: BuiltStore, server: ChatServer) -> None:
    """No draw, no sequential decision."""
    ids = ",".join(map(str, range(1, 31)))
    found = by_llm(review, store, server, f"--drift-records={ids}")
    assert (len(server.requests), found.criterion("agreement")["not_needed"]) == (30, 0)
    assert "decided" not in found.criterion("agreement")["message"]


def test_small_store_is_estimated_where_nothing_was_decided(review: Review, store: BuiltStore) -> None:
    """Undecided to the end, all judged records and the baseline were reviewed."""
    write_classifiers(review)
    found = review(*store.options, own("near_threshold"), SEQUENTIAL, BY_SAMPLE, *AGREEMENT)
    assert len(texts_asked(review)) == 90 + 10
    assert found.drift["agreement"]["population"] is not None


def test_store_without_strata_is_decided(review: Review, store: BuiltStore) -> None:
    """Without confidence and timestamp, records of the whole store are drawn alike, and there is no baseline."""
    columns = {"id": "number", "text": "body", "category": "label"}
    other_schema(store, columns)
    write_classifiers(review)
    options = (f"--drift-db={store.db}", "--drift-table=notes", columns_option(columns), "--drift-seed=1")
    found = review(*options, own("agreeing"), *SIXTY, *AGREEMENT)
    assert (found.exit_code, len(texts_asked(review))) == (0, ALL_AGREE)
