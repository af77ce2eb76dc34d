"""The room on disks, checked before anything is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from drift_checks.core.errors import ArchiveError
from drift_checks.core.text import readable_size

_HEADROOM = 16_000_000


def refuse_without_room(needs: Iterable[tuple[Path, int, str]]) -> None:
    """Raise ArchiveError if a disk has less free space than all that is needed on it.

    Each need is an existing folder, a number of bytes, and what they are for.
    """
    disks: dict[int, list[tuple[Path, int, str]]] = {}
    for need in needs:
        disks.setdefault(need[0].stat().st_dev, []).append(need)
    for wanted in disks.values():
        needed = sum(size for _, size, _ in wanted) + _HEADROOM
        free = shutil.disk_usage(wanted[0][0]).free
        if free < needed:
            purposes = " and ".join(f"{purpose} in {folder}" for folder, _, purpose in wanted)
            raise ArchiveError(
                wanted[0][0],
                f"{readable_size(needed)} are needed for {purposes}, and {readable_size(free)} are free",
                "make room there",
            )
