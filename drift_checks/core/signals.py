"""SIGTERM, which ends the process also while Python cannot call its handler."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

Handler = Callable[[int, FrameType | None], object]

_EXIT_INTERRUPTED = 2
# Python calls a handler at once, unless its main thread is in a library: in a query of SQLite or Chroma, for example.
_PATIENCE_SECONDS = 1.0


def on_sigterm(
    handler: Handler,
    is_spared: Callable[[], bool] = lambda: False,
    limit: Callable[[], float] | None = None,
    message: str = "drift_checks: stopped by SIGTERM.",
) -> Callable[[], None]:
    """Have SIGTERM call the handler; return a function that restores what was before.

    If the main thread is in a library that does not return, the process exits with 2, unless `is_spared`; and in any
    case as many seconds after the signal as `limit` says then. It prints the message on stderr. Files that it leaves
    are those of a killed process. Outside the main thread, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    called = threading.Event()

    def call(number: int, frame: FrameType | None) -> None:
        called.set()
        handler(number, frame)

    def end() -> None:
        with suppress(OSError):
            os.write(2, f"{message}\n".encode())
        os._exit(_EXIT_INTERRUPTED)

    def watch() -> None:
        with os.fdopen(reading, "rb", buffering=0) as numbers:
            while number := numbers.read(1):
                if number[0] == signal.SIGTERM:
                    latest = time.monotonic() + limit() if limit else None
                    if not called.wait(_PATIENCE_SECONDS) and not is_spared():
                        end()
                    if latest is not None:
                        time.sleep(max(0.0, latest - time.monotonic()))
                        end()

    # Python's own handler, in C, writes there at once.
    number_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    before = signal.signal(signal.SIGTERM, call)
    threading.Thread(target=watch, name="drift-signals", daemon=True).start()

    def restore() -> None:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
        signal.set_wakeup_fd(number_before)
        os.close(writing)

    return restore


def _forget_in_child() -> None:
    # A signal to a child process is not one to this process.
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)


os.register_at_fork(after_in_child=_forget_in_child)
