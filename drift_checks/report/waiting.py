"""Which records wait for a judgement, the most informative first, and what the judged ones say about accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import combinations, islice

from drift_checks.core.records import RecordId
from drift_checks.core.text import count, percent, percent_range, tenths
from drift_checks.report.changes import versions_of
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.reviews.judgements.judgement import Judged, Judgement, Origin, agreed_verdict
from drift_checks.settings.declarations import RANDOM
from drift_checks.statistics.accuracy import JudgedStratum, accuracy, advantage, gain, more_to_halve, with_judged
from drift_checks.statistics.intervals import Estimate, Interval, wilson
from drift_checks.statistics.krippendorff import krippendorff_alpha

# A label issue follows so many records of the sample.
_BETWEEN_ISSUES = 3
# One of so many records has been judged by one other judge, so that the agreement of judges can be measured.
_SHARED = 5


@dataclass(frozen=True)
class Waiting:
    """A record to judge: the categories that it has in the store and by the reviewer, or by `label_issues`.

    Attributes:
        near: The ids of the nearest records with either label, by category, as far as the run recorded them.
        again: Whether the judge has judged it, and another judge contradicts.
    """

    record_id: RecordId
    stored: str
    reviewed: str
    run: RecordedRun
    stratum: str = ""
    origin: Origin = Origin.REVIEW
    near: tuple[tuple[str, RecordId], ...] = ()
    again: bool = False

    @property
    def agreed(self) -> bool:
        """Whether both categories are the same."""
        return self.stored == self.reviewed

    def is_of(self, judgement: Judgement) -> bool:
        """Whether the judgement is about these categories of the record."""
        mine = (str(self.record_id), self.stored, self.reviewed)
        return mine == (str(judgement.record_id), judgement.stored, judgement.reviewed)


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


class Reviewed:
    """The records that runs of one store reviewed with the versions of the newest run, and their judgements.

    Args:
        runs: The runs of the store, oldest first, at least one.
        judged: The judgements of the store.
    """

    def __init__(self, runs: Sequence[RecordedRun], judged: Judged) -> None:
        self.newest = runs[-1]
        self.judged = judged
        same = [run for run in runs if versions_of(run) == versions_of(self.newest)]
        self.records: dict[str, Waiting] = {}
        for run in same:
            # The newest review of a record counts.
            self.records |= {str(item.record_id): item for item in _reviewed(run)}
        self._random = all(run.sample.method == RANDOM for run in same)

    def judgements(self, item: Waiting) -> list[Judgement]:
        """Return what was judged of these categories of the record."""
        made = self.judged.of_record(item.record_id)
        return [judgement for judgement in made if item.is_of(judgement)] if made else []

    def strata(self) -> dict[str, dict[str, JudgedStratum]]:
        """Return the strata, with the judgements of the store, of the reviewer and of their difference, by name."""
        sizes = self.newest.sample.store_strata
        reviewed = Counter(item.stratum for item in self.records.values())
        agreed = Counter(item.stratum for item in self.records.values() if item.agreed)
        empty = {name: JudgedStratum(size, reviewed[name], agreed[name]) for name, size in sizes.items()}
        found = {whose: dict(empty) for whose in ("store", "reviewer", "advantage")}
        for item in self.records.values():
            made = self.judgements(item)
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

    def agreement_of_judges(self) -> JudgesAgreement | None:
        """Return how often judges of the same record agree; None if no record has two judges."""
        by_pair: dict[tuple[str, ...], list[Judgement]] = {}
        for item in self.judged.all:
            if item.decides:
                key = (str(item.record_id), item.text_hash, item.stored, item.reviewed)
                by_pair.setdefault(key, []).append(item)
        pairs = [pair for made in by_pair.values() for pair in combinations(made, 2)]
        agreed = sum(not first.contradicts(second) for first, second in pairs)
        interval = wilson(agreed, len(pairs))
        answers = [[tuple(sorted(item.right)) for item in made] for made in by_pair.values()]
        return None if interval is None else JudgesAgreement(agreed, len(pairs), interval, krippendorff_alpha(answers))

    def conflicts(self) -> list[Waiting]:
        """Return the records of whose judgements some contradict each other."""
        items = [*self.records.values(), *self._issues()]
        return [item for item in items if _contradict(self.judgements(item))]

    def waiting(self, judge: str) -> Iterator[Waiting]:
        """Yield the records that wait for this judge, the most informative first.

        Contradictions come first, once for each judge involved. The others are of the sample, in the order of what they
        tell about accuracy, and at random among those that tell the same, so that the judged ones are a random part of
        them. After every third that anybody judged comes a label issue, the likeliest first, and every fifth of a
        judge's records is one that one other judge has judged.
        """
        yield from (replace(item, again=True) for item in self.conflicts() if self._asks_again(item, judge))
        judged = [(item, made) for item in self.records.values() if (made := self.judgements(item))]
        judges = [{judgement.judge for judgement in made} for _, made in judged]
        sampled, own = len(judged), sum(judge in names for names in judges)
        together = sum(len(names) > 1 for names in judges if judge in names)
        doubtful = [item for item in self._issues() if not self.judgements(item)]
        issues, judged_issues = iter(doubtful), len(list(self._issues())) - len(doubtful)
        by_one_other = [item for item, made in judged if len(made) == 1 and made[0].judge != judge and made[0].decides]
        shared = iter(sorted(by_one_other, key=_shuffled))
        for item in self._by_gain():
            if (together + 1) * _SHARED <= own + 1 and (found := next(shared, None)) is not None:
                yield found
                together, own = together + 1, own + 1
            if (judged_issues + 1) * _BETWEEN_ISSUES <= sampled and (found := next(issues, None)) is not None:
                yield found
                judged_issues += 1
            yield item
            sampled, own = sampled + 1, own + 1
        yield from issues
        yield from islice(shared, max(0, sampled // _SHARED - sum(len(names) > 1 for names in judges)))

    def _asks_again(self, item: Waiting, judge: str) -> bool:
        """Whether the judge is one of those who contradict each other, and has answered once."""
        made = self.judgements(item)
        involved = any(own.judge == judge and own.contradicts(other) for own in made for other in made)
        return involved and self.judged.times(item.record_id, judge) == 1

    def _by_gain(self) -> Iterator[Waiting]:
        strata = self.strata()["store"]
        cells: dict[tuple[str, bool], list[Waiting]] = {}
        for item in sorted(self.records.values(), key=_shuffled):
            if not self.judgements(item) and item.stratum in strata:
                cells.setdefault((item.stratum, item.agreed), []).append(item)
        while cells:
            every = list(strata.values())
            name, agreed = max(cells, key=lambda cell: gain(strata[cell[0]], every, agreed=cell[1]))
            yield cells[name, agreed].pop()
            if not cells[name, agreed]:
                del cells[name, agreed]
            # As if the judgement were like those before it.
            count = strata[name].count(agreed)
            right = count.right / count.judged if count.judged else (0.9 if agreed else 0.5)
            strata[name] = with_judged(strata[name], agreed=agreed, right=right)

    def _issues(self) -> Iterator[Waiting]:
        found = self.newest.criterion("label_issues")
        details = [item.get("details", {}) for item in found.statistics] if found else []
        for issue in (issue for item in details for issue in item.get("issues", ())):
            near = tuple((other["category"], other["id"]) for other in issue.get("near", ()))
            if str(issue["id"]) not in self.records:
                labels = issue["stored"], issue["predicted"]
                yield Waiting(issue["id"], *labels, self.newest, origin=Origin.LABEL_ISSUE, near=near)


def _reviewed(run: RecordedRun) -> Iterator[Waiting]:
    for item in run.disagreements:
        if item.record_id is not None and item.stored is not None and item.reviewed is not None:
            yield Waiting(item.record_id, item.stored, item.reviewed, run, item.stratum or "")
    for stratum, by_category in run.agreed_records.items():
        for category, ids in by_category.items():
            yield from (Waiting(key, category, category, run, stratum) for key in ids)


def _contradict(made: Sequence[Judgement]) -> bool:
    return any(first.contradicts(second) for first, second in combinations(made, 2))


def _shuffled(item: Waiting) -> str:
    return sha256(f"{item.run.run_id} {item.record_id}".encode()).hexdigest()


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


def judges_sentence(reviewed: Reviewed) -> str:
    """Return how often judges of the same record agree, in a sentence; empty if no record has two judges."""
    found = reviewed.agreement_of_judges()
    if found is None:
        return ""
    beyond = "" if found.alpha is None else f", Krippendorff's alpha {found.alpha:.2f}"
    open_ones = len(reviewed.conflicts())
    conflicts = f"; judges contradict each other on {count(open_ones, 'record')}" if open_ones else ""
    share = percent(found.agreed / found.pairs)
    return f"judges agree in {found.agreed} of {found.pairs} pairs ({share}{beyond}){conflicts}"
