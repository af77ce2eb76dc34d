"""Imports that the collector of garbage need not look at again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Take whatever exists at the end of the block for something that stays until the process ends, once a process.

    Modules stay. Searched for garbage while they are imported, during the run and at the end, they would take a tenth
    of its time.
    """
    if gc.get_freeze_count() or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
