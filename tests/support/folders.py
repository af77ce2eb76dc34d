"""The contents of a folder, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path


def contents(folder: Path, *, without: str = "\0") -> dict[str, str]:
    """Return a hash of each file in the folder by its relative name, except of names that end in `without`."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(without)
    }
