"""The connection to a Dask cluster: one that is there, or one that is started on this machine for the run."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Any, Protocol

from drift_checks.core.errors import EXIT_TRY_AGAIN, ReviewerError
from drift_checks.settings.declarations import LOCAL

CONNECT_SECONDS = 10.0
# How long a run waits for the first worker, or for another one after the last was lost.
WORKER_SECONDS = 60.0
_CHECKED = {"python": "Python", "drift_checks": "drift_checks", "distributed": "distributed"}


class ClusterUnavailable(ReviewerError):
    """The cluster cannot be reached, or has no workers; a later run may succeed."""

    exit_code = EXIT_TRY_AGAIN


class Task(Protocol):
    """A task on the cluster."""

    def release(self) -> None:
        """Have the scheduler forget the task."""


class Connection:
    """A connection to a scheduler, used on the event loop that opened it.

    Args:
        address: The scheduler's address, or `local` for a cluster that the connection starts, and ends with itself.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_local = address == LOCAL
        self._client: Any = None
        self._cluster: Any = None
        self._changes = ExitStack()

    @property
    def title(self) -> str:
        """The scheduler in messages."""
        return "the local cluster" if self.is_local else f"the scheduler {self.address}"

    async def open(self) -> None:
        """Connect to the scheduler.

        Raises:
            ClusterUnavailable: It cannot be reached.
        """
        from distributed import Client

        self._changes.enter_context(_without_logs())
        try:
            server = await self._start() if self.is_local else self.address
            self._client = await Client(
                server, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False, name="drift-checks"
            )
        except (OSError, RuntimeError, ValueError, ImportError) as error:
            await self.close()
            raise self._unreachable(error) from None

    async def workers(self) -> dict[str, int]:
        """Return the number of threads of each worker.

        Raises:
            ClusterUnavailable: The scheduler does not answer.
        """
        client = self._client
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if client is None or client.status != "running":
                    raise OSError
                found: dict[str, int] = await client.nthreads()
        except (OSError, TimeoutError):
            raise ClusterUnavailable("cluster", f"{self.title} does not answer any more") from None
        return found

    async def wait_for_workers(self, seconds: float) -> dict[str, int]:
        """Return the workers, as soon as there are any; a cluster that grows on demand is asked for one.

        Raises:
            ClusterUnavailable: No worker came within these seconds.
        """
        asking = None
        try:
            async with asyncio.timeout(seconds):
                while not (found := await self.workers()):
                    asking = asking or self._client.submit(int, pure=False)
                    await asyncio.sleep(0.2)
        except TimeoutError:
            remedy = f"start some, as with: dask worker {self.address}"
            raise ClusterUnavailable("cluster", f"{self.title} has no worker after {seconds:g} s", remedy) from None
        return found

    async def check_versions(self, workers: Iterable[str]) -> None:
        """Refuse a scheduler and workers with other versions than this process.

        Raises:
            ReviewerError: The versions differ.
        """
        if self.is_local:
            return
        from distributed.versions import get_versions

        places = {"the scheduler": self._client.run_on_scheduler(get_versions, ["drift_checks"])}
        for address in sorted(workers):
            places[f"the worker {address}"] = self.run(address, get_versions, ["drift_checks"])
        answers = await asyncio.gather(*map(_in_time, places.values()))
        here = _versions(get_versions(["drift_checks"]))
        for place, found in zip(places, answers, strict=True):
            # One that hangs takes no part.
            there = here if found is None else _versions(found)
            for name, title in _CHECKED.items():
                if there[name] != here[name]:
                    has = f"{title} {there[name]}" if there[name] else f"no {title}"
                    problem = f"{place} of {self.address} has {has}, this process has {here[name]}"
                    raise ReviewerError("cluster", problem, "install the same versions on both")

    def submit(self, address: str, function: Callable[..., object], *arguments: object) -> Task:
        """Start a task on one worker and on no other."""
        task: Task = self._client.submit(
            function, *arguments, workers=[address], allow_other_workers=False, pure=False, retries=0
        )
        return task

    async def run(self, address: str, function: Callable[..., Any], *arguments: object) -> Any:
        """Return what a function returns on a worker's event loop."""
        return (await self._client.run(function, *arguments, workers=[address]))[address]

    async def close(self) -> None:
        """Disconnect, and end a cluster that was started."""
        client, self._client = self._client, None
        cluster, self._cluster = self._cluster, None
        with suppress(Exception):
            if client is not None:
                await client.close(timeout=1)
        with suppress(Exception):
            if cluster is not None:
                await cluster.close(timeout=5)
        self._changes.close()

    async def _start(self) -> Any:
        from dask import config
        from dask.system import CPU_COUNT
        from distributed import LocalCluster

        self._changes.enter_context(_without_main())
        self._changes.enter_context(config.set({"distributed.scheduler.reuse-broadcast-comm": True}))
        # Ctrl-C reaches all processes of a terminal, and the workers end with the run. They inherit what this thread
        # blocks, unless its first child is the tracker, which unblocks it.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._cluster = LocalCluster(
            n_workers=CPU_COUNT,
            threads_per_worker=1,
            host="127.0.0.1",
            # It has no dashboard, but a server of its metrics.
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=None,
            # Whoever could connect would run code as this user.
            security=True,
            asynchronous=True,
            silence_logs=logging.CRITICAL,
        )
        # At the end of the process its loop does not run any more, and its workers end with the process.
        self._cluster.shutdown_on_close = False
        return await self._cluster

    def _unreachable(self, error: Exception) -> ClusterUnavailable:
        if self.is_local:
            return ClusterUnavailable("cluster", f"no local cluster could be started ({error})", "omit --drift-cluster")
        return ClusterUnavailable(
            "cluster", f"{self.title} cannot be reached", "start it, or name another with --drift-cluster=ADDRESS"
        )


async def _in_time(answer: Awaitable[Any]) -> Any:
    """Return the answer, None if there is none."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            return await answer
    return None


def _versions(found: Any) -> dict[str, str | None]:
    packages = found["packages"]
    # Code is sent as it is compiled, which differs between minor versions.
    python = ".".join(str(packages["python"]).split(".")[:2])
    return {"python": python, "distributed": packages["distributed"], "drift_checks": packages["drift_checks"]}


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep new processes from running the caller's script again, which may start a review of its own."""
    main = sys.modules["__main__"]
    before: dict[str, Any] = {name: vars(main).pop(name) for name in ("__file__", "__spec__") if name in vars(main)}
    main.__spec__ = None
    try:
        yield
    finally:
        vars(main).update(before)


@contextmanager
def _without_logs() -> Iterator[None]:
    """Silence Dask's loggers, which print: what matters of it is said by the run."""
    import distributed  # noqa: F401 - it configures its loggers

    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    silenced = [logger for logger in map(logging.getLogger, names) if not logger.disabled]
    for logger in silenced:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in silenced:
            logger.disabled = False
