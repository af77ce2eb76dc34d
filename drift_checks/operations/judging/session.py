"""One judge's session: the record in turn, the answers, and what can be undone; it knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from drift_checks.core.records import RecordId
from drift_checks.report.changes import versions_of
from drift_checks.report.waiting import Waiting
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, Judgement, hash_of

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Shown:
    """A record as the store has it now, of which a judge sees the two categories as left and right."""

    waiting: Waiting
    text: str
    left: str
    right: str
    evidence: str = ""
    near: tuple[tuple[str, str], ...] = ()

    @property
    def agreed(self) -> bool:
        """Whether there is only one category to judge."""
        return self.left == self.right


class ReadRecord(NamedTuple):
    """A record as the store has it now, with the nearest texts, each after its category."""

    text: str
    category: str
    evidence: str = ""
    near: tuple[tuple[str, str], ...] = ()


Read = Callable[[Waiting], ReadRecord | None]
Claim = Callable[[RecordId], bool]


class JudgingSession:
    """Hands out the records and saves each answer at once.

    Args:
        waiting: The records, the most informative first.
        read: Returns the text, category, evidence and nearest texts of a record now; None if it is gone.
        claim: Takes a record for this session; False if another session shows it.
        named: Whether the judge sees which category is the store's: it is then on the left.
    """

    def __init__(
        self,
        waiting: Iterator[Waiting],
        read: Read,
        claim: Claim,
        file: JudgementFile,
        judge: str,
        clock: Clock,
        *,
        named: bool = False,
    ) -> None:
        self.named = named
        self.judge = judge
        self.answered = 0
        self._waiting, self._read, self._claim = waiting, read, claim
        self._file, self._clock = file, clock
        self._back: list[Shown] = []
        self._done: list[tuple[Shown, Judgement]] = []
        self.current = self._next()

    def answer(self, answer: Answer, category: str = "") -> None:
        """Save the answer about the current record and go on to the next."""
        assert self.current is not None
        item = self.current.waiting
        made = Judgement(
            store=item.run.store.identity,
            record_id=item.record_id,
            text_hash=hash_of(self.current.text),
            stored=item.stored,
            reviewed=item.reviewed,
            answer=answer,
            judge=self.judge,
            made=self._clock(),
            category=category,
            run_id=item.run.run_id,
            origin=item.origin,
            versions=versions_of(item.run),
            blind=not self.named,
        )
        self._file.add([made])
        self.answered += 1
        self._done.append((self.current, made))
        self.current = self._next()

    def choose(self, category: str) -> None:
        """Save that this category is right, whichever of the two it is, or another."""
        assert self.current is not None
        item = self.current.waiting
        if category == item.stored == item.reviewed:
            self.answer(Answer.BOTH)
        elif category == item.stored:
            self.answer(Answer.STORE)
        elif category == item.reviewed:
            self.answer(Answer.REVIEWER)
        else:
            self.answer(Answer.OTHER, category)

    def skip(self) -> None:
        """Go on without an answer."""
        self.current = self._next()

    def undo(self) -> bool:
        """Take the last answer back and show its record again; return False without one."""
        if not self._done:
            return False
        shown, made = self._done.pop()
        self._file.add([replace(made, answer=Answer.WITHDRAWN, category="", made=self._clock())])
        self.answered -= 1
        if self.current is not None:
            self._back.append(self.current)
        self.current = shown
        return True

    def _next(self) -> Shown | None:
        if self._back:
            return self._back.pop()
        for item in self._waiting:
            found = self._read(item) if self._claim(item.record_id) else None
            # Whoever corrected the record has judged it.
            if found is not None and found.category == item.stored:
                text, _, evidence, near = found
                left, right = _sides(item, text, named=self.named)
                return Shown(item, text, left, right, evidence if self.named else "", near)
        return None


def _sides(item: Waiting, text: str, *, named: bool) -> tuple[str, str]:
    """Return the two categories in an order that says nothing, and is the same each time; or the store's first."""
    both: Sequence[str] = (item.stored, item.reviewed)
    swapped = not named and sha256(f"{item.record_id} {text}".encode("utf-8", "surrogatepass")).digest()[0] % 2
    return (both[1], both[0]) if swapped else (both[0], both[1])
