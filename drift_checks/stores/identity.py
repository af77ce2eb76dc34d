"""What tells one store from another."""

from __future__ import annotations

from typing import NamedTuple


class StoreIdentity(NamedTuple):
    """What tells one store from another."""

    db: str
    table: str
    collection: str
