"""Records of a large sample, of which only what most criteria read is in memory."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any

from drift_checks.core.errors import StoreError

_BLOCK = 250
_BLOCKS_IN_MEMORY = 4
_IN_MEMORY = ("id", "category", "confidence", "timestamp", "source", "model_version", "prompt_version")
_PLACES = {name: place for place, name in enumerate(_IN_MEMORY)}
# These differ in each record; of others, equal values are kept once.
_UNIQUE = {"id", "confidence", "timestamp"}


class Spool:
    """Rows in a private file without a name, which are read from it in blocks.

    Args:
        folder: The folder of private copies, which is created if it is missing.

    Raises:
        StoreError: The file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.columns: Mapping[str, None] = {}
        self._same: dict[object, object] = {}
        self._offsets: list[int] = []
        self._blocks: OrderedDict[int, list[Mapping[str, object]]] = OrderedDict()
        # A reviewer reads texts in another thread.
        self._lock = Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed with this object
        except OSError as error:
            raise self._error(error) from None

    def add(self, rows: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
        """Write rows that all have the same columns; return them as mappings that read from the file what they need."""
        added: list[Mapping[str, object]] = []
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            self.columns = dict.fromkeys(block[0])
            try:
                with self._lock:
                    self._offsets.append(self._file.seek(0, os.SEEK_END))
                    pickle.dump(list(block), self._file, pickle.HIGHEST_PROTOCOL)
            except OSError as error:
                raise self._error(error) from None
            number = len(self._offsets) - 1
            added += [SpooledRow(self, number, place, self._in_memory(row)) for place, row in enumerate(block)]
        return added

    def row(self, block: int, place: int) -> Mapping[str, object]:
        """Return a whole row."""
        with self._lock:
            if block not in self._blocks:
                self._file.seek(self._offsets[block])
                self._blocks[block] = pickle.load(self._file)  # noqa: S301 - nobody else can write to the file
                if len(self._blocks) > _BLOCKS_IN_MEMORY:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(block)
            return self._blocks[block][place]

    def _in_memory(self, row: Mapping[str, object]) -> tuple[object, ...]:
        return tuple(
            value if name in _UNIQUE or not isinstance(value, str) else self._same.setdefault(value, value)
            for name in _IN_MEMORY
            for value in (row.get(name),)
        )

    def _error(self, error: OSError) -> StoreError:
        return StoreError(
            "snapshot-dir",
            f"the records of the sample cannot be kept in {self._folder} ({error.strerror})",
            "make room there, or name another folder with --drift-snapshot-dir",
        )


class SpooledRow(Mapping[str, object]):
    """A row of a spool, by column."""

    __slots__ = ("_block", "_kept", "_place", "_spool")

    def __init__(self, spool: Spool, block: int, place: int, kept: tuple[object, ...]) -> None:
        self._spool, self._block, self._place, self._kept = spool, block, place, kept

    def __getitem__(self, column: str) -> object:
        """Return the value; raise KeyError for a column that the rows lack."""
        if column not in self._spool.columns:
            raise KeyError(column)
        place = _PLACES.get(column)
        return self._spool.row(self._block, self._place)[column] if place is None else self._kept[place]

    def __contains__(self, column: object) -> bool:
        """Whether the rows have the column."""
        return column in self._spool.columns

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the columns."""
        return iter(self._spool.columns)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._spool.columns)

    def __reduce__(self) -> tuple[Any, ...]:
        """Become a dictionary in another process."""
        return dict, (dict(self._spool.row(self._block, self._place)),)
