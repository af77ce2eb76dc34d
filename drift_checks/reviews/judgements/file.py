"""The file of judgements, `judgements.jsonl` in the folder of reports: one line each, only ever appended to.

It is not part of the history, so damage of one does not touch the other. A line that cannot be read, as one cut short
by a crash, is skipped and counted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drift_checks.core.errors import ReportsError
from drift_checks.core.files import make_folder, read_lines
from drift_checks.core.plain import from_plain, read_json, to_json, to_plain
from drift_checks.reviews.judgements.judgement import Judgement
from drift_checks.stores.identity import StoreIdentity

NAME = "judgements.jsonl"
_MODE = 0o640


@dataclass(frozen=True)
class FileContent:
    """All judgements, oldest line first, and how many lines could not be read."""

    judgements: Sequence[Judgement] = ()
    damaged: int = 0


class JudgementFile:
    """The judgements in a folder of reports.

    Raises:
        ReportsError: By each method: the file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def read(self) -> FileContent:
        """Return what the file holds; nothing if it is missing."""
        found: list[Judgement] = []
        damaged = 0
        try:
            for line in read_lines(self.path):
                # A writer that found a line cut short began a new one.
                if not line:
                    continue
                try:
                    found.append(judgement_of(read_json(line)))
                except (ValueError, LookupError, TypeError):
                    damaged += 1
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise ReportsError(self.path, f"cannot be read ({error.strerror})", "check its owner and mode") from None
        return FileContent(found, damaged)

    def add(self, judgements: Sequence[Judgement]) -> None:
        """Append judgements, on disk once this returns."""
        lines = "".join(f"{to_json(plain_of(item))}\n" for item in judgements).encode()
        try:
            make_folder(self.path.parent)
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
            try:
                size = os.fstat(handle).st_size
                torn = size and os.pread(handle, 1, size - 1) != b"\n"
                # At once, so that lines of several judges do not mix; a full disk takes only a part.
                rest = memoryview(b"\n" * bool(torn) + lines)
                while rest:
                    rest = rest[os.write(handle, rest) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            problem = f"cannot be written ({error.strerror}), so the judgement is not saved"
            raise ReportsError(self.path, problem, "make room, or check its owner and mode") from None


def plain_of(item: Judgement) -> dict[str, object]:
    """Return a judgement in plain values."""
    plain: dict[str, object] = to_plain(item)
    return plain | {"store": item.store._asdict()}


def judgement_of(plain: object) -> Judgement:
    """Return the judgement that `plain_of` made this from; raise ValueError, LookupError or TypeError for others."""
    if not isinstance(plain, dict):
        raise TypeError("not an object")
    store = StoreIdentity(**plain["store"])
    found = from_plain(Judgement, plain | {"store": store})
    if found.made.tzinfo is None:
        raise ValueError("the time has no zone")
    return found
