"""One review: `python -m drift_checks --run-once --db-path F --chroma-path D`, for cron and systemd."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

import pytest

from drift_checks.commands import PROGRAM, Parser, overview
from drift_checks.core.errors import EXIT_USAGE, SettingError
from drift_checks.core.streams import guard
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR, Verdict
from drift_checks.settings.apart import joined

# Ignore the folder's ini file and conftest.py, leave nothing in it but the reports, and skip plugins that only serve
# tests of code and take time.
_PYTEST_OPTIONS = (
    *("--pyargs", "drift_checks", "-c", os.devnull, "--rootdir", ".", "--noconftest", "-p", "no:cacheprovider"),
    *("-p", "no:hypothesispytest", "-p", "no:unraisableexception", "-p", "no:anyio"),
    *("-q", "--no-header", "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


# The hours between reviews that `install` schedules: by default, and with --every week.
_DAY, _WEEK = "24", "168"


class VerdictKeeper:
    """Keeps the verdict of the run's report, if one was written."""

    # The name under which pytest registers it.
    __name__ = "drift_checks_cli"

    def __init__(self) -> None:
        self.verdict: str | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_drift_finished(self, verdict: str) -> None:
        """Keep the verdict."""
        self.verdict = verdict


def run(arguments: Sequence[str]) -> int:
    """Run a review, independently of any ini file, conftest.py and PYTEST_ADDOPTS; return the exit code."""
    given, rest = _parser().parse_known_args(joined(arguments))
    if not given.run_once and (given.start_scheduler or given.interval_hours):
        error = _not_a_scheduler(given)
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return error.exit_code
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    guard("stdout")
    keeper = VerdictKeeper()
    code = int(pytest.main([*_PYTEST_OPTIONS, *_settings(given), *rest], plugins=[keeper]))
    if code == Verdict.CRITICAL.exit_code and keeper.verdict != Verdict.CRITICAL:
        print("drift_checks: pytest exited with 1 without a CRITICAL verdict: see above.", file=sys.stderr)
        return EXIT_INTERNAL_ERROR
    return code


def explain() -> int:
    """Print what the command line can do; a job that lost its arguments must not look like a verdict of OK."""
    sys.stderr.write(_parser().format_help())
    return EXIT_USAGE


def _settings(given: argparse.Namespace) -> list[str]:
    return [f"{name}={value}" for name, value in vars(given).items() if name.startswith("--") and value is not None]


def _not_a_scheduler(given: argparse.Namespace) -> SettingError:
    """Return what to do instead of keeping a process running that starts reviews."""
    command = shlex.join([*PROGRAM.split(), "install", "systemd", *_settings(given)])
    hours = given.interval_hours or _DAY
    remedies = [f"run `{command}`", "or the same with `install cron`"]
    if hours == _WEEK:
        remedies[1] += ", and add `--every week`"
    elif hours != _DAY:
        remedies.append(f"and for every {hours} hours, change the times in the timer or the crontab")
    option = "--start-scheduler" if given.start_scheduler else "--interval-hours"
    return SettingError(option, "no process of drift-checks keeps running to start reviews", ", ".join(remedies))


def _parser() -> Parser:
    parsing = Parser(
        prog=PROGRAM,
        usage="%(prog)s SUBCOMMAND | --run-once [--drift-NAME=VALUE ...]",
        epilog=f"{overview()}\n\nFirst: `drift-checks init FILE`, or `drift-checks --run-once --drift-demo`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parsing.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parsing.add_argument("--version", action="store_true", help="print the version")
    parsing.add_argument("--run-once", action="store_true", help="review the store once (every setting is an option)")
    # Each destination is the option to pass to pytest.
    parsing.add_argument("--sample-size", dest="--drift-sample-size", help=argparse.SUPPRESS)
    parsing.add_argument("--db-path", dest="--drift-db", metavar="FILE", help="file with the records")
    parsing.add_argument(
        "--chroma-path", dest="--drift-chroma", metavar="DIR", help="Chroma directory with the vectors"
    )
    # Of the scheduler that this replaces: they are answered with the command that schedules reviews.
    parsing.add_argument("--start-scheduler", "--start", action="store_true", help=argparse.SUPPRESS)
    parsing.add_argument("--interval-hours", "--interval", metavar="N", help=argparse.SUPPRESS)
    return parsing
