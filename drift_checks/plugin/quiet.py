"""A quiet run: nothing on the terminal unless somebody has to look, for cron, which mails whatever is printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.plugin.keys import QUIET
from drift_checks.plugin.settings import sources_of
from drift_checks.settings.declarations import declared
from drift_checks.settings.loading import parse


class Quiet:
    """Keeps back what pytest prints, until it is known whether anybody needs it.

    Args:
        config: Whose terminal is kept quiet.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._writer = config.get_terminal_writer()
        # Other plugins hold the writer too, so it is its file that is exchanged; there is no public way.
        self._file: TextIO = self._writer._file
        self._kept = StringIO()
        self._summary = ""
        self._writer._file = self._kept

    @contextmanager
    def summary(self) -> Iterator[None]:
        """Take what is written meanwhile for the summary."""
        start = self._kept.tell()
        yield
        self._summary = self._kept.getvalue()[start:]

    def give_up(self) -> None:
        """Print what was kept back, and whatever comes as it comes."""
        self._writer._file = self._file
        self._file.write(self._kept.getvalue())
        self._file.flush()

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
    try:
        origin = sources_of(config).find(setting)
        wanted = origin is not None and parse(setting, origin)
    except SettingError:
        return
    if wanted and config.pluginmanager.has_plugin("terminalreporter") and not hasattr(config, "workerinput"):
        config.stash[QUIET] = Quiet(config)
