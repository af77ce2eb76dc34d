"""Blocking code beside an event loop, in threads that never hold up the end of the process.

The threads of an executor are waited for when the interpreter ends; a classifier that hangs would keep a run that was
told to stop from stopping.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


async def in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return what the function returns, run in a thread of its own."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(function, *arguments)
        except BaseException as error:
            failure = _fit_for_future(error)
            _hand_over(loop, future, lambda: future.set_exception(failure))
        else:
            _hand_over(loop, future, lambda: future.set_result(result))

    Thread(target=run, daemon=True, name="drift-classify").start()
    return await future


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose default executor is threads of this kind: for names that it looks up, and for users' code."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Run a function in the executor, or in a thread of its own where none is given."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        return self.create_task(in_thread(func, *args))


def _fit_for_future(error: BaseException) -> Exception:
    # A future cannot carry a StopIteration, and what would end this thread, as sys.exit does, is no end of the run.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _hand_over(loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if future.done() else settle())
    except RuntimeError:
        # The loop has ended, and nobody waits for this any more.
        return
