"""Finds the criteria among the files; without the libraries of a run, since every session looks for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drift_checks.plugin.keys import MARK

CRITERIA = Path(__file__).resolve().parent.parent / "criteria"
_DECLARATION = rf"^[^#\n]*\bmark\.{MARK}\b"


class CriterionModule(pytest.Module):
    """A built-in criterion: its checks are its `test_` functions, whatever an ini file says."""

    def funcnamefilter(self, name: str) -> bool:
        """Whether a function is a check."""
        return name.startswith("test_")

    def classnamefilter(self, name: str) -> bool:
        """Whether a class holds checks; criteria have none."""
        return False


def is_built_in(path: Path) -> bool:
    """Whether the file is in the package's folder of criteria."""
    named_so = path.name.startswith("test_") and path.suffix == ".py" and path.parent.name == CRITERIA.name
    return named_so and path.parent.resolve() == CRITERIA


def is_criterion(path: Path) -> bool:
    """Whether the file declares a criterion; it is read as text, since it is too early to import it."""
    if is_built_in(path):
        return True
    try:
        text = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""
    except (OSError, UnicodeDecodeError):
        return False
    # Few files hold the word, and every session looks for it in each.
    return MARK in text and re.search(_DECLARATION, text, re.MULTILINE) is not None


def refuse_other_copy(path: Path) -> None:
    """Refuse the criteria of a checkout if another copy of the package is installed.

    Raises:
        pytest.UsageError: With the remedy, in place of pytest's "import file mismatch".
    """
    if path.parent.parts[-2:] == CRITERIA.parts[-2:] and path.parent.resolve() != CRITERIA:
        raise pytest.UsageError(
            f"{path.parent}: another copy of the package is installed, in {CRITERIA.parent}; install this checkout with"
            " `pip install -e .`, or run scripts/review."
        )


def built_in_names() -> set[str]:
    """Return the names of the criteria in the package's folder."""
    return {criterion_name(path) for path in CRITERIA.glob("test_*.py")}


def criterion_name(path: Path) -> str:
    """Return the name of the criterion in the file."""
    return path.stem.removeprefix("test_")
