"""Ending a subcommand properly on SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from drift_checks.core.signals import on_sigterm
from drift_checks.report.verdict import EXIT_INTERRUPTED


@contextmanager
def ended_by_signals(message: str) -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that cleanup runs; print the message then and exit with 2."""
    restore = on_sigterm(signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        # A file that was interrupted while it was opened reports errors when it is thrown away.
        sys.unraisablehook = lambda _: None
        sys.stderr.write(f"{message}.\n")
        sys.exit(EXIT_INTERRUPTED)
    finally:
        restore()
