"""Everything that can go wrong and that a user can fix, with the exit code of the run.

    DriftError
    ├── SettingError       an unknown, invalid or contradictory setting        exit 4
    ├── StoreError         the store cannot be read                            exit 4
    │   ├── StoreLocked    another program kept it locked                      exit 75, after waiting
    │   ├── StoreAway      its server cannot be reached or is too busy        exit 75
    │   └── StoreChanged   it was written to or replaced during a read         exit 75, after retries
    ├── ReviewerError      the reviewer cannot be used                         exit 4
    ├── ReportsError       the folder of reports cannot be written to          exit 4
    ├── ArchiveError       a backup cannot be made, trusted or restored        exit 4
    ├── NothingToReview    the store or the sample is empty                    exit 5
    ├── RunInProgress      another run or program holds a lock                 exit 75
    └── InternalError      this package or its environment is broken           exit 3

An error is data: `what` is at fault (a setting, a file, an endpoint), the `problem` with it, and the `remedy`. `str()`
composes the sentence "what: problem; remedy."
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Self

EXIT_INTERNAL = 3
EXIT_USAGE = 4
EXIT_NOTHING = 5
EXIT_TRY_AGAIN = 75


class DriftError(Exception):
    """A condition that is reported to the user in one sentence, without a traceback.

    The problem and the remedies are phrases without a full stop; empty remedies are skipped.
    """

    exit_code: ClassVar[int] = EXIT_USAGE

    def __init__(self, what: object, problem: str, *remedies: str) -> None:
        self.what = str(what)
        self.problem = problem
        self.remedy = "; ".join(filter(None, remedies))
        super().__init__(self.what, problem, self.remedy)

    def __str__(self) -> str:
        sentence = "; ".join(filter(None, (f"{self.what}: {self.problem}", self.remedy)))
        return sentence if sentence.endswith("?") else f"{sentence}."

    def rewritten(self, rewrite: Callable[[str], str]) -> Self:
        """Return the same error with each of its phrases rewritten, to remove a secret, for example."""
        return type(self)(rewrite(self.what), rewrite(self.problem), rewrite(self.remedy))


class SettingError(DriftError):
    """A setting is unknown or invalid, or contradicts another."""


class StoreError(DriftError):
    """What the settings `db` or `chroma` name cannot be read as a store."""


class StoreLocked(StoreError):
    """Another program kept the store locked for longer than the run waits."""

    exit_code = EXIT_TRY_AGAIN


class StoreAway(StoreError):
    """The server that holds the store cannot be reached, or cannot answer now."""

    exit_code = EXIT_TRY_AGAIN


class StoreChanged(StoreError):
    """The store was written to or replaced while it was read, so the result may be inconsistent."""

    exit_code = EXIT_TRY_AGAIN


class ReviewerError(DriftError):
    """The reviewer cannot work with this store or these settings."""


class ReportsError(DriftError):
    """Reports cannot be written."""


class ArchiveError(DriftError):
    """A backup cannot be made, trusted or restored."""


class NothingToReview(DriftError):
    """The store or the sample is empty."""

    exit_code = EXIT_NOTHING


class RunInProgress(DriftError):
    """Another run holds the lock of the reports, or another program holds a file that must be changed."""

    exit_code = EXIT_TRY_AGAIN


class InternalError(DriftError):
    """The package or its environment is broken, which is no fault of the reviewer or the store."""

    exit_code = EXIT_INTERNAL


def nearest(name: str, known: Iterable[str], prefix: str = "", likeness: float = 0.6) -> str:
    """Return `"did you mean 'x'?"` for the most similar known name, or an empty string.

    The likeness, from 0 to 1, does not take the common prefix into account.
    """
    from difflib import get_close_matches

    stripped = [item.removeprefix(prefix) for item in known]
    matches = get_close_matches(name.removeprefix(prefix), stripped, n=1, cutoff=likeness)
    return f"did you mean '{prefix}{matches[0]}'?" if matches else ""


def invalid_setting(
    name: str,
    source: str,
    received: str,
    allowed: str,
    known: Iterable[str] = (),
    wrong: str | None = None,
    hint: str = "",
) -> SettingError:
    """Return the error for an invalid value of a setting.

    It says that the value must be `allowed`, and gives the hint, or the known word nearest to it or to its wrong part.
    """
    closest = hint or nearest(received if wrong is None else wrong, known)
    return SettingError(name, f"{received!r} (from {source}) is invalid", f"it must be {allowed}", closest)
