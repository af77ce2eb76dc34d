"""An event loop whose time passes as soon as everybody waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterable


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Wakes up at once from each wait, in its own time.

    Args:
        late: How many seconds too late it wakes up from the first waits.
    """

    def __init__(self, late: Iterable[float] = ()) -> None:
        self.now = 0.0
        self.late = iter(late)
        super().__init__(_Selector(self))

    def time(self) -> float:
        """Return its own time in seconds."""
        return self.now


class _Selector(selectors.SelectSelector):
    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self._loop.now += timeout + next(self._loop.late, 0.0)
        return super().select(0 if timeout is not None else None)
