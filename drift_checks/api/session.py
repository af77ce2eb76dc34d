"""A pytest session inside another program, to which it does nothing that outlives it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import pytest

from drift_checks.core.errors import DriftError, InternalError
from drift_checks.core.secrets import mask_secrets
from drift_checks.plugin.keys import CALL, ERROR, REPORT, Call
from drift_checks.report.run import RunReport

# Neither an ini file nor a conftest.py, and no plugin but those of a review: some of pytest's own print, catch output
# or change how the process reports errors.
_SWITCHED_OFF = (
    *("terminal", "logging", "warnings", "faulthandler", "unraisableexception", "threadexception"),
    *("cacheprovider", "junitxml", "pastebin"),
)
_OPTIONS = (
    *("--pyargs", "drift_checks", "-c", os.devnull, "--rootdir", ".", "--noconftest", "--capture=no"),
    *("--disable-plugin-autoload", "-p", "drift_checks.plugin", "-p", "pytest_jsonreport.plugin"),
    *(f"-pno:{name}" for name in _SWITCHED_OFF),
)
# The process has one environment, one list of warning filters and one standard output.
_one_at_a_time = Lock()


class Session:
    """A review in a pytest session, and what is left of it when it has ended."""

    def __init__(self, call: Call, classifier: object | None) -> None:
        self.report: RunReport | None = None
        self.folder: str | None = None
        self.error: DriftError | None = None
        self.is_interrupted = False
        self._call = call
        self._classifier = classifier
        # What pytest would have printed.
        self._broken: str | None = None

    def run(self) -> None:
        """Run the review.

        Raises:
            InternalError: pytest, or this package, is broken.
        """
        # The argument takes precedence.
        hidden = () if self._classifier is None else ("DRIFT_REVIEWER",)
        with _one_at_a_time, _nothing_left(hidden):
            code = pytest.main([*_OPTIONS], plugins=[self])
        # pytest also says so if a module cannot be collected.
        self.is_interrupted = code == pytest.ExitCode.INTERRUPTED and self._broken is None
        if self.report is None and self.error is None and not self.is_interrupted:
            problem = f"pytest ended with {int(code)} and without a verdict"
            raise InternalError("drift_checks", problem, "see above") from RuntimeError(
                mask_secrets(self._broken or "")
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over the settings and the table."""
        config.stash[CALL] = self._call

    @pytest.hookimpl(optionalhook=True)
    def pytest_drift_reviewer(self) -> object | None:
        """Return the caller's classifier."""
        return self._classifier

    @pytest.hookimpl(optionalhook=True)
    def pytest_drift_finished(self, folder: str) -> None:
        """Keep the run's folder."""
        self.folder = folder

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, Any, Any]:
        """Keep the run, or why there is none; the caller says it."""
        try:
            return (yield)
        except pytest.UsageError as error:
            self._broken = str(error)
            return pytest.ExitCode.USAGE_ERROR
        finally:
            self.report = config.stash.get(REPORT, None)
            self.error = config.stash.get(ERROR, None)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a criterion cannot be imported."""
        if report.failed:
            self._broken = report.longreprtext

    def pytest_internalerror(self, excrepr: object) -> bool:
        """Keep an error, in place of printing it."""
        self._broken = str(excrepr)
        return True


@contextmanager
def _nothing_left(hidden: tuple[str, ...]) -> Iterator[None]:
    """Hide these variables and those of pytest, and leave the process as it was."""
    path, streams = [*sys.path], (sys.stdout, sys.stderr)
    variables = {name: os.environ.pop(name) for name in (*_variables_of_pytest(), *hidden) if name in os.environ}
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = streams
        sys.path[:] = path
        for name in _variables_of_pytest():
            del os.environ[name]
        os.environ.update(variables)


def _variables_of_pytest() -> list[str]:
    return [name for name in os.environ if name.startswith("PYTEST_")]
