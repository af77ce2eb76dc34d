"""Blocking code beside an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
import time
from asyncio import CancelledError
from threading import Barrier, Event, Thread

import pytest

from drift_checks.reviews.reviewers.threads import Loop, in_thread

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="unset")


def run(function: object, *arguments: object) -> object:
    """Return what awaiting the function in a thread comes to."""

    async def main() -> object:
        return await in_thread(function, *arguments)  # type: ignore[arg-type]

    return asyncio.run(main())


def test_a_result_is_returned_from_a_daemon_thread() -> None:
    """It never delays the end of the process."""
    assert run(divmod, 17, 5) == (3, 2)
    thread = run(threading.current_thread)
    assert isinstance(thread, Thread)
    assert (thread.daemon, thread is threading.main_thread()) == (True, False)


def test_an_exception_reaches_the_awaiting_task() -> None:
    """The same object, with its attributes."""
    error = ValueError("no category")

    def fail() -> None:
        raise error

    with pytest.raises(ValueError, match="no category") as raised:
        run(fail)
    assert raised.value is error


@pytest.mark.parametrize("kind", [StopIteration, SystemExit, KeyboardInterrupt, CancelledError])
def test_an_exception_that_coroutines_cannot_carry_reaches_who_awaits_it(kind: type[BaseException]) -> None:
    """As an error that names it, in place of a wait without end or the end of the loop."""

    def fail() -> None:
        raise kind("enough")

    with pytest.raises(Exception, match="enough") as raised:
        run(fail)
    assert kind.__name__ in f"{type(raised.value).__name__} {raised.value}"


def test_context_variables_are_passed() -> None:
    """As they are where it is awaited, and what the thread sets stays there."""

    def swap() -> str:
        found = NAME.get()
        NAME.set("the thread's")
        return found

    async def main() -> tuple[str, str]:
        NAME.set("the caller's")
        return await in_thread(swap), NAME.get()

    assert asyncio.run(main()) == ("the caller's", "the caller's")


def test_many_run_at_once() -> None:
    """More than an executor would by itself: none returns before all have begun."""
    everyone = Barrier(60)

    async def main() -> list[int]:
        return await asyncio.gather(*(in_thread(everyone.wait, 10) for _ in range(60)))

    assert sorted(asyncio.run(main())) == list(range(60))


def test_giving_up_does_not_wait_for_the_thread() -> None:
    """Which continues by itself."""
    end = Event()

    async def main() -> None:
        async with asyncio.timeout(0.05):
            await in_thread(end.wait, 30)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(main())
    took = time.monotonic() - began
    end.set()
    assert took < 10


LATE = """
import asyncio, time
from drift_checks.reviews.reviewers.threads import in_thread

def finish():
    time.sleep(0.15)
    {ending}

async def main():
    async with asyncio.timeout(0.05):
        await in_thread(finish)

try:
    asyncio.run(main())
except TimeoutError:
    time.sleep({stays})
"""


@pytest.mark.parametrize("ending", ["return 1", "raise ValueError", "raise SystemExit"])
def test_what_comes_after_the_end_of_the_loop_is_dropped(ending: str) -> None:
    """Without a word."""
    code = LATE.format(ending=ending, stays=0.4)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_process_ends_while_a_thread_blocks() -> None:
    """The thread would sleep for half a minute."""
    code = LATE.replace("0.15", "30").format(ending="pass", stays=0)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert time.monotonic() - began < 20


def test_hosts_are_looked_up() -> None:
    """By the loop, as by any other."""
    with asyncio.Runner(loop_factory=Loop) as runner:

        async def main() -> object:
            return (await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80))[0][4]

        assert runner.run(main()) == ("127.0.0.1", 80)


def test_a_look_up_that_blocks_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the end of the loop."""
    end = Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *arguments, **named: end.wait(30))

    async def main() -> None:
        async with asyncio.timeout(0.05):
            await asyncio.get_running_loop().getaddrinfo("example.invalid", 80)

    began = time.monotonic()
    with pytest.raises(TimeoutError), asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())
    took = time.monotonic() - began
    end.set()
    assert took < 10
