"""The reviews of which people judged some, and how often store and reviewer are right by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

from drift_checks.core.outcomes import AGREEMENT, Outcome, Result
from drift_checks.core.records import STORE_STRATA, RecordId, as_text
from drift_checks.report.changes import versions_of
from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.history.recorded import RecordedRun, SampleFacts, setting_value
from drift_checks.report.run import Facts
from drift_checks.reviews.judgements.judgement import Judged, Judgement, Origin, PresentRecord, hash_of, judged_right
from drift_checks.settings.declarations import RANDOM, SEQUENTIAL
from drift_checks.statistics.accuracy import JudgedStratum, accuracy, advantage, more_to_halve, with_judged
from drift_checks.statistics.control_chart import RunRate
from drift_checks.statistics.intervals import Estimate, Interval, wilson
from drift_checks.statistics.krippendorff import krippendorff_alpha
from drift_checks.statistics.latest_change import latest_change
from drift_checks.stores.records import RecordStore

_READ_AT_ONCE = 1000
# Why there is no estimate.
NOT_DRAWN = "a part of the store was not reviewed"


@dataclass(frozen=True)
class ReviewedRecord:
    """A record of the sample of a run: its category in the store then, and by the reviewer."""

    record_id: RecordId
    stored: str
    reviewed: str
    stratum: str
    run_id: str

    @property
    def agreed(self) -> bool:
        """Whether both categories are the same."""
        return self.stored == self.reviewed


@dataclass(frozen=True)
class ReviewedSample:
    """The sample of a run and its reviews, acknowledged disagreements included."""

    run_id: str
    sample: SampleFacts
    decision: str
    versions: Mapping[str, str]
    where: str | None
    records: Sequence[ReviewedRecord]

    @classmethod
    def of_recorded(cls, run: RecordedRun) -> ReviewedSample:
        """Return the sample of a recorded run."""
        return cls.of(run, tuple(_recorded(run)))

    @classmethod
    def of_outcomes(cls, facts: Facts, outcomes: Iterable[Outcome]) -> ReviewedSample:
        """Return the sample of the run that has these outcomes."""
        return cls.of(facts, tuple(_made(facts.run_id, outcomes)))

    @classmethod
    def of(cls, run: Facts | RecordedRun, records: Sequence[ReviewedRecord]) -> ReviewedSample:
        """Return the sample of a run with these records."""
        where = setting_value(run.settings["where"]) if "where" in run.settings else None
        return cls(run.run_id, run.sample, run.decision, versions_of(run), where, records)

    @property
    def counts(self) -> bool:
        """Whether its records stand for the whole store: they were drawn at random, and all were to be reviewed."""
        return self.sample.method == RANDOM and self.decision != SEQUENTIAL

    def drawn(self) -> list[ReviewedRecord]:
        """Return the random part of the store: neither anchors nor likely label issues."""
        return [item for item in self.records if item.stratum in STORE_STRATA]

    def rates(self) -> dict[str, RunRate]:
        """Return the agreement in each stratum of the store."""
        drawn = self.drawn()
        reviewed = Counter(item.stratum for item in drawn)
        agreed = Counter(item.stratum for item in drawn if item.agreed)
        return {name: RunRate(agreed[name], number) for name, number in reviewed.items()}


@dataclass(frozen=True)
class JudgesAgreement:
    """How often judges of the same record agree: in how many pairs of how many, and beyond chance."""

    agreed: int
    pairs: int
    interval: Interval
    alpha: float | None


class JudgedReviews:
    """The records that runs of one store reviewed with the versions of the newest run, and their judgements.

    `records` are those from which the accuracy is estimated: drawn at random since agreement last changed, each with
    its newest review. `others` are those of other samples. `repaired` has the former categories, by id, of records that
    judges called wrong and that are right now. Their number is known: it is added to what the samples tell of the store
    before the repair.

    Args:
        samples: The samples of the runs of the store, oldest first, at least one.
        judged: The judgements of the store.
    """

    def __init__(self, samples: Sequence[ReviewedSample], judged: Judged) -> None:
        self.judged = judged
        newest = samples[-1]
        same = [item for item in samples if (item.versions, item.where) == (newest.versions, newest.where)]
        drawn = _draws(item for item in same if item.counts)
        first = latest_change([item.rates() for item in drawn], newest.sample.store_strata)
        self.samples = drawn[first:]
        self.changed = self.samples[0].sample.as_of[:10] if first else None
        self.records = {str(item.record_id): item for each in self.samples for item in each.drawn()}
        found = {str(item.record_id): item for each in same for item in each.records}
        self.others = {key: item for key, item in found.items() if key not in self.records}
        self.repaired = judged.repaired(self.samples[0].run_id) if self.samples else {}

    def judgements(self, item: ReviewedRecord) -> list[Judgement]:
        """Return the judgements of these categories of the record that count.

        What was judged because `label_issues` doubts it was not chosen at random.
        """
        pair = item.stored, item.reviewed
        made = self.judged.of_record(item.record_id)
        return [each for each in made if each.origin is Origin.REVIEW and (each.stored, each.reviewed) == pair]

    def strata(self) -> dict[str, dict[str, JudgedStratum]]:
        """Return the strata, with the judgements of the store, of the reviewer and of their difference, by name."""
        sizes = self.samples[-1].sample.store_strata if self.samples else {}
        records = [self._before_repair(item) for item in self.records.values()]
        reviewed = Counter(item.stratum for item in records)
        agreed = Counter(item.stratum for item in records if item.agreed)
        empty = {name: JudgedStratum(size, reviewed[name], agreed[name]) for name, size in sizes.items()}
        found = {whose: dict(empty) for whose in ("store", "reviewer", "advantage")}
        for item in records:
            made = self.judgements(item)
            store, reviewer = (judged_right(made, category) for category in (item.stored, item.reviewed))
            if store is None or reviewer is None or item.stratum not in sizes:
                continue
            rights = {"store": store, "reviewer": reviewer, "advantage": (1 + store - reviewer) / 2}
            for whose, right in rights.items():
                found[whose][item.stratum] = with_judged(
                    found[whose][item.stratum], agreed=item.agreed, right=float(right)
                )
        return found

    def _before_repair(self, item: ReviewedRecord) -> ReviewedRecord:
        return replace(item, stored=self.repaired.get(str(item.record_id), item.stored))

    def accuracy(self) -> Accuracy:
        """Return how often both are right in the whole store."""
        strata = {whose: list(items.values()) for whose, items in self.strata().items()}
        size = sum(item.size for item in strata["store"])
        share = len(self.repaired) / size if size else 0.0
        store = _raised(accuracy(strata["store"]), share)
        judged = sum(item.of_agreed.judged + item.of_disagreed.judged for item in strata["store"])
        return Accuracy(
            judged=judged,
            others=len({str(item.record_id) for item in self.judged.all if item.decides}) - judged,
            reviewed=len(self.records),
            runs=len(self.samples),
            changed=self.changed,
            store=store,
            reviewer=accuracy(strata["reviewer"]),
            advantage=_raised(advantage(strata["advantage"]), share),
            more=more_to_halve(strata["store"]),
            missing=None if store else self._missing(strata["store"]),
        )

    def _missing(self, strata: Sequence[JudgedStratum]) -> str:
        if not self.samples:
            return "no random sample was reviewed completely with these versions"
        if not all(item.reviewed for item in strata if item.size):
            return NOT_DRAWN
        agreed, others = (sum(item.count(both).judged for item in strata) for both in (True, False))
        if not agreed + others:
            return "no reviewed record is judged"
        verb = "disagree" if agreed else "agree"
        return f"no record is judged on which store and reviewer {verb}"


def of_present_texts(judged: Judged, store: RecordStore) -> Judged:
    """Return the judgements of texts that are still in the store.

    Raises:
        StoreError: The store cannot be read.
    """
    return judged.of_present(present_records([item.record_id for item in judged.all], store))


def present_records(keys: Iterable[RecordId], store: RecordStore) -> dict[str, PresentRecord]:
    """Return these records as the store has them, by id; raise StoreError as above."""
    ids: list[RecordId] = list(dict.fromkeys(keys))
    found: dict[str, PresentRecord] = {}
    for start in range(0, len(ids), _READ_AT_ONCE):
        only = ("id", "text", "category")
        rows = store.read(partial(store.rows, ids=ids[start : start + _READ_AT_ONCE], only=only))
        for key, row in rows.items():
            found[str(key)] = PresentRecord(hash_of(as_text(row["text"])), as_text(row["category"]))
    return found


def agreement_of_judges(judged: Judged) -> JudgesAgreement | None:
    """Return how often judges of the same record agree; None if no record has two judges."""
    by_pair: dict[tuple[str, ...], list[Judgement]] = {}
    for item in judged.all:
        if item.decides:
            key = (str(item.record_id), item.text_hash, item.stored, item.reviewed)
            by_pair.setdefault(key, []).append(item)
    pairs = [pair for made in by_pair.values() for pair in combinations(made, 2)]
    agreed = sum(not first.contradicts(second) for first, second in pairs)
    interval = wilson(agreed, len(pairs))
    answers = [[tuple(sorted(item.right)) for item in made] for made in by_pair.values()]
    return None if interval is None else JudgesAgreement(agreed, len(pairs), interval, krippendorff_alpha(answers))


def _raised(found: Estimate | None, share: float) -> Estimate | None:
    """Return the estimate of a rate that rose by this share since."""
    if found is None:
        return None
    low, high = found.interval
    return Estimate(min(found.rate + share, 1.0), (min(low + share, 1.0), min(high + share, 1.0)))


def _draws(samples: Iterable[ReviewedSample]) -> list[ReviewedSample]:
    """Return one sample of those with the same seed and day, which drew mostly the same records: all newest reviews.

    So a run that was repeated is one night, and neither a smaller sample nor an outage takes away what was judged.
    """
    found: dict[tuple[int, str], ReviewedSample] = {}
    for item in sorted(samples, key=lambda item: item.run_id):
        draw = item.sample.seed, item.sample.as_of[:10]
        earlier = found.pop(draw).records if draw in found else ()
        newest = {str(each.record_id): each for each in (*earlier, *item.records)}
        found[draw] = replace(item, records=tuple(newest.values()))
    return list(found.values())


def _recorded(run: RecordedRun) -> Iterator[ReviewedRecord]:
    for item in (*run.disagreements, *run.known_disagreements):
        if item.record_id is not None and item.stored is not None and item.reviewed is not None:
            yield ReviewedRecord(item.record_id, item.stored, item.reviewed, item.stratum or "", run.run_id)
    for stratum, by_category in run.agreed_records.items():
        for category, ids in by_category.items():
            yield from (ReviewedRecord(key, category, category, stratum, run.run_id) for key in ids)


def _made(run_id: str, outcomes: Iterable[Outcome]) -> Iterator[ReviewedRecord]:
    for item in outcomes:
        made = item.criterion == AGREEMENT and item.result in (Result.PASSED, Result.FAILED, Result.ACKNOWLEDGED)
        decision = item.decision
        if made and item.record_id is not None and decision is not None and decision.reviewed is not None:
            yield ReviewedRecord(item.record_id, decision.stored, decision.reviewed, item.stratum or "", run_id)
