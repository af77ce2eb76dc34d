"""The reviewer `neighbours` on the workers of a cluster, in the blocks of records that one process would search for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from drift_checks.core.records import Record, Review
from drift_checks.reviews.cluster.outcomes import fault_of
from drift_checks.reviews.cluster.searching import Searched
from drift_checks.reviews.cluster.worker import WorkerLost
from drift_checks.reviews.cluster.workers import WorkerEnded, Workers
from drift_checks.reviews.reviewers.base import Request
from drift_checks.reviews.reviewers.calls import Callbacks
from drift_checks.reviews.reviewers.limits import Outage
from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer
from drift_checks.reviews.vectors.base import Comparison

# What a search reads of a record.
_SENT = ("text", "category", "chroma_id", "embedding_json")


class ClusterNeighbours:
    """Has each block of records reviewed by a worker, and again by another one if that is lost.

    Attributes:
        comparison: What the records were compared by; None before the first answer.
    """

    name = NeighboursReviewer.name
    model = NeighboursReviewer.model
    comparable_confidence = NeighboursReviewer.comparable_confidence

    def __init__(self, workers: Workers, at_once: int) -> None:
        self.workers = workers
        self.comparison: Comparison | None = None
        self._at_once = at_once
        self._numbers = count()

    async def open(self) -> None:
        """Open the store on the workers; returns when one is ready.

        Raises:
            ClusterUnavailable: There is no scheduler, or no worker.
            DriftError: A worker cannot read the store, or has other versions.
        """
        await self.workers.open()

    async def review(self, requests: Sequence[Request], callbacks: Callbacks) -> None:
        """Have all records reviewed; after an outage, the rest fails.

        Raises:
            DriftError: The store or a worker fails.
        """
        records = [request.record for request in requests]
        blocks = [records[start : start + self._at_once] for start in range(0, len(records), self._at_once)]
        unfinished = dict(enumerate(blocks))

        async def review(number: int) -> None:
            found = await self._found(unfinished[number], callbacks)
            self.comparison = found.comparison
            del unfinished[number]
            for one in found.reviews:
                callbacks.on_review(one)

        fatal: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(len(blocks)):
                    group.create_task(review(number))
        except* Exception as several:
            # An error that ends the run takes precedence over an outage, which only ends the reviews.
            fatal = min(several.exceptions, key=lambda error: isinstance(error, Outage))
        if fatal is not None and not isinstance(fatal, Outage):
            raise fatal
        for block in unfinished.values():
            for record in block:
                callbacks.on_review(Review(record.id, failure=str(fatal), asked=False))

    async def close(self) -> None:
        """Close the store on all workers, and disconnect."""
        await self.workers.close()

    async def _found(self, block: Sequence[Record], callbacks: Callbacks) -> Searched:
        key = next(self._numbers)
        is_first = True
        while True:
            await self.workers.ready(key)
            for record in block if is_first else ():
                callbacks.on_call(record.id)
            is_first = False
            try:
                found: Searched = await self.workers.ask(key, [sent(record) for record in block])
            except WorkerLost:
                continue
            except WorkerEnded:
                raise Outage("two workers ended while they compared the same records") from None
            except Exception as error:
                fault = fault_of(error)
                raise (error if fault is None else fault.error) from None
            return found


def sent(record: Record) -> Record:
    """Return a record with only the values that a search reads."""
    return Record(record.id, record.stratum, {name: record.values[name] for name in _SENT if record.has(name)})
