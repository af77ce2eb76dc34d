"""The command line for cron and systemd lines: `python -m drift_checks --run-once --db-path F --chroma-path D`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import pytest

from drift_checks.commands import PROGRAM, Parser, overview
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR, Verdict

_OTHER_NAMES = {
    "sample_size": "--drift-sample-size",
    "db_path": "--drift-db",
    "chroma_path": "--drift-chroma",
}


class VerdictKeeper:
    """Keeps the verdict of the run's report, where one was written."""

    # The name under which pytest registers it.
    __name__ = "drift_checks_cli"

    def __init__(self) -> None:
        self.verdict: str | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_drift_finished(self, verdict: str) -> None:
        """Keep the verdict."""
        self.verdict = verdict


def run(arguments: Sequence[str]) -> int:
    """Run a review whatever ini file, conftest or PYTEST_ADDOPTS there is; return the exit code."""
    given, rest = _parser().parse_known_args(arguments)
    values = {option: getattr(given, name) for name, option in _OTHER_NAMES.items()}
    options = [f"{option}={value}" for option, value in values.items() if value is not None]
    for variable in ("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    keeper = VerdictKeeper()
    code = int(pytest.main([*_ALONE, *options, *rest], plugins=[keeper]))
    if code == Verdict.CRITICAL.exit_code and keeper.verdict != Verdict.CRITICAL:
        print("drift_checks: pytest ended with 1 without a CRITICAL verdict: see above.", file=sys.stderr)
        return EXIT_INTERNAL_ERROR
    return code


# Neither the folder's ini file nor its conftest, nothing left in the folder but the reports, and no plugins for tests
# of code, which take their time at the end.
_ALONE = (
    *("--pyargs", "drift_checks", "-c", os.devnull, "--rootdir", ".", "--noconftest", "-p", "no:cacheprovider"),
    *("-p", "no:hypothesispytest", "-p", "no:unraisableexception"),
    *("-q", "--no-header", "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Review a store of classified texts once.",
        epilog=f"{overview()}\n\nEvery --drift-NAME setting is taken too; `pytest --help` lists them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--run-once", action="store_true", help="run one review (there is no other mode)")
    parser.add_argument("--sample-size", metavar="N", help="records to review")
    parser.add_argument("--db-path", metavar="FILE", help="the SQLite file")
    parser.add_argument("--chroma-path", metavar="DIR", help="the Chroma directory")
    return parser
