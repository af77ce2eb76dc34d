"""Backups of small stores, made and restored by the commands."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from drift_checks.commands import run_command
from tests.support.stores import BuiltStore


def back_up(store: BuiltStore, folder: Path, *arguments: str, chroma: bool = True) -> int:
    """Run the command `backup`; return its exit code."""
    given = [f"--drift-db={store.db}", f"--drift-reports={store.folder / 'reports'}", "--drift-naive-timezone=UTC"]
    given.append(f"--drift-chroma={store.chroma if chroma else 'none'}")
    return run_command("backup", ["--to", str(folder), *given, *arguments])


def restore(archive: Path, *arguments: object) -> int:
    """Run the command `restore`; return its exit code."""
    return run_command("restore", [str(archive), *map(str, arguments)])


def archives(folder: Path) -> list[Path]:
    """Return the backups in a folder, oldest first."""
    return sorted(folder.glob("drift-backup-*.tar.gz"))


def made_backup(store: BuiltStore, folder: Path, *arguments: str, chroma: bool = True) -> Path:
    """Make a backup; return the newest one in the folder."""
    assert back_up(store, folder, *arguments, chroma=chroma) == 0
    return archives(folder)[-1]


def manifest(archive: Path) -> dict[str, Any]:
    """Return the manifest of a backup, read with the standard library only."""
    with tarfile.open(archive) as tar:
        content = tar.extractfile("manifest.json")
        assert content is not None
        found = json.load(content)
    assert isinstance(found, dict)
    return found
