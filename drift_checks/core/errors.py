"""What can go wrong that a user can mend, and how a run then ends.

    DriftError
    ├── SettingError       a setting that is unknown or impossible              exit 4
    ├── StoreError         a store that cannot be read                          exit 4
    │   └── StoreChanged   it was written to while it was read without a lock   read again, else exit 4
    ├── ReviewerError      a reviewer that cannot be used                       exit 4
    ├── ReportsError       a folder that reports cannot be written to           exit 4
    ├── ArchiveError       a backup that cannot be made, trusted or restored    exit 4
    ├── NothingToReview    an empty store or sample                             exit 5
    └── RunInProgress      another run, or program, holds what is needed        exit 75

An error is data: `what` is at fault (a setting, a file, an endpoint), the `problem` with it, and the `remedy`. `str()`
composes the sentence: "what: problem; remedy."
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

EXIT_USAGE = 4
EXIT_NOTHING = 5
EXIT_TRY_AGAIN = 75


class DriftError(Exception):
    """A condition that the user is told of in one clear sentence, without a traceback.

    Args:
        what: The setting, file or endpoint at fault, as the user knows it.
        problem: What is wrong with it: a phrase without a full stop.
        remedy: What to do about it: a phrase without a full stop, empty where there is nothing to do.
    """

    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(self, what: object, problem: str = "", remedy: str = "") -> None:
        super().__init__(what, problem, remedy)
        self.what = str(what)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        if not self.problem:
            return self.what
        sentence = "; ".join(part for part in (f"{self.what}: {self.problem}", self.remedy) if part)
        return sentence if sentence.endswith("?") else f"{sentence}."


class SettingError(DriftError):
    """A setting is unknown, impossible, or at odds with another."""


class StoreError(DriftError):
    """The SQLite file or the Chroma directory cannot be read as a store."""


class StoreChanged(StoreError):
    """The store was written to while it was being read without a lock: what was read may be torn."""


class ReviewerError(DriftError):
    """The reviewer cannot work with this store or these settings."""


class ReportsError(DriftError):
    """Reports cannot be written."""


class ArchiveError(DriftError):
    """A backup cannot be made where it was to be, or is not to be trusted, or cannot be restored there."""


class NothingToReview(DriftError):
    """The store or the sample is empty."""

    exit_code = EXIT_NOTHING


class RunInProgress(DriftError):
    """Another run holds the lock of the folder, or another program has what is to be changed."""

    exit_code = EXIT_TRY_AGAIN


def nearest(name: str, known: Iterable[str], prefix: str = "", likeness: float = 0.6) -> str:
    """Return `"; did you mean 'x'?"` for the known name closest to `name`, or an empty string.

    Args:
        name: What was given.
        known: The valid names.
        prefix: What all of them begin with; it does not count as likeness.
        likeness: How similar the closest must be, from 0 to 1 (identical).
    """
    stripped = [str(item).removeprefix(prefix) for item in known]
    matches = get_close_matches(name.removeprefix(prefix), stripped, n=1, cutoff=likeness)
    return f"; did you mean '{prefix}{matches[0]}'?" if matches else ""


def invalid_setting(
    name: str, source: str, received: str, allowed: str, known: Iterable[str] = (), wrong: str | None = None
) -> SettingError:
    """Return the error for a setting's value that cannot be used.

    Args:
        name: The setting.
        source: Where the value came from, as in `--drift-warn`.
        received: The value.
        allowed: What it must be, in words.
        known: The valid words, where they can be listed.
        wrong: The invalid part of the value, where it is not all of it.
    """
    closest = nearest(received if wrong is None else wrong, known)
    return SettingError(name, f"{received!r} (from {source}) is invalid", f"it must be {allowed}{closest}")
