"""The subcommands of `python -m drift_checks`, one module each; a new one is listed in `SUBCOMMANDS`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn, Protocol, cast

from drift_checks import __version__
from drift_checks.commands.signals import ended_by_signals
from drift_checks.core.errors import EXIT_USAGE, DriftError, nearest
from drift_checks.core.secrets import know_secrets
from drift_checks.core.streams import guard, lost_output
from drift_checks.core.text import visible

# What each does: `--help` lists them without importing them. The module of `alert-test` is alert_test.
SUBCOMMANDS = {
    "init": "find what a store holds, write pytest.ini, review 20 records",
    "settings": "explain all settings, or one, with their values and sources",
    "doctor": "check everything that reviews in production need",
    "history": "print the last runs: verdict, agreement and what failed",
    "compare": "compare two classifiers on the same records, or two past runs",
    "acknowledge": "leave out a known disagreement or criterion until a day",
    "judge": "say who is right, the store or the reviewer, record by record",
    "repair": "write scripts that correct labels judged to be wrong",
    "install": "schedule a nightly review with cron or systemd",
    "uninstall": "remove what `install` wrote, except files changed by hand",
    "alert-test": "send a marked test through every configured channel",
    "alert-failure": "alert about a review without a verdict, for OnFailure=",
    "backup": "back up the store and the history, and verify the copy",
    "restore": "restore a verified backup, all of it or nothing",
    "vacuum": "vacuum the history, and with --application the store",
}

PROGRAM = "python -m drift_checks"
# A shell's exit code for a program that was ended by SIGPIPE.
EXIT_BROKEN_PIPE = 141
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Command(Protocol):
    """The members of a subcommand's module."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Run the subcommand and return the exit code; raise DriftError for what the user can fix."""


class Parser(argparse.ArgumentParser):
    """A parser that exits with 4 for invalid arguments, because 2 means interrupted."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit."""
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def command(name: str) -> Command:
    """Return the subcommand with that name, one of `SUBCOMMANDS`."""
    return cast("Command", import_module(f"{__name__}.{name.replace('-', '_')}"))


def chosen(arguments: Sequence[str]) -> Callable[[], int] | None:
    """Return a function that runs the subcommand of these arguments, or None if they do not begin with one.

    A word that is neither a subcommand nor an existing path or package is taken for a misspelt subcommand.
    """
    if not arguments:
        return None
    name, *rest = arguments
    if name in ("--version", "-V"):
        return _print_version
    if name in SUBCOMMANDS:
        return partial(run_command, name, rest)
    if not _WORD.fullmatch(name) or Path(name).exists() or find_spec(name) is not None:
        return None
    return partial(_refuse, name)


def _print_version() -> int:
    sys.stdout.write(f"drift-checks {__version__}\n")
    return 0


def _refuse(name: str) -> int:
    remedy = f"the subcommands are {', '.join(SUBCOMMANDS)}"
    error = DriftError(PROGRAM, f"{name!r} is not a subcommand", remedy, nearest(name, SUBCOMMANDS))
    sys.stderr.write(f"{error}\n")
    return error.exit_code


def run_command(name: str, arguments: Sequence[str]) -> int:
    """Run the subcommand with its arguments; return the exit code."""
    found = command(name)
    parser = Parser(prog=f"{PROGRAM} {name}", description=f"{SUBCOMMANDS[name]}.", allow_abbrev=False)
    found.add_arguments(parser)
    parsed = parser.parse_args(arguments)
    know_secrets()
    guard("stdout")
    try:
        with ended_by_signals(f"{parser.prog}: interrupted"):
            code = found.run(parsed)
    except DriftError as error:
        sys.stderr.write(f"{parser.prog}: {visible(str(error))}\n")
        return error.exit_code
    lost = lost_output()
    if lost is None:
        return code
    if isinstance(lost, BrokenPipeError):
        return EXIT_BROKEN_PIPE
    unwritten = DriftError("stdout", f"cannot be written ({lost.strerror})", "make room, or print elsewhere")
    sys.stderr.write(f"{parser.prog}: {unwritten}\n")
    return unwritten.exit_code


def overview() -> str:
    """Return a list of the subcommands with their help texts."""
    width = max(map(len, SUBCOMMANDS)) + 2
    return "\n".join(["subcommands:", *(f"  {name:{width}}{what}" for name, what in SUBCOMMANDS.items())])
