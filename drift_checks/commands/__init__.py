"""The subcommands of `python -m drift_checks`, one file each: another is a file, and its name in `NAMES`."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn, Protocol, cast

from drift_checks.commands.signals import ended_by_signals
from drift_checks.core.errors import EXIT_USAGE, DriftError, nearest

# A subcommand `alert-test` is the module alert_test.
NAMES = (
    *("acknowledge", "alert-failure", "alert-test", "backup", "doctor", "history", "install", "restore", "uninstall"),
    "vacuum",
)

PROGRAM = "python -m drift_checks"
# As the shell reports a program that ended because nobody read on.
EXIT_BROKEN_PIPE = 141
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Command(Protocol):
    """What a subcommand's module has."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit code.

        Raises:
            DriftError: What the user can mend.
        """


class Parser(argparse.ArgumentParser):
    """Ends with the exit code for wrong usage: argparse's own, 2, means interrupted."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def command(name: str) -> Command:
    """Return the subcommand of that name, one of `NAMES`."""
    return cast("Command", import_module(f"{__name__}.{name.replace('-', '_')}"))


def chosen(arguments: Sequence[str]) -> Callable[[], int] | None:
    """Return what runs the subcommand that the arguments begin with, None where they begin with none.

    A word that is no subcommand, no file and no package is taken for a mistyped subcommand.
    """
    if not arguments:
        return None
    name, *rest = arguments
    if name in NAMES:
        return partial(run_command, command(name), rest)
    if not _WORD.fullmatch(name) or Path(name).exists() or find_spec(name) is not None:
        return None
    return partial(_refuse, name)


def _refuse(name: str) -> int:
    known = ", ".join(NAMES)
    error = DriftError(PROGRAM, f"{name!r} is not a subcommand", f"the subcommands are {known}", nearest(name, NAMES))
    sys.stderr.write(f"{error}\n")
    return EXIT_USAGE


def run_command(found: Command, arguments: Sequence[str]) -> int:
    """Run the subcommand with its arguments; return the exit code."""
    parser = Parser(prog=f"{PROGRAM} {found.NAME}", description=f"{found.HELP}.", allow_abbrev=False)
    found.add_arguments(parser)
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that the terminal's encoding lacks is no reason to print nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with ended_by_signals(f"{parser.prog}: interrupted"):
            code = found.run(given)
        sys.stdout.flush()
    except DriftError as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return error.exit_code
    except BrokenPipeError:
        # The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return code


def overview() -> str:
    """Return the lines that list the subcommands."""
    width = max(map(len, NAMES)) + 2
    return "\n".join(["subcommands:", *(f"  {name:{width}}{command(name).HELP}" for name in NAMES)])
