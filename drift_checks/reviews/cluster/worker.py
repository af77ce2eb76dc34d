"""A worker of the cluster, as the run sees it: the questions that it has, and what became of them."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any

from drift_checks.core.errors import DriftError
from drift_checks.reviews.cluster import session
from drift_checks.reviews.cluster.connection import Connection, Task
from drift_checks.reviews.cluster.outcomes import Failure
from drift_checks.reviews.cluster.service import Shipment

_COLLECT_SECONDS = 5.0
# A worker that answers nothing for so long hangs.
_SILENT_SECONDS = 20.0
_LOGGER = logging.getLogger(__name__)


class WorkerLost(ConnectionError):
    """The worker ended, or does not answer."""


class Worker:
    """A worker with what answers questions there.

    Attributes:
        load: The number of questions that it has or that wait for their turn.
        is_reserved: Whether it has only one question, and gets no other.
        is_started: Whether its session has begun, so that it is only a matter of time until it is open.
        lost_at: When it was lost.
        refusal: Why what answers there cannot be used.
    """

    def __init__(self, connection: Connection, address: str, shipment: Shipment, timeout: float) -> None:
        self.address = address
        self.load = 0
        self.is_open = False
        self.is_reserved = False
        self.is_started = False
        self.lost_at: float | None = None
        self.refusal: DriftError | None = None
        self._connection = connection
        self._arguments = shipment, timeout
        self._name = f"drift-checks-{uuid.uuid4().hex}"
        self._numbers = count()
        self._waiting: session.Block = []
        self._has_waiting = asyncio.Event()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._notice: Callable[[Worker], None] = lambda _: None
        self._task: Task | None = None
        self._state: tuple[bool, bool, DriftError | None] = (False, False, None)
        self._closed = asyncio.Event()

    def start(self, notice: Callable[[Worker], None]) -> None:
        """Open what answers on the worker; `notice` is called with each change."""
        self._notice = notice
        self._task = self._connection.submit(self.address, session.serve, self._name, *self._arguments)
        self._tasks = [asyncio.create_task(self._guarded(run)) for run in (self._collect, self._deliver)]

    async def ask(self, question: Any) -> Any:
        """Return the answer to a question.

        Raises:
            WorkerLost: It is not known whether there was an answer.
        """
        if self.lost_at is not None:
            raise self._loss()
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        self._waiting.append((number, question))
        self._has_waiting.set()
        try:
            return await answer
        finally:
            self._answers.pop(number, None)

    def lose(self) -> None:
        """Give the worker up: its questions fail."""
        if self.lost_at is not None:
            return
        self.is_open, self.lost_at = False, time.monotonic()
        self._closed.set()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._loss())
        if self._task is not None:
            self._task.release()
        self._notice(self)

    async def end(self) -> None:
        """Abandon its questions, and close what answers them."""
        if self.lost_at is None:
            with suppress(Exception):
                await self._connection.run(self.address, session.end, self._name)
                await self._closed.wait()
        self.lose()

    async def _collect(self) -> None:
        while not self._closed.is_set():
            async with asyncio.timeout(_COLLECT_SECONDS + _SILENT_SECONDS):
                progress = await self._connection.run(self.address, session.collect, self._name, _COLLECT_SECONDS)
            self._take(progress)

    def _take(self, progress: session.Progress) -> None:
        for number, outcome in progress.outcomes.items():
            answer = self._answers.get(number)
            if answer is None or answer.done():
                # Nobody waits for it any more.
                continue
            if isinstance(outcome, Failure):
                answer.set_exception(outcome.as_exception())
            else:
                answer.set_result(outcome)
        if progress.problem:
            _LOGGER.warning("what ran on %s could not be closed: %s", self.address, progress.problem)
        changed = (progress.is_started, progress.is_open, progress.refusal) != self._state
        self._state = progress.is_started, progress.is_open, progress.refusal
        self.is_started, self.is_open, self.refusal = self._state
        if progress.is_closed:
            self.lose()
        elif changed:
            self._notice(self)

    async def _deliver(self) -> None:
        while True:
            await self._has_waiting.wait()
            self._has_waiting.clear()
            block, self._waiting = self._waiting, []
            await self._connection.run(self.address, session.deliver, self._name, block)

    async def _guarded(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await run()
        except Exception as error:
            # Whatever Dask raises for a worker that is not there any more.
            _LOGGER.info("lost the worker %s", self.address, extra={"error": type(error).__name__})
            self.lose()

    def _loss(self) -> WorkerLost:
        return WorkerLost(f"the worker {self.address} was lost")
