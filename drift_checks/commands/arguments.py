"""What the arguments of several subcommands may be."""

from __future__ import annotations

import argparse
from pathlib import Path


def from_one(text: str) -> int:
    """Return a whole number from 1.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdecimal()) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed is a whole number from 1")
    return int(text)


def full_path(text: str) -> Path:
    """Return a path in full: relative to where the command is given, `~` for the home.

    Raises:
        argparse.ArgumentTypeError: There is no such home.
    """
    try:
        return Path.cwd() / Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"{text!r} names the home of nobody; allowed is a path") from None
