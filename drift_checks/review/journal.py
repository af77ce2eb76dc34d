"""The journal of a run: each call and each review, written as it is made, so that a broken run can go on.

A file of JSON lines, each an object with the key `event`:

- `begun`, once: what the run reviews and how (its other keys are the caller's);
- `call`: a reviewer is about to be asked, so that calls in flight when the run is killed are counted too;
- `spent`: what that call can cost at most, and once it is known, the difference to what it did;
- `review`: a review, failures included;
- `inconclusive` or `finished`: the run came to an end, with or without a verdict to keep;
- `resumed`: it goes on; what was not answered before counts no longer.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from drift_checks.core.errors import ReportsError
from drift_checks.core.records import RecordId, Review, Usage

NAME = "reviews.jsonl"


@dataclass(frozen=True)
class Journaled:
    """What a journal holds: `spent` bounds the costs of all calls, `used` sums what all reviews used.

    `reviews` are those that count; `calls`, `spent` and `used` are of the whole run, of what counts no longer too.
    """

    begun: Mapping[str, Any] | None = None
    reviews: list[Review] = field(default_factory=list)
    calls: int = 0
    spent: float = 0.0
    used: Usage = field(default_factory=Usage)
    finished: bool = False


class Journal:
    """Appends to the journal in a run's folder, from any thread.

    Args:
        path: The file; made when the first line is written.

    Raises:
        ReportsError: By each method: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()

    def begin(self, header: Mapping[str, Any]) -> None:
        """Write what the run reviews and how, where that was not done."""
        if not self.path.exists():
            self._write({"event": "begun", **header})

    def call(self, record_id: RecordId) -> None:
        """Write that a reviewer is about to be asked about the record."""
        self._write({"event": "call", "record_id": record_id})

    def spend(self, amount: float) -> None:
        """Write a cost; a negative one corrects one that was set aside."""
        self._write({"event": "spent", "amount": amount})

    def review(self, review: Review) -> None:
        """Write a review."""
        self._write({"event": "review", **review.as_plain()})

    def resume(self) -> None:
        """Write that the run goes on."""
        try:
            self._end_last_line()
        except OSError as error:
            raise self._not_written(error) from None
        self._write({"event": "resumed"})

    def finish(self, *, inconclusive: bool) -> None:
        """Write that the run came to an end, which may have been too early for a verdict."""
        self._write({"event": "inconclusive" if inconclusive else "finished"})

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes of the run from reviewing."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _end_last_line(self) -> None:
        # The run may have been killed in the middle of it.
        if not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("a") as file:
                file.write("\n")

    def _write(self, event: Mapping[str, Any]) -> None:
        line = json.dumps(event, default=str) + "\n"
        # Opened for each line: one that is kept open would be inherited, and is not worth the microseconds.
        try:
            with self._lock, self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise self._not_written(error) from None

    def _not_written(self, error: OSError) -> ReportsError:
        return ReportsError(
            self.path,
            f"the reviews cannot be written there ({error.strerror})",
            "make room, or name another folder with --drift-reports",
        )


def read_journal(path: Path) -> Journaled:
    """Return what the journal holds; a last line that was cut off when the run was killed does not count.

    Raises:
        OSError: It cannot be read.
    """
    begun: Mapping[str, Any] | None = None
    reviews: list[Review] = []
    used = Usage()
    calls, spent, finished, inconclusive = 0, 0.0, False, False
    for event in _events(path):
        kind = event.pop("event", None)
        if kind == "begun":
            begun = event
        elif kind == "call":
            calls += 1
        elif kind == "spent":
            spent += event["amount"]
        elif kind == "review":
            reviews.append(Review.from_plain(event))
            used = used.plus(reviews[-1].usage)
        elif kind == "resumed":
            reviews = [review for review in reviews if review.made or (_was_answered(review) and not inconclusive)]
        finished, inconclusive = kind == "finished", kind == "inconclusive"
    return Journaled(begun, reviews, calls, spent, used, finished)


def _was_answered(review: Review) -> bool:
    # By an answer that was paid for, if of no use. After an end for want of answers, though, it is asked for again.
    return review.usage.output_tokens is not None


def _events(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
