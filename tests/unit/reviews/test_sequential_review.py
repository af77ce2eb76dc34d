"""Reviews up to the one that decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from drift_checks.core.records import STORE_STRATA, Record, Review, Stratum
from drift_checks.reviews.journal import Journal, read_journal
from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import POPULATION, SAMPLE, SEQUENTIAL, Settings
from drift_checks.statistics.sequential import decide
from tests.support.stores import AS_OF
from tests.support.tables import write_table
from tests.support.thorough import repetitions

EACH = 60
BASELINE = 10
MOST = 60
AGREES, DISAGREES = "a", "b"
ALL_AGREE = decide([True] * MOST, 0.75).after
COLUMNS = "id integer primary key, text, category, confidence real, timestamp text"
PATTERNS = st.lists(st.sampled_from([AGREES, AGREES, AGREES, DISAGREES]), min_size=MOST, max_size=MOST)


class Counting:
    """A classifier that answers each text as a function says, and records what it was asked."""

    def __init__(self, answer: Callable[[int], str] = lambda _: AGREES, seconds: float = 0.0) -> None:
        self._answer = answer
        self._seconds = seconds
        self.texts: list[str] = []
        self.began: list[float] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def classify(self, text: str) -> str:
        """Answer for the record with the number in the text."""
        self.texts.append(text)
        self.began.append(time.monotonic())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(self._seconds)
        self.in_flight -= 1
        return self._answer(int(text.split()[1]))

    @property
    def asked(self) -> list[int]:
        """The records that it was asked about."""
        return [int(text.split()[1]) for text in self.texts]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A sequential review, of at most sixty records, of a table with sixty in each stratum."""
    folder = tmp_path_factory.mktemp("table")
    rows = [
        (
            number,
            f"record {number} as it is",
            AGREES,
            0.5 if number % 3 == 0 else 0.9,
            "20" + ("20", "26")[number % 3 != 1] + "-01-01",
        )
        for number in range(3 * EACH)
    ]
    return Settings(
        db=write_table(folder / "table.db", rows, COLUMNS),
        snapshot_dir=folder / "snapshots",
        seed=1,
        as_of=AS_OF,
        naive_timezone=ZoneInfo("UTC"),
        decision=SEQUENTIAL,
        judge=SAMPLE,
        max_calls=MOST,
    )


def judged(pipeline: Pipeline) -> list[Record]:
    """Return the records whose agreement is judged, as they were drawn."""
    return [record for record in pipeline.sample.records if record.stratum in pipeline.sample.judged]


def answering(settings: Settings, pattern: Sequence[str]) -> Callable[[int], str]:
    """Return what answers about the records as they were drawn by this pattern, and agrees on all others."""
    with closing(Pipeline(settings, Counting())) as pipeline:
        answers = dict(zip((record.id for record in judged(pipeline)), pattern, strict=False))
    return lambda number: answers.get(number, AGREES)


def reviewed(settings: Settings, classifier: object) -> Pipeline:
    """Return the run with all that it reviews reviewed."""
    pipeline = Pipeline(settings, classifier)
    with closing(pipeline):
        pipeline.review(pipeline.sample.records, lambda _: None)
    return pipeline


@example_settings(max_examples=repetitions(8, 60))
@given(pattern=PATTERNS, concurrency=st.integers(1, 20), critical=st.sampled_from([0.5, 0.75, 0.9]))
def test_so_many_are_asked_about_as_decide(
    settings: Settings, pattern: list[str], concurrency: int, critical: float
) -> None:
    """Whatever the answers and however many at once: the first in the order of the draw, and then the baseline."""
    settings = replace(settings, concurrency=concurrency, critical=critical)
    classifier = Counting(answering(settings, pattern))
    pipeline = reviewed(settings, classifier)
    after = decide([answer == AGREES for answer in pattern], critical).after
    needed, rest = classifier.asked[:after], classifier.asked[after:]
    assert sorted(needed) == sorted(int(record.id) for record in judged(pipeline)[:after])
    assert [number % 3 for number in rest] == [2] * min(BASELINE, MOST - after)
    assert pipeline.ledger.calls == len(classifier.asked) <= MOST


@example_settings(max_examples=repetitions(6, 40))
@given(pattern=PATTERNS, concurrency=st.integers(1, 6), stop=st.integers(1, 25))
def test_interrupted_run_asks_nothing_twice(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, pattern: list[str], concurrency: int, stop: int
) -> None:
    """What was answered is not asked again, and what was not needed before is not needed now."""
    settings = replace(settings, concurrency=concurrency, baseline=0)
    answer = answering(settings, pattern)
    journal = Journal(tmp_path_factory.mktemp("run") / "reviews.jsonl")
    told: list[Review] = []

    def interrupt(review: Review) -> None:
        told.append(review)
        if len(told) == stop:
            raise KeyboardInterrupt

    first, second = Counting(answer), Counting(answer)
    with closing(Pipeline(settings, first)) as pipeline:
        pipeline.use_journal(journal, {})
        with suppress(KeyboardInterrupt):
            pipeline.review(pipeline.sample.records, interrupt)
    answered = {review.record_id for review in read_journal(journal.path).reviews if review.made}
    journal.resume()
    with closing(Pipeline(settings, second)) as pipeline:
        pipeline.use_journal(journal, {})
        pipeline.review(pipeline.sample.records, lambda _: None)
        drawn = judged(pipeline)
    after = decide([answer == AGREES for answer in pattern], 0.75).after
    assert not answered & set(second.asked)
    needed, asked = {record.id for record in drawn[:after]}, {*first.asked, *second.asked}
    # The calls that were given up count, so that the budget may be spent before.
    assert asked <= needed
    assert len(needed - asked) <= max(0, after + concurrency - MOST)


