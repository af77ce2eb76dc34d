"""A quiet run: pytest's output is held back, and printed only if somebody needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

import pytest


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
