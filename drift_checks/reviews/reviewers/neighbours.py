"""The default reviewer: a vote of the most similar other records.

It shows whether a stored category fits its neighbourhood. Only the classifier in production can show whether it would
decide differently today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

from drift_checks.core.records import Record, Review
from drift_checks.core.text import count
from drift_checks.reviews.reviewers.base import OnCall, OnCost, OnReview, ignore
from drift_checks.reviews.vectors.base import SPARE, NearRecord, VectorSet

# Similarities of equal vectors differ by no more than this.
_TIED = 1e-6
# Fewer do not make a majority that one of them could not overturn.
FEWEST = 5


class NeighboursReviewer:
    """Decides by a vote of the k nearest other records, each weighted by its similarity.

    The record itself and its exact duplicates do not vote, and fewer than `FEWEST` others decide nothing. The
    confidence is the winner's share of the votes. There is no vote if more others are equally near than may vote: which
    of them the search finds is then arbitrary.
    """

    name = "neighbours"
    model: str | None = None
    comparable_confidence = False

    def __init__(self, vectors: VectorSet, k: int = 11) -> None:
        self._vectors = vectors
        self._k = k

    def review(
        self,
        records: Sequence[Record],
        repeats: Sequence[Record] = (),
        on_call: OnCall = ignore,
        on_review: OnReview = ignore,
        on_cost: OnCost = ignore,
    ) -> Generator[Review, None, None]:
        """Yield a review of each record, then a second one of each record to repeat."""
        for start in range(0, len(records), self._vectors.at_once):
            batch = records[start : start + self._vectors.at_once]
            for record in batch:
                on_call(record.id)
            for review in self._review_batch(batch):
                on_review(review)
                yield review
        for review in self.review(repeats, (), on_call) if repeats else ():
            repeat = replace(review, repeat=True)
            on_review(repeat)
            yield repeat

    def _review_batch(self, records: Sequence[Record]) -> Iterator[Review]:
        found = self._vectors.nearest_others(records, self._k)
        if self._vectors.count < FEWEST:
            held = count(self._vectors.count, self._vectors.noun)
            why = f"there are only {held} to compare with; a vote needs {FEWEST}, not counting the record's own"
            yield from (Review(record.id, failure=why) for record in records)
            return
        for record in records:
            if record.id not in found:
                yield Review(record.id, failure=self._vectors.missing)
            elif self._is_arbitrary(found[record.id]):
                yield Review(record.id, failure="too many others have equally near vectors to choose neighbours")
            else:
                yield _vote(record, found[record.id][: self._k])

    def _is_arbitrary(self, others: Sequence[NearRecord]) -> bool:
        first = others[: self._k + SPARE]
        tied = len(first) > self._k and abs(first[0].similarity - first[-1].similarity) <= _TIED
        return tied and len({other.category for other in first}) > 1


def _vote(record: Record, neighbours: Sequence[NearRecord]) -> Review:
    if not neighbours:
        return Review(record.id, failure="no other record has anything in common with it")
    votes: defaultdict[str, float] = defaultdict(float)
    voting = [(neighbour.category, neighbour) for neighbour in neighbours if neighbour.category is not None]
    if not voting:
        return Review(record.id, failure="no neighbour has a category")
    if len(voting) < FEWEST:
        return Review(record.id, failure=f"only {count(len(voting), 'neighbour')} can vote, {FEWEST} are needed")
    for category, neighbour in voting:
        votes[category] += max(neighbour.similarity, 1e-9)
    winner = max(sorted(votes), key=votes.__getitem__)
    return Review(
        record.id,
        category=winner,
        confidence=votes[winner] / sum(votes.values()),
        rationale=f"{sum(category == winner for category, _ in voting)} of {len(voting)} nearest neighbours",
    )
