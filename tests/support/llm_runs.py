"""Reviews that ask the chat server of the tests, in this process or as one that can be broken off."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from drift_checks.core.secrets import Secret
from drift_checks.reviews.reviewers.endpoint import Endpoint
from tests.support.chat_behaviour import Request, name_category
from tests.support.chat_server import ChatServer
from tests.support.session_runs import Run, placeholders, run_folders

KEY = "sk-of-the-tests-0123456789"
KEYS = ("DRIFT_LLM_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY")
# No time is tight: what would be waited for in vain is far longer.
PATIENCE = 60.0
_RECORD = re.compile(r"Risk number (\d+) ")
_LOADED = (
    "drift_checks.reviews.reviewers.llm",
    "drift_checks.reviews.reviewers.own",
    "drift_checks.reviews.reviewers.pool",
)


def load() -> None:
    """Load what such reviews load on the way: a run in this process forgets what it was the first to load."""
    for name in _LOADED:
        import_module(name)
    Endpoint("http://127.0.0.1", Secret(KEY))


def asking(server: ChatServer, model: str = "test-model") -> tuple[str, ...]:
    """Return the options of a review that asks the server."""
    return ("--drift-reviewer=llm", f"--drift-llm-base-url={server.base_url}", f"--drift-llm-model={model}")


def record_of(text: str) -> int:
    """Return the id of the record of a test's store that a text is about."""
    found = _RECORD.search(text)
    assert found is not None, text
    return int(found[1])


def asked(requests: Sequence[Request]) -> list[int]:
    """Return the ids of the records that were asked about, in the order of the requests."""
    return [record_of(request.user_text) for request in requests]


def named_but(answers: Mapping[int, Mapping[str, object] | str]) -> Callable[[str], Mapping[str, object] | str]:
    """Return a function that answers with the stored category, except for these records."""
    return lambda text: answers.get(record_of(text), name_category(text))


class Started:
    """A review as a process of its own, killed at the end of the `with` block.

    Args:
        folder: In which the command is given.
        arguments: Of `pytest --pyargs drift_checks`.
    """

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self._folder = folder
        self._before = run_folders(self.reports)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DRIFT_", "PYTEST_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "--pyargs", "drift_checks", *map(str, arguments)],
            cwd=folder,
            env={**environment, KEYS[0]: KEY, "XDG_CACHE_HOME": str(folder / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def reports(self) -> Path:
        """Its folder of reports."""
        return self._folder / "reports"

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition of the running review holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if not self.running:
                out, errors = self._process.communicate()
                raise AssertionError(f"it ended with {self._process.returncode} before:\n{out}\n{errors}")
            assert time.monotonic() < deadline, "it did not get that far"
            time.sleep(0.02)

    def tell(self, number: signal.Signals) -> Run:
        """Send a signal, and return what the review printed and left at its end."""
        self.send(number)
        return self.end()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, within: float = PATIENCE) -> Run:
        """Return what the review printed and left at its end.

        Raises:
            TimeoutExpired: It did not end within these seconds.
        """
        out, errors = self._process.communicate(timeout=within)
        written = sorted(run_folders(self.reports) - self._before)
        return Run(self._process.returncode, out, errors, self.reports, written, placeholders(self._folder))
