"""A quiet run: pytest's output is held back, and printed only if somebody needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.plugin.settings import sources_of
from drift_checks.settings.declarations import declared
from drift_checks.settings.loading import parse


class Quiet:
    """Holds back pytest's output until it is known whether anybody needs it."""

    def __init__(self, config: pytest.Config) -> None:
        self._writer = config.get_terminal_writer()
        # Other plugins hold the writer too, so its file is exchanged; there is no public way.
        self._file: TextIO = self._writer._file
        self._held = StringIO()
        self._summary = ""
        self._writer._file = self._held

    @contextmanager
    def summary(self) -> Iterator[None]:
        """Take what is written inside the block as the summary."""
        start = self._held.tell()
        yield
        self._summary = self._held.getvalue()[start:]

    def give_up(self) -> None:
        """Print what was held back, and let the rest through."""
        self._writer._file = self._file
        self._file.write(self._held.getvalue())
        self._file.flush()

    def end(self, verdict: str | None, exit_code: int) -> None:
        """Print nothing if all is well, the summary if there is a verdict, and everything if there is none."""
        if verdict == "OK" and exit_code == 0:
            return
        judged = verdict is not None and exit_code in (0, 1, 75)
        self._file.write(self._summary if judged else self._held.getvalue())
        self._file.flush()


QUIET: pytest.StashKey[Quiet] = pytest.StashKey()


def keep_quiet(config: pytest.Config) -> None:
    """Hold back the output if `quiet` is set; an invalid value is refused later, with all settings."""
    setting = next(item for item in declared() if item.key == "quiet")
    try:
        origin = sources_of(config).find(setting)
        is_set = origin is not None and parse(setting, origin)
    except SettingError:
        return
    if is_set and config.pluginmanager.has_plugin("terminalreporter") and not hasattr(config, "workerinput"):
        config.stash[QUIET] = Quiet(config)
