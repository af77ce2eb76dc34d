"""One review: `python -m drift_checks --run-once --db-path F --chroma-path D`, for cron and systemd."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import pytest

from drift_checks.commands import PROGRAM, Parser, overview
from drift_checks.core.streams import guard
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR, Verdict
from drift_checks.settings.apart import joined

# Ignore the folder's ini file and conftest.py, leave nothing in it but the reports, and skip plugins that only serve
# tests of code and are slow at the end.
_PYTEST_OPTIONS = (
    *("--pyargs", "drift_checks", "-c", os.devnull, "--rootdir", ".", "--noconftest", "-p", "no:cacheprovider"),
    *("-p", "no:hypothesispytest", "-p", "no:unraisableexception"),
    *("-q", "--no-header", "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


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
    options = [f"{name}={value}" for name, value in vars(given).items() if name.startswith("--") and value is not None]
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    guard("stdout")
    keeper = VerdictKeeper()
    code = int(pytest.main([*_PYTEST_OPTIONS, *options, *rest], plugins=[keeper]))
    if code == Verdict.CRITICAL.exit_code and keeper.verdict != Verdict.CRITICAL:
        print("drift_checks: pytest exited with 1 without a CRITICAL verdict: see above.", file=sys.stderr)
        return EXIT_INTERNAL_ERROR
    return code


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Review a store of classified texts once.",
        epilog=f"{overview()}\n\nEvery --drift-NAME setting is an option, too; `pytest --help` lists them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--run-once", action="store_true", help="run one review (the only mode)")
    # Each destination is the option to pass to pytest.
    parser.add_argument("--sample-size", dest="--drift-sample-size", metavar="N", help="number of records to review")
    parser.add_argument("--db-path", dest="--drift-db", metavar="FILE", help="SQLite file with the records")
    parser.add_argument("--chroma-path", dest="--drift-chroma", metavar="DIR", help="Chroma directory with the vectors")
    return parser
