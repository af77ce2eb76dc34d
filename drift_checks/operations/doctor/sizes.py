"""How large files are, and what room there is for them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder, those that can be looked at."""
    total = 0
    for place, _, names in os.walk(folder):
        total += sum(map(_size, (Path(place) / name for name in names)))
    return total


def size_of_files(files: Iterable[Path]) -> int:
    """Return the bytes of these files; one that is not there has none."""
    return sum(map(_size, files))


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def existing(path: Path) -> Path:
    """Return the path, or what is there of it."""
    # os.path: what may not be looked into counts as not there.
    while not os.path.exists(path) and path != path.parent:  # noqa: PTH110
        path = path.parent
    return path
