"""The workers of a cluster during a review: which of them answers which question, and what becomes of a lost one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from drift_checks.core.errors import DriftError
from drift_checks.reviews.cluster.connection import WORKER_SECONDS, ClusterUnavailable, Connection
from drift_checks.reviews.cluster.service import Shipment
from drift_checks.reviews.cluster.worker import Worker, WorkerLost
from drift_checks.reviews.reviewers.limits import Outage

_LOOK_SECONDS = 0.5
# A worker that was lost, but is still listed, may be another one at the same address.
_AGAIN_SECONDS = 15.0
_LOGGER = logging.getLogger(__name__)


class WorkerEnded(Exception):
    """A worker ended during this call, its only one, after another had."""


class _Turn(NamedTuple):
    """The worker of a call, and whether the call is its only one."""

    worker: Worker
    is_alone: bool


class Workers:
    """Asks the workers of a cluster, each question the one with the fewest questions in flight.

    A question whose worker was lost is asked again on a worker without other questions: if that is lost too, the
    question is the cause, and fails.

    Attributes:
        capacity: The number of questions that they can answer at once; known once they are open.
        opened: The workers that took part.
    """

    def __init__(self, connection: Connection, shipment: Shipment, concurrency: int, timeout: float) -> None:
        self.capacity = concurrency
        self.opened: set[str] = set()
        self._connection = connection
        self._shipment = shipment
        self._concurrency = concurrency
        self._timeout = timeout
        self._workers: dict[str, Worker] = {}
        self._changed = asyncio.Event()
        self._failure: Exception | None = None
        self._since = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._losses: Counter[Hashable] = Counter()
        self._turns: dict[Hashable, _Turn] = {}
        self._lone = asyncio.Lock()

    async def open(self) -> None:
        """Connect to the cluster, and open what answers on its workers; returns when one is ready.

        Raises:
            ClusterUnavailable: There is no scheduler, or no worker.
            DriftError: What answers cannot be used on the workers, or these have other versions.
        """
        await self._connection.open()
        found = await self._connection.wait_for_workers(WORKER_SECONDS)
        await self._connection.check_versions(found)
        self.capacity = len(found) if self._concurrency == 1 else max(self._concurrency, sum(found.values()))
        self._workers.clear()
        self._changed, self._lone, self._failure = asyncio.Event(), asyncio.Lock(), None
        self._since = time.monotonic()
        self._looking = asyncio.create_task(self._look_for_workers())
        await self._until(self._free)

    async def ready(self, key: Hashable) -> None:
        """Wait for a worker for the question with this key."""
        if self._losses[key]:
            self._turns[key] = _Turn(await self._alone(), is_alone=True)
            return
        while (worker := self._free()) is None:
            await self._until(self._free)
        worker.load += 1
        self._turns[key] = _Turn(worker, is_alone=False)

    async def ask(self, key: Hashable, question: Any) -> Any:
        """Return the answer of the worker that `ready` waited for.

        Raises:
            WorkerLost: The worker was lost; the question may be asked again.
            WorkerEnded: So was a second one.
        """
        worker, is_alone = self._turns.pop(key)
        try:
            return await worker.ask(question)
        except WorkerLost:
            self._losses[key] += 1
            if is_alone:
                raise WorkerEnded("two workers ended during its call, the second without other calls") from None
            raise
        finally:
            worker.load -= 1
            if is_alone:
                worker.is_reserved = False
                self._lone.release()
            self._notify()

    async def close(self) -> None:
        """Close what answers on all workers, and disconnect."""
        if self._looking is not None:
            self._looking.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(*(worker.end() for worker in self._workers.values()))
        await self._connection.close()

    def _free(self) -> Worker | None:
        """Return the open worker with the fewest calls in flight."""
        workers = [worker for worker in self._workers.values() if worker.is_open and not worker.is_reserved]
        found = min(workers, key=lambda worker: worker.load, default=None)
        # Its code may not bear two calls at once.
        is_full = found is not None and found.load and self._concurrency == 1
        return None if is_full else found

    async def _alone(self) -> Worker:
        """Return a worker without calls in flight, which gets no other until this one has ended."""
        await self._lone.acquire()
        try:
            while True:
                while (worker := self._free()) is None:
                    await self._until(self._free)
                worker.is_reserved = True
                await self._until(partial(_is_settled, worker))
                if worker.is_open:
                    worker.load += 1
                    return worker
                worker.is_reserved = False
        except BaseException:
            self._lone.release()
            raise

    async def _until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds, or raise why it never will."""
        while not condition():
            if self._failure is not None:
                raise self._failure
            self._changed.clear()
            await self._changed.wait()

    def _notify(self) -> None:
        self._changed.set()

    async def _look_for_workers(self) -> None:
        """Open what answers on each worker that joins, and notice that there are none."""
        try:
            while True:
                self._welcome(await self._connection.workers())
                await asyncio.sleep(_LOOK_SECONDS)
        except DriftError as error:
            self._fail(error)
        except Exception as error:
            _LOGGER.exception("the cluster could not be looked at")
            self._fail(error)

    def _welcome(self, found: dict[str, int]) -> None:
        now = time.monotonic()
        for address, worker in list(self._workers.items()):
            if address not in found:
                worker.lose()
            is_another = worker.lost_at is not None and now - worker.lost_at > _AGAIN_SECONDS
            if address not in found or (is_another and worker.refusal is None):
                del self._workers[address]
        for address in found:
            if address not in self._workers:
                worker = Worker(self._connection, address, self._shipment, self._timeout)
                self._workers[address] = worker
                worker.start(self._notice)
        if any(worker.is_open for worker in self._workers.values()):
            self._since = now
        waiting = any(worker.is_started and worker.lost_at is None for worker in self._workers.values())
        if now - self._since > WORKER_SECONDS and not waiting:
            problem = f"{self._connection.title} has had no usable worker for {WORKER_SECONDS:g} s"
            self._fail(ClusterUnavailable("cluster", problem))

    def _notice(self, worker: Worker) -> None:
        """Take note of a change of a worker."""
        if worker.is_open:
            self.opened.add(worker.address)
        elif worker.refusal is not None:
            if self.opened:
                _LOGGER.warning("the worker %s cannot be used: %s", worker.address, worker.refusal)
            else:
                self._fail(worker.refusal)
        self._notify()

    def _fail(self, error: Exception) -> None:
        # Once there are reviews, these are kept, and the others were not made.
        self._failure = Outage(error.problem) if self.opened and isinstance(error, ClusterUnavailable) else error
        for worker in self._workers.values():
            worker.lose()
        self._notify()


def _is_settled(worker: Worker) -> bool:
    return not worker.load or not worker.is_open
