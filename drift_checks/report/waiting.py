"""Which records wait for a judgement, the most informative first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import combinations, islice

from drift_checks.core.records import RecordId
from drift_checks.report.changes import versions_of
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.judged_reviews import JudgedReviews, ReviewedSample
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement, Origin, hash_of
from drift_checks.statistics.accuracy import gain, with_judged

# A label issue follows so many records of the sample.
_BETWEEN_ISSUES = 3
# One in so many records has been judged by one other judge, so that the agreement of judges can be measured.
_SHARED = 5


@dataclass(frozen=True)
class Waiting:
    """A record to judge: the categories that it has in the store and by the reviewer, or by `label_issues`.

    Attributes:
        near: The ids of the nearest records with either label, by category, as far as the run recorded them.
        again: Whether the judge has judged it, and another judge contradicts.
        before: What the judge said of it, which the answer replaces.
    """

    record_id: RecordId
    stored: str
    reviewed: str
    run: RecordedRun
    stratum: str = ""
    origin: Origin = Origin.REVIEW
    near: tuple[tuple[str, RecordId], ...] = ()
    again: bool = False
    before: Judgement | None = None

    @property
    def agreed(self) -> bool:
        """Whether both categories are the same."""
        return self.stored == self.reviewed

    def is_of(self, judgement: Judgement) -> bool:
        """Whether the judgement is about these categories of the record."""
        mine = (str(self.record_id), self.stored, self.reviewed)
        return mine == (str(judgement.record_id), judgement.stored, judgement.reviewed)

    def judgement(
        self, text: str, answer: Answer, judge: str, made: datetime, category: str = "", *, blind: bool = False
    ) -> Judgement:
        """Return what the judge says of the record, which has this text; it keeps the origin of what it replaces."""
        before = self.before
        return Judgement(
            store=self.run.store.identity,
            record_id=self.record_id,
            text_hash=hash_of(text),
            stored=self.stored,
            reviewed=self.reviewed,
            answer=answer,
            judge=judge,
            made=made,
            category=category,
            run_id=self.run.run_id if before is None else before.run_id,
            origin=self.origin if before is None else before.origin,
            versions=versions_of(self.run) if before is None else before.versions,
            blind=blind,
        )


class Reviewed:
    """The records that runs of one store reviewed with the versions of the newest run, and their judgements.

    Args:
        runs: The runs of the store, oldest first, at least one.
        judged: The judgements of the store.
    """

    def __init__(self, runs: Sequence[RecordedRun], judged: Judged) -> None:
        self.newest = runs[-1]
        self.judged = judged
        self.reviews = JudgedReviews(list(map(ReviewedSample.of_recorded, runs)), judged)
        by_id = {run.run_id: run for run in runs}
        self._runs = by_id
        self.records = {
            key: Waiting(item.record_id, item.stored, item.reviewed, by_id[item.run_id], item.stratum)
            for key, item in (self.reviews.others | self.reviews.records).items()
        }

    def judgements(self, item: Waiting) -> list[Judgement]:
        """Return what was judged of these categories of the record."""
        made = self._of_any_origin(item)
        if item.origin is Origin.REVIEW:
            # One that was judged out of its turn waits again, since the judged ones must be a random part.
            made = [each for each in made if each.origin is Origin.REVIEW]
        return made

    def _of_any_origin(self, item: Waiting) -> list[Judgement]:
        return [each for each in self.judged.of_record(item.record_id) if item.is_of(each)]

    def disagreements(self) -> tuple[int, int]:
        """Return how many records on which store and reviewer disagree are judged, and of how many."""
        found = [item for item in self.records.values() if not item.agreed]
        return sum(bool(self.judgements(item)) for item in found), len(found)

    def conflicts(self) -> list[Waiting]:
        """Return the records with judgements that contradict each other."""
        items = [*self.records.values(), *self._issues()]
        return [item for item in items if _contradict(self._of_any_origin(item))]

    def picked(self, record_id: str, judge: str) -> Waiting | None:
        """Return the record with this id for the judge, judged or not; None if it was neither reviewed nor judged.

        An answer that replaces one keeps its origin: what was judged by its turn goes on counting in the accuracy.
        """
        found = self.records.get(record_id)
        item = next((each for each in self._issues() if str(each.record_id) == record_id), None)
        if found is not None:
            item = replace(found, origin=Origin.PICKED)
        elif item is None and (made := self.judged.of_record(record_id)):
            # Of a run that used other versions, or imported.
            newest = max(made, key=lambda each: each.made)
            run = self._runs.get(newest.run_id, self.newest)
            origin = Origin.LABEL_ISSUE if newest.origin is Origin.LABEL_ISSUE else Origin.PICKED
            item = Waiting(newest.record_id, newest.stored, newest.reviewed, run, origin=origin)
        return None if item is None else replace(item, before=self._before(item, judge))

    def _before(self, item: Waiting, judge: str) -> Judgement | None:
        return next((each for each in self._of_any_origin(item) if each.judge == judge), None)

    def waiting(self, judge: str) -> Iterator[Waiting]:
        """Yield the records that wait for this judge, the most informative first.

        Contradictions come first, once for each judge involved. Then come records of the sample: those first that tell
        the most about accuracy, in random order among equals, so that the judged ones are a random part of them. After
        every third that anybody judged comes a label issue, the likeliest first. One in five of a judge's records has
        been judged by one other judge.
        """
        for item in self.conflicts():
            if self._asks_again(item, judge):
                yield replace(item, again=True, before=self._before(item, judge))
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
        made = self._of_any_origin(item)
        involved = any(own.judge == judge and own.contradicts(other) for own in made for other in made)
        return involved and self.judged.times(item.record_id, judge) == 1

    def _by_gain(self) -> Iterator[Waiting]:
        strata = self.reviews.strata()["store"]
        cells: dict[tuple[str, bool], list[Waiting]] = {}
        for item in sorted(self.records.values(), key=_shuffled):
            if str(item.record_id) in self.reviews.records and not self.judgements(item) and item.stratum in strata:
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
        others = [item for key, item in self.records.items() if key in self.reviews.others and not item.agreed]
        yield from (item for item in others if not self.judgements(item))

    def _issues(self) -> Iterator[Waiting]:
        found = self.newest.criterion("label_issues")
        details = [item.get("details", {}) for item in found.statistics] if found else []
        for issue in (issue for item in details for issue in item.get("issues", ())):
            near = tuple((other["category"], other["id"]) for other in issue.get("near", ()))
            if str(issue["id"]) not in self.records:
                labels = issue["stored"], issue["predicted"]
                yield Waiting(issue["id"], *labels, self.newest, origin=Origin.LABEL_ISSUE, near=near)


def _contradict(made: Sequence[Judgement]) -> bool:
    return any(first.contradicts(second) for first, second in combinations(made, 2))


def _shuffled(item: Waiting) -> str:
    return sha256(f"{item.run.run_id} {item.record_id}".encode()).hexdigest()
