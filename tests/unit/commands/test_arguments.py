"""The types of the subcommands' arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from drift_checks.commands.arguments import full_path


def test_a_path_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the current folder, or the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert (full_path("a/b"), full_path("~/b")) == (tmp_path / "a" / "b", Path("/home/me/b"))


def test_a_server_is_no_place_for_files() -> None:
    """Its password is not repeated."""
    with pytest.raises(argparse.ArgumentTypeError, match="…@host/db is a URL, but must be a path") as refused:
        full_path("postgresql://me:s3cr3t@host/db")
    assert "s3cr3t" not in str(refused.value)
