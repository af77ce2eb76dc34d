"""The journal of a run: every call and every review, written at once, so that an interrupted run can be resumed.

A file of JSON lines, each an object with the key `event`:

- `begun`, once: what the run reviews and how (the other keys are up to the caller);
- `call`: a reviewer is about to be called, so that calls in flight when the run is killed are counted too;
- `spent`: the most that this call can cost, and later the difference to its actual cost;
- `review`: a review, failures included;
- `inconclusive` or `finished`: the run ended, without or with a verdict;
- `resumed`: the run continues; unanswered reviews before this line no longer count.

A call, cost or review of a second reviewer names it under the key `reviewer`.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from drift_checks.core.errors import ReportsError
from drift_checks.core.files import locked_folder, read_lines
from drift_checks.core.plain import from_plain, read_json, to_json
from drift_checks.core.records import RecordId, Review, Usage
from drift_checks.core.secrets import masked

JOURNAL_FILE = "reviews.jsonl"
# A run's id is the name of its folder.
RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}")
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass(frozen=True)
class JournalContents:
    """What a journal holds: the reviews that count, and the calls, costs and usage of all reviews.

    `spent` is an upper bound on the cost of the calls; `finished` is whether the run ended with a verdict; `second`
    holds what belongs to other reviewers than the first, by their names.
    """

    header: Mapping[str, Any] | None = None
    reviews: list[Review] = field(default_factory=list)
    calls: int = 0
    spent: float = 0.0
    used: Usage = field(default_factory=Usage)
    finished: bool = False
    second: Mapping[str, JournalContents] = field(default_factory=dict)


def first_of_future() -> str:
    """Return what precedes the ids of runs that began more than a day from now: the clock was wrong then."""
    return f"{datetime.now(UTC) + _CLOCKS_DIFFER:%Y%m%dT%H%M%SZ}"


class Journal:
    """Appends to the journal in a run's folder, from any thread.

    Raises:
        ReportsError: Raised by each method if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()

    def begin(self, header: Mapping[str, Any]) -> None:
        """Write what the run reviews and how, unless the file exists."""
        if not self.path.exists():
            self._write("begun", **header)

    def add_call(self, record_id: RecordId, reviewer: str | None = None) -> None:
        """Write that a reviewer, the first or the one of this name, is about to be called for the record."""
        self._write("call", record_id=record_id, **_of(reviewer))

    def add_cost(self, amount: float, reviewer: str | None = None) -> None:
        """Write a cost; a negative amount corrects an earlier one."""
        self._write("spent", amount=amount, **_of(reviewer))

    def add_review(self, review: Review, reviewer: str | None = None) -> None:
        """Write a review."""
        self._write("review", **asdict(review), **_of(reviewer))

    def resume(self) -> None:
        """Write that the run continues."""
        try:
            # The run may have been killed while it wrote the last line.
            with self.path.open("rb+") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(0, end - 1))
                if file.read() != b"\n":
                    file.write(b"\n")
        except OSError as error:
            raise self._write_error(error) from None
        self._write("resumed")

    def finish(self, *, inconclusive: bool) -> None:
        """Write that the run ended, with or without a verdict."""
        self._write("inconclusive" if inconclusive else "finished")

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes of the run from reviewing."""
        return locked_folder(self.path.parent)

    def _write(self, event: str, **values: Any) -> None:
        line = to_json(masked({"event": event, **values})) + "\n"
        # Opened for each line: child processes would inherit an open file, and opening takes microseconds.
        try:
            with self._lock, self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise self._write_error(error) from None

    def _write_error(self, error: OSError) -> ReportsError:
        return ReportsError(
            self.path,
            f"the reviews cannot be written there ({error.strerror})",
            "free some space, or name another folder with --drift-reports",
        )


def read_journal(path: Path) -> JournalContents:
    """Return what the journal holds, without lines that are damaged, such as one cut off when the run was killed.

    Raises:
        OSError: The file cannot be read.
    """
    header: Mapping[str, Any] | None = None
    first, second = _Counted(), defaultdict[str, _Counted](_Counted)
    finished, inconclusive = False, False
    for kind, value, reviewer in _events(path):
        counted = first if reviewer is None else second[reviewer]
        if kind == "begun":
            header = value if header is None else header
        elif kind == "call":
            counted.calls += 1
        elif kind == "spent":
            counted.spent += value
        elif kind == "review":
            counted.reviews.append(value)
            counted.used = counted.used.plus(value.usage)
        elif kind == "resumed":
            for each in (first, *second.values()):
                each.resume(inconclusive=inconclusive)
        finished, inconclusive = kind == "finished", kind == "inconclusive"
    return JournalContents(
        header,
        *first.values(),
        finished,
        {name: JournalContents(None, *counted.values()) for name, counted in second.items()},
    )


@dataclass
class _Counted:
    """What one reviewer did."""

    reviews: list[Review] = field(default_factory=list)
    calls: int = 0
    spent: float = 0.0
    used: Usage = field(default_factory=Usage)

    def resume(self, *, inconclusive: bool) -> None:
        """Keep answers: a useless one was paid for, so it counts, unless the run was inconclusive."""
        self.reviews = [
            review
            for review in self.reviews
            if review.made or (review.usage.output_tokens is not None and not inconclusive)
        ]

    def values(self) -> tuple[list[Review], int, float, Usage]:
        """Return the values as a journal's contents hold them."""
        return self.reviews, self.calls, max(0.0, self.spent), self.used


def _of(reviewer: str | None) -> dict[str, str]:
    return {} if reviewer is None else {"reviewer": reviewer}


def _events(path: Path) -> Iterator[tuple[str, Any, str | None]]:
    """Yield the kind of each event, its header, amount or review, and the name of a second reviewer."""
    for line in read_lines(path):
        try:
            event = read_json(line)
            kind = event.pop("event")
            reviewer = None if kind == "begun" else event.pop("reviewer", None)
            if kind == "spent":
                yield kind, float(event["amount"]), reviewer
            else:
                yield kind, from_plain(Review, event) if kind == "review" else event, reviewer
        except (ValueError, LookupError, TypeError, AttributeError):
            continue
