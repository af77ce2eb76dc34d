"""Types of the arguments of subcommands."""

from __future__ import annotations

import argparse
from pathlib import Path

from drift_checks.core.masking import mask_url


def from_one(text: str) -> int:
    """Return a whole number of at least 1, or raise ArgumentTypeError."""
    if not (text.isascii() and text.isdecimal()) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is invalid; it must be a whole number of at least 1")
    return int(text)


def full_path(text: str) -> Path:
    """Return the absolute path, `~` expanded; raise ArgumentTypeError for a URL, or without such a home folder."""
    if "://" in text:
        problem = f"{mask_url(text)} is a URL, but must be a path on this machine"
        raise argparse.ArgumentTypeError(f"{problem}; a server restores its own backups, as by pg_restore")
    try:
        return Path.cwd() / Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"{text!r} is invalid; there is no such home folder") from None
