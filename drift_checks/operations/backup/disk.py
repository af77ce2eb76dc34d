"""The disk: whether there is room before anything is written, and that what was renamed stays so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.core.text import readable_size

_HEADROOM = 16_000_000


def refuse_without_room(needs: Iterable[tuple[Path, int, str]]) -> None:
    """Refuse where a disk has less free than all that is needed on it.

    Args:
        needs: Folders that are there, the bytes needed in each, and what for.

    Raises:
        ArchiveError: There is too little; the message says how much is needed and free.
    """
    disks: dict[int, list[tuple[Path, int, str]]] = {}
    for need in needs:
        disks.setdefault(need[0].stat().st_dev, []).append(need)
    for wanted in disks.values():
        needed = sum(size for _, size, _ in wanted) + _HEADROOM
        free = shutil.disk_usage(wanted[0][0]).free
        if free < needed:
            where = " and ".join(f"{what} in {folder}" for folder, _, what in wanted)
            raise ArchiveError(
                wanted[0][0],
                f"{readable_size(needed)} are needed for {where}, and {readable_size(free)} are free",
                "make room there",
            )


def settle(folder: Path) -> None:
    """Have the names in a folder on the disk (fsync(2)).

    Raises:
        OSError: It cannot be.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
