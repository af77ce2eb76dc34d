"""Blocking code beside an event loop, in daemon threads, which never delay the end of the process.

The interpreter waits for the threads of an executor, so a classifier that hangs would keep a run from stopping.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Run the function in a new thread and return its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(function, *arguments)
        except BaseException as error:
            failure = _as_exception(error)
            _hand_over(loop, future, lambda: future.set_exception(failure))
        else:
            _hand_over(loop, future, lambda: future.set_result(result))

    Thread(target=run, daemon=True, name="drift-classify").start()
    return await future


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose default executor is daemon threads, which run name lookups and users' code."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run a function in the executor, or in a new thread if there is none."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        return self.create_task(in_thread(func, *args))


def _as_exception(error: BaseException) -> Exception:
    # A future cannot hold a StopIteration, and the SystemExit of sys.exit must not end the run.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _hand_over(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if future.done() else settle())
    except RuntimeError:
        # The loop is closed, so nobody waits for the result.
        return