@pytest.fixture
def agreed(settings: Settings) -> Pipeline:
    """A run whose reviewer agreed always."""
    return reviewed(settings, Counting())


def test_records_that_were_not_needed_are_not_reviewed(agreed: Pipeline) -> None:
    """Each says so; they count neither as failed nor as omitted for want of a budget."""
    rest = [agreed.reviews[record.id] for record in judged(agreed)[ALL_AGREE:]]
    assert len(rest) == MOST - ALL_AGREE
    assert {(review.made, review.asked, review.needed) for review in rest} == {(False, False, False)}
    assert all("not needed" in (review.failure or "") for review in rest)
    totals = agreed.ledger.totals()
    assert (totals["reviews"], totals["failed"], totals["not_asked"]) == (ALL_AGREE + BASELINE, 0, 0)


def test_each_review_is_made_and_reported_once(settings: Settings) -> None:
    """A second request to review reviews nothing: the decision stands."""
    reported: list[Review] = []
    classifier = Counting()
    with closing(Pipeline(settings, classifier)) as pipeline:
        for _ in range(2):
            pipeline.review(pipeline.sample.records, reported.append)
    assert len({review.record_id for review in reported}) == len(reported) == ALL_AGREE + BASELINE
    assert all(review.made for review in reported)
    assert len(classifier.asked) == ALL_AGREE + BASELINE


def test_selected_records_alone_are_asked_about(settings: Settings) -> None:
    """Where a run checks but few, these decide, or are too few to decide."""
    classifier = Counting()
    with closing(Pipeline(settings, classifier)) as pipeline:
        few = judged(pipeline)[20:27]
        pipeline.review(few, lambda _: None)
    assert sorted(classifier.asked) == sorted(int(record.id) for record in few)


def test_unusable_answer_decides_nothing(settings: Settings) -> None:
    """Another record is asked about in its place."""
    with closing(Pipeline(settings, Counting())) as pipeline:
        odd = judged(pipeline)[2].id

    def answer(number: int) -> str:
        if number == odd:
            raise ValueError("too odd")
        return AGREES

    classifier = Counting(answer)
    pipeline = reviewed(replace(settings, baseline=0), classifier)
    made = [review for review in pipeline.reviews.values() if review.made]
    assert (len(made), len(classifier.asked)) == (ALL_AGREE, ALL_AGREE + 1)


def test_records_come_in_random_order_and_the_baseline_last(settings: Settings) -> None:
    """The seed gives the order; strata are mixed."""
    orders = [[record.id for record in Pipeline(replace(settings, seed=seed)).sample.records] for seed in (1, 1, 2)]
    strata = [record.stratum for record in Pipeline(settings).sample.records]
    assert orders[0] == orders[1] != orders[2]
    assert strata[MOST:] == [Stratum.BASELINE] * BASELINE
    assert {*strata[:12]} == {Stratum.LOW_CONFIDENCE, Stratum.OLD}


def test_population_is_drawn_alike(settings: Settings) -> None:
    """As many of each stratum, all of them judged and mixed."""
    sample = Pipeline(replace(settings, judge=POPULATION)).sample
    assert (sample.judged, set(sample.drawn().values())) == (STORE_STRATA, {MOST // 3})
    assert {record.stratum for record in sample.records[:15]} == set(STORE_STRATA)


def test_other_forms_are_of_records_that_were_reviewed(settings: Settings) -> None:
    """What was not needed is asked about in no form."""
    classifier = Counting()
    with closing(Pipeline(replace(settings, max_calls=2 * MOST, stability=500), classifier)) as pipeline:
        pipeline.review(pipeline.sample.records, lambda _: None)
        before = set(classifier.asked)
        pipeline.review_variants()
    assert set(classifier.asked) == before
    assert len(pipeline.ledger.variants) == ALL_AGREE + BASELINE


def test_pace_is_kept(settings: Settings) -> None:
    """`requests-per-minute` holds for the run, not for the few reviews that are asked for at once."""
    classifier, start = Counting(), time.monotonic()
    reviewed(replace(settings, baseline=0, requests_per_minute=600), classifier)
    assert len(classifier.began) == ALL_AGREE
    # Tenths of a second apart, of which a sleep may miss a little.
    assert all(moment - start > 0.1 * place - 0.01 for place, moment in enumerate(classifier.began))
