"""SIGTERM, which ends the process also while Python cannot call its handler."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

Handler = Callable[[int, FrameType | None], object]

_EXIT_INTERRUPTED = 2
# Python calls a handler at once, unless its main thread is in a library: in a query of SQLite or Chroma, for example.
_PATIENCE_SECONDS = 1.0


def on_sigterm(handler: Handler, is_spared: Callable[[], bool] = lambda: False) -> Callable[[], None]:
    """Have SIGTERM call the handler; return a function that restores what was before.

    If the main thread is in a library that does not return, the process exits with 2, unless `is_spared`. Files that it
    leaves are those of a killed process. Outside the main thread, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    called = threading.Event()

    def call(number: int, frame: FrameType | None) -> None:
        called.set()
        handler(number, frame)

    def watch() -> None:
        with os.fdopen(reading, "rb", buffering=0) as numbers:
            while number := numbers.read(1):
                if number[0] == signal.SIGTERM and not called.wait(_PATIENCE_SECONDS) and not is_spared():
                    with suppress(OSError):
                        os.write(2, b"drift_checks: stopped by SIGTERM.\n")
                    os._exit(_EXIT_INTERRUPTED)

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
