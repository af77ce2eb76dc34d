"""`python -m drift_checks`: exits with 1 only if the verdict is CRITICAL, and with 3 if the installation is broken."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial

INTERRUPTED, BROKEN = 2, 3


def main() -> int:
    """Run the command line; return the exit code."""
    run: Callable[[], int] | None = None
    try:
        # Before the long imports.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from drift_checks.core.signals import on_sigterm

        on_sigterm(signal.default_int_handler)
        from drift_checks.core.streams import guard

        guard("stderr")
        run = _chosen(sys.argv[1:])
        return run()
    except KeyboardInterrupt:
        print("drift_checks: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if run is None:
            message = (
                f"the installation is broken ({type(error).__name__}: {error}); reinstall it with"
                " `pip install --force-reinstall drift-checks`."
            )
        else:
            import traceback

            traceback.print_exc()
            message = "the run failed because of the error above; there is no verdict."
        print(f"drift_checks: {message}", file=sys.stderr)
        return BROKEN


def _chosen(arguments: Sequence[str]) -> Callable[[], int]:
    from drift_checks.commands import chosen

    subcommand = chosen(arguments)
    if subcommand is not None:
        return subcommand
    # Subcommands do without pytest, which is slow to import.
    from drift_checks.commands.run_once import explain, run

    return explain if not arguments else partial(run, arguments)


def _exit_with(code: int) -> None:
    # Else Python ends by SIGINT if it was interrupted inside of `exec`, as the definition of a dataclass is.
    exec("")  # noqa: S102
    # What is left to do is the interpreter's own.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(code))
    sys.exit(code)


if __name__ == "__main__":
    _exit_with(main())
