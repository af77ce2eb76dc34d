"""The files in scripts/cron and scripts/systemd are those that the command writes."""

from __future__ import annotations

from pathlib import Path

from tests.support.checkout import REPOSITORY
from tests.support.shipped import shipped


def test_the_shipped_files_are_those_that_install_writes(tmp_path: Path) -> None:
    """No more and no less; `python -m tests.support.shipped` writes them again."""
    folders = [REPOSITORY / "scripts" / kind for kind in ("cron", "systemd")]
    files = [path for folder in folders for path in folder.iterdir() if path.name != "README.md"]
    assert {path: path.read_text(encoding="utf-8") for path in files} == shipped(tmp_path)
