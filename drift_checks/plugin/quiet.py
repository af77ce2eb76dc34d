"""A quiet run: nothing on the terminal unless somebody has to look, for cron, which mails whatever is printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

import pytest

from drift_checks.configuration.settings import declared
from drift_checks.plugin.keys import QUIET


class Quiet:
    """Keeps back what pytest prints, until it is known whether anybody needs it.

    Args:
        config: Whose terminal is kept quiet.
    """

    def __init__(self, config: pytest.Config) -> None:
        writer = config.get_terminal_writer()
        # Other plugins hold the writer too, so it is its file that is exchanged; there is no public way.
        self._file: TextIO = writer._file
        self._kept = StringIO()
        self._summary = ""
        writer._file = self._kept

    @contextmanager
    def summary(self) -> Iterator[None]:
        """Take what is written meanwhile for the summary."""
        start = self._kept.tell()
        yield
        self._summary = self._kept.getvalue()[start:]

    def end(self, verdict: str | None, exit_code: int) -> None:
        """Print what is needed: nothing, the summary, or where there was no verdict everything.

        Args:
            verdict: Of the run, None where there is none.
            exit_code: Of the session.
        """
        if verdict == "OK" and exit_code == 0:
            return
        judged = verdict is not None and exit_code in (0, 1, 75)
        self._file.write(self._summary if judged else self._kept.getvalue())
        self._file.flush()


def keep_quiet(config: pytest.Config) -> None:
    """Keep the terminal quiet, if that is wanted; a value that is none is refused later, with all settings."""
    setting = next(item for item in declared() if item.key == "quiet")
    given = (config.getoption(setting.ini), os.environ.get(setting.variable), config.getini(setting.ini))
    text = next((str(item).strip() for item in given if item), "false")
    try:
        wanted = setting.kind.parse(text, config.invocation_params.dir)
    except ValueError:
        return
    if wanted and config.pluginmanager.has_plugin("terminalreporter") and not hasattr(config, "workerinput"):
        config.stash[QUIET] = Quiet(config)
