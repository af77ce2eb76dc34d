"""The files in scripts/cron and scripts/systemd are those that the command makes."""

from __future__ import annotations

from pathlib import Path

from tests.support.checkout import REPOSITORY
from tests.support.shipped import shipped


def test_what_is_shipped_is_what_is_made(tmp_path: Path) -> None:
    """`python -m tests.support.shipped` makes them again."""
    made = shipped(tmp_path)
    assert {path.relative_to(REPOSITORY): path.read_text(encoding="utf-8") for path in made} == {
        path.relative_to(REPOSITORY): text for path, text in made.items()
    }


def test_nothing_else_is_shipped(tmp_path: Path) -> None:
    """A file that is no longer made is no longer there."""
    folders = [REPOSITORY / "scripts" / kind for kind in ("cron", "systemd")]
    there = {path for folder in folders for path in folder.iterdir() if path.name != "README.md"}
    assert there == set(shipped(tmp_path))
