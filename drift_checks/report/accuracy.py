"""How often store and reviewer are right, from people's judgements of records that were reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from drift_checks.core.records import RecordId
from drift_checks.core.text import count, percent, percent_range, tenths
from drift_checks.report.changes import versions_of
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.reviews.judgements.judgement import Judged, Judgement, agreed_verdict
from drift_checks.settings.declarations import RANDOM
from drift_checks.statistics.accuracy import JudgedStratum, accuracy, advantage, more_to_halve, with_judged
from drift_checks.statistics.intervals import Estimate, Interval, wilson
from drift_checks.statistics.krippendorff import krippendorff_alpha


@dataclass(frozen=True)
class ReviewedRecord:
    """A record of the sample of a run: its category in the store then, and by the reviewer."""

    record_id: RecordId
    stored: str
    reviewed: str
    run: RecordedRun
    stratum: str

    @property
    def agreed(self) -> bool:
        """Whether both categories are the same."""
        return self.stored == self.reviewed


@dataclass(frozen=True)
class Accuracy:
    """How often store and reviewer are right, and by how much the store is more often.

    None without enough judgements. `more` judgements would halve the interval of the store.
    """

    judged: int
    store: Estimate | None
    reviewer: Estimate | None
    advantage: Estimate | None
    more: int | None


@dataclass(frozen=True)
class JudgesAgreement:
    """How often judges of the same record agree: in how many pairs of how many, and beyond chance."""

    agreed: int
    pairs: int
    interval: Interval
    alpha: float | None


class JudgedReviews:
    """The records that runs of one store reviewed with the versions of the newest run, and their judgements.

    Args:
        runs: The runs of the store, oldest first, at least one.
        judged: The judgements of the store.
    """

    def __init__(self, runs: Sequence[RecordedRun], judged: Judged) -> None:
        self.newest = runs[-1]
        self.judged = judged
        same = [run for run in runs if versions_of(run) == versions_of(self.newest)]
        self.records: dict[str, ReviewedRecord] = {}
        for run in same:
            # The newest review of a record counts.
            self.records |= {str(item.record_id): item for item in _reviewed(run)}
        self._random = all(run.sample.method == RANDOM for run in same)

    def judgements(self, record_id: RecordId, stored: str, reviewed: str) -> list[Judgement]:
        """Return what was judged of these categories of a record."""
        made = self.judged.of_record(record_id)
        return [item for item in made if (item.stored, item.reviewed) == (stored, reviewed)]

    def strata(self) -> dict[str, dict[str, JudgedStratum]]:
        """Return the strata, with the judgements of the store, of the reviewer and of their difference, by name."""
        sizes = self.newest.sample.store_strata
        reviewed = Counter(item.stratum for item in self.records.values())
        agreed = Counter(item.stratum for item in self.records.values() if item.agreed)
        empty = {name: JudgedStratum(size, reviewed[name], agreed[name]) for name, size in sizes.items()}
        found = {whose: dict(empty) for whose in ("store", "reviewer", "advantage")}
        for item in self.records.values():
            made = self.judgements(item.record_id, item.stored, item.reviewed)
            store, reviewer = (agreed_verdict(made, category) for category in (item.stored, item.reviewed))
            if store is None or reviewer is None or item.stratum not in sizes:
                continue
            rights = {"store": store, "reviewer": reviewer, "advantage": (1 + store - reviewer) / 2}
            for whose, right in rights.items():
                found[whose][item.stratum] = with_judged(
                    found[whose][item.stratum], agreed=item.agreed, right=float(right)
                )
        return found

    def accuracy(self) -> Accuracy:
        """Return how often both are right in the whole store; without estimates if the samples are not random."""
        strata = {whose: list(items.values()) for whose, items in self.strata().items()}
        judged = sum(item.of_agreed.judged + item.of_disagreed.judged for item in strata["store"])
        if not self._random:
            return Accuracy(judged, None, None, None, None)
        return Accuracy(
            judged,
            accuracy(strata["store"]),
            accuracy(strata["reviewer"]),
            advantage(strata["advantage"]),
            more_to_halve(strata["store"]),
        )


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


def accuracy_sentences(found: Accuracy) -> list[str]:
    """Return what the judgements say about accuracy, in sentences."""
    lines = [f"judged: {count(found.judged, 'record')} of the sample"]
    for name, estimate in (("store", found.store), ("reviewer", found.reviewer)):
        if estimate is not None:
            share, interval = percent(estimate.rate), percent_range(*estimate.interval)
            lines.append(f"the {name} is right in {share} of all records ({interval})")
    if found.advantage is not None:
        lines.append(_advantage(found.advantage))
    if found.store is None:
        lines.append("no estimate yet: judge some records on which store and reviewer agree, and some on which not")
    elif found.more is None:
        lines.append("more judgements alone cannot halve the store's interval: review more records")
    else:
        lines.append(f"{count(found.more, 'more judgement')} would halve the store's interval")
    return lines


def _advantage(found: Estimate) -> str:
    low, high = found.interval
    if low <= 0 <= high:
        return f"which of them is right more often cannot be told yet ({tenths(low)} to {tenths(high)} for the store)"
    name, other = ("store", "reviewer") if low > 0 else ("reviewer", "store")
    ends = sorted((abs(low), abs(high)))
    difference = f"{tenths(abs(found.rate))} of all records ({tenths(ends[0])} to {tenths(ends[1])})"
    return f"the {name} is right more often than the {other}: by {difference}"


def judges_sentence(judged: Judged, conflicts: int) -> str:
    """Return how often judges of the same record agree, in a sentence; empty if no record has two judges.

    `conflicts` is the number of records of which judgements contradict each other.
    """
    found = agreement_of_judges(judged)
    if found is None:
        return ""
    beyond = "" if found.alpha is None else f", Krippendorff's alpha {found.alpha:.2f}"
    share = percent(found.agreed / found.pairs)
    contradict = f"; judges contradict each other on {count(conflicts, 'record')}" if conflicts else ""
    return f"judges agree in {found.agreed} of {found.pairs} pairs ({share}{beyond}){contradict}"


def _reviewed(run: RecordedRun) -> Iterator[ReviewedRecord]:
    for item in run.disagreements:
        if item.record_id is not None and item.stored is not None and item.reviewed is not None:
            yield ReviewedRecord(item.record_id, item.stored, item.reviewed, run, item.stratum or "")
    for stratum, by_category in run.agreed_records.items():
        for category, ids in by_category.items():
            yield from (ReviewedRecord(key, category, category, run, stratum) for key in ids)
