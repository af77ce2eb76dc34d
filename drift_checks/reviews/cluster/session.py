"""The part of a review that runs on a worker: the classifier, opened once, and its calls.

The task `serve` holds the classifier from the first record to the last, so that the scheduler knows that the worker is
busy. The run hands out records with `deliver` and fetches outcomes with `collect`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

from distributed import WorkerPlugin, get_worker, secede

from drift_checks.core.errors import DriftError
from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.cluster.outcomes import Failure, Outcome
from drift_checks.reviews.cluster.shipping import Shipment
from drift_checks.reviews.reviewers.base import Request
from drift_checks.reviews.reviewers.failures import describe, internal_error
from drift_checks.reviews.reviewers.own import OwnClassifier
from drift_checks.reviews.reviewers.threads import Loop

# A run that fetches nothing for so long is gone.
_LEASE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_MOMENT_SECONDS = 0.005
# How long a worker that is closed waits for calls in flight.
_LEAVING_SECONDS = 10.0
Block = list[tuple[int, str]]
_sessions: dict[str, Session] = {}


@dataclass
class Progress:
    """What happened on a worker since the run last asked.

    Attributes:
        outcomes: The outcomes of calls, by the number of the call.
        is_started: Whether the session has begun.
        is_open: Whether the classifier is ready.
        refusal: Why it cannot be used.
        problem: Why it could not be closed.
        is_closed: Whether the session has ended.
    """

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    is_started: bool = False
    is_open: bool = False
    refusal: DriftError | None = None
    problem: str = ""
    is_closed: bool = False


def serve(name: str, shipment: Shipment, timeout: float) -> None:
    """Hold the classifier until the run ends; the task leaves its place among the worker's threads to others."""
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
    """Start calls for a block of numbered texts."""
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
    """Have the session abandon calls in flight, close its classifier and end."""
    if name in _sessions:
        _sessions[name].end(patience=0.0)


class Session:
    """A classifier on a worker; `start`, `progress` and `end` are called on the worker's event loop."""

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
        """Start calls for a block of numbered texts."""
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
        """Accept no more texts, wait so many seconds for calls in flight, close the classifier, and end."""
        self._is_ending, self._patience = True, patience
        if self._inner is not None:
            self._inner.call_soon_threadsafe(self._ending.set)

    async def run(self) -> None:
        """Open the classifier, have it called until the end, and close it; runs on a loop of its own."""
        self._inner = asyncio.get_running_loop()
        classifier = None
        try:
            classifier = await self._opened()
            if classifier is not None:
                self._classifier = classifier
                self._tell(is_open=True)
                await self._until_the_end()
        finally:
            if classifier is not None:
                await self._close(classifier)
            self._tell(is_closed=True)
            self._outer.call_soon_threadsafe(self.ended.set)

    async def _opened(self) -> OwnClassifier | None:
        try:
            classifier = self._shipment.unpack()
            await classifier.open()
        except DriftError as error:
            self._tell(refusal=error)
        except Exception as error:
            self._tell(refusal=internal_error(error))
        else:
            return classifier
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

    async def _close(self, classifier: OwnClassifier) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await classifier.close()
        except Exception as error:
            self._tell(problem=describe(error))

    def _start(self, block: Block) -> None:
        for number, text in block:
            call = asyncio.get_running_loop().create_task(self._call(number, text))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(self, number: int, text: str) -> None:
        started = time.monotonic()
        outcome: Outcome
        try:
            async with asyncio.timeout(self._timeout) as limit:
                answer = await self._classifier.classify(_request(number, text))
            usage = replace(answer.usage, seconds=time.monotonic() - started)
            outcome = replace(answer, usage=usage)
        except Exception as error:
            late = isinstance(error, TimeoutError) and limit.expired()
            error = TimeoutError(f"no answer within {self._timeout:g} s") if late else error
            outcome = Failure.of(error, self._classifier)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            outcome = Failure("RuntimeError", "the call cancelled itself")
        self._outer.call_soon_threadsafe(self._add, number, outcome)

    def _add(self, number: int, outcome: Outcome) -> None:
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
        """End the session, and wait until its classifier is closed."""
        self._session.end(_LEAVING_SECONDS)
        await self._session.ended.wait()


def _request(number: int, text: str) -> Request:
    return Request(Record(number, Stratum.BASELINE, {"text": text}))
