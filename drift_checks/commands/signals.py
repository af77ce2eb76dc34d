"""An end by a signal that leaves things tidy."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from drift_checks.report.verdict import EXIT_INTERRUPTED


@contextmanager
def ended_by_signals(said: str) -> Iterator[None]:
    """Have SIGTERM end the work as Ctrl-C does, with all that is undone then, a sentence and the exit code 2.

    Args:
        said: The sentence.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"{said}.\n")
        sys.exit(EXIT_INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)
