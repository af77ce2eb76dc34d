"""The part of a review that runs on a worker: a service, opened once, and the questions that it answers.

The task `serve` holds the service from the first question to the last, so that the scheduler knows that the worker is
busy. The run hands out questions with `deliver` and fetches outcomes with `collect`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

from distributed import WorkerPlugin, get_worker, secede

from drift_checks.core.errors import DriftError
from drift_checks.reviews.cluster.outcomes import Failure
from drift_checks.reviews.cluster.service import Service, Shipment
from drift_checks.reviews.reviewers.failures import describe, internal_error
from drift_checks.reviews.reviewers.threads import Loop

# A run that fetches nothing for so long is gone.
_LEASE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_MOMENT_SECONDS = 0.005
# How long a worker that is closed waits for calls in flight.
_LEAVING_SECONDS = 10.0
# Numbered questions.
Block = list[tuple[int, Any]]
_sessions: dict[str, Session] = {}


@dataclass
class Progress:
    """What happened on a worker since the run last asked.

    Attributes:
        outcomes: The answers and failures, by the number of the question.
        is_started: Whether the session has begun.
        is_open: Whether the service is ready.
        refusal: Why it cannot be used.
        problem: Why it could not be closed.
        is_closed: Whether the session has ended.
    """

    outcomes: dict[int, Any] = field(default_factory=dict)
    is_started: bool = False
    is_open: bool = False
    refusal: DriftError | None = None
    problem: str = ""
    is_closed: bool = False


def serve(name: str, shipment: Shipment, timeout: float) -> None:
    """Hold the service until the run ends; the task leaves its place among the worker's threads to others."""
    worker: Any = get_worker()
    secede()
    session = Session(shipment, timeout, worker.loop.asyncio_loop)
    _sessions[name] = session
    worker.loop.add_callback(worker.plugin_add, plugin=_Ending(session), name=name)
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(session.run())
    finally:
        worker.loop.add_callback(worker.plugin_remove, name=name)
        worker.loop.add_callback(worker.loop.call_later, _LEASE_SECONDS, _sessions.pop, name, None)


def deliver(name: str, block: Block) -> None:
    """Start to answer a block of questions."""
    _sessions[name].start(block)


async def collect(name: str, seconds: float) -> Progress:
    """Return what happened on this worker, as soon as there is something, and at the latest after so many seconds."""
    session = _sessions.get(name)
    if session is None:
        # The task waits for a free thread.
        await asyncio.sleep(min(seconds, _LOOK_SECONDS))
        return Progress()
    progress = await session.progress(seconds)
    if progress.is_closed:
        _sessions.pop(name, None)
    return progress


def end(name: str) -> None:
    """Have the session abandon its questions, close its service and end."""
    if name in _sessions:
        _sessions[name].end(patience=0.0)


class Session:
    """A service on a worker; `start`, `progress` and `end` are called on the worker's event loop."""

    def __init__(self, shipment: Shipment, timeout: float, outer: asyncio.AbstractEventLoop) -> None:
        self._shipment = shipment
        self._timeout = timeout
        self._outer = outer
        self._inner: asyncio.AbstractEventLoop | None = None
        self._progress = Progress(is_started=True)
        self._news = asyncio.Event()
        self._ending = asyncio.Event()
        self._is_ending = False
        self._patience = 0.0
        self._calls: set[asyncio.Task[None]] = set()
        self._heard = time.monotonic()
        self.ended = asyncio.Event()

    def start(self, block: Block) -> None:
        """Start to answer a block of questions."""
        if self._inner is None or self._is_ending:
            raise RuntimeError("the session has ended")
        self._heard = time.monotonic()
        self._inner.call_soon_threadsafe(self._start, block)

    async def progress(self, seconds: float) -> Progress:
        """Return what happened since the last call."""
        self._heard = time.monotonic()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
                # The answers of other calls are often there a moment later, and each fetch costs more than that.
                await asyncio.sleep(_MOMENT_SECONDS)
        except TimeoutError:
            pass
        self._heard = time.monotonic()
        self._news.clear()
        found = self._progress
        self._progress = replace(found, outcomes={})
        return found

    def end(self, patience: float) -> None:
        """Accept no more questions, wait so many seconds for answers, close the service, and end."""
        self._is_ending, self._patience = True, patience
        if self._inner is not None:
            self._inner.call_soon_threadsafe(self._ending.set)

    async def run(self) -> None:
        """Open the service, have it answer until the end, and close it; runs on a loop of its own."""
        self._inner = asyncio.get_running_loop()
        service = None
        try:
            service = await self._opened()
            if service is not None:
                self._service = service
                self._tell(is_open=True)
                await self._until_the_end()
        finally:
            if service is not None:
                await self._close(service)
            self._tell(is_closed=True)
            self._outer.call_soon_threadsafe(self.ended.set)

    async def _opened(self) -> Service | None:
        try:
            service = self._shipment.unpack()
            await service.open()
        except DriftError as error:
            self._tell(refusal=error)
        except Exception as error:
            self._tell(refusal=internal_error(error))
        else:
            return service
        return None

    async def _until_the_end(self) -> None:
        while not self._ending.is_set() and time.monotonic() - self._heard < _LEASE_SECONDS:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._ending.wait()
            except TimeoutError:
                continue
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._patience)
        for call in self._calls:
            call.cancel()

    async def _close(self, service: Service) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await service.close()
        except Exception as error:
            self._tell(problem=describe(error))

    def _start(self, block: Block) -> None:
        for number, question in block:
            call = asyncio.get_running_loop().create_task(self._call(number, question))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(self, number: int, question: Any) -> None:
        outcome: Any
        try:
            async with asyncio.timeout(self._timeout) as limit:
                outcome = await self._service.answer(question)
        except Exception as error:
            late = isinstance(error, TimeoutError) and limit.expired()
            error = TimeoutError(f"no answer within {self._timeout:g} s") if late else error
            outcome = Failure.of(error, self._service)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            outcome = Failure("RuntimeError", "the call cancelled itself")
        self._outer.call_soon_threadsafe(self._add, number, outcome)

    def _add(self, number: int, outcome: Any) -> None:
        self._progress.outcomes[number] = outcome
        self._news.set()

    def _tell(self, **changes: Any) -> None:
        def tell() -> None:
            for name, value in changes.items():
                setattr(self._progress, name, value)
            self._news.set()

        self._outer.call_soon_threadsafe(tell)


class _Ending(WorkerPlugin):
    """Ends a session before its worker closes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def teardown(self, worker: Any) -> None:
        """End the session, and wait until its service is closed."""
        self._session.end(_LEAVING_SECONDS)
        await self._session.ended.wait()
