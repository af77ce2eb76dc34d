"""`python -m drift_checks`: exits with 1 for a CRITICAL verdict alone, so with 3 where the installation is broken."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial

INTERRUPTED, BROKEN = 2, 3


def main() -> int:
    """Run the command line."""
    try:
        run = _chosen(sys.argv[1:])
    except KeyboardInterrupt:
        print("drift_checks: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        print(
            f"drift_checks: the installation is broken ({type(error).__name__}: {error}); reinstall it with"
            " `pip install --force-reinstall drift-checks`.",
            file=sys.stderr,
        )
        return BROKEN
    try:
        return run()
    except KeyboardInterrupt:
        print("drift_checks: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        print("drift_checks: the run broke down, see above; nothing was judged.", file=sys.stderr)
        return BROKEN


def _chosen(arguments: Sequence[str]) -> Callable[[], int]:
    from drift_checks.commands import chosen

    subcommand = chosen(arguments)
    if subcommand is not None:
        return subcommand
    # Pytest takes its time to import, and a subcommand does without it.
    from drift_checks.commands.run_once import run

    return partial(run, arguments)


if __name__ == "__main__":
    sys.exit(main())
