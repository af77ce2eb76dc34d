"""One judge's session: the record in turn, the answers, and what can be undone; it knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from drift_checks.core.errors import nearest
from drift_checks.core.files import Claims
from drift_checks.core.text import count, printable
from drift_checks.operations.judging.records import NearText, ReadRecord
from drift_checks.report.waiting import Waiting
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, Judgement, Origin

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Shown:
    """A record as the store has it now, of which a judge sees the two categories as the first and the second.

    Attributes:
        near: The nearest texts, those with the first category first.
        obstacle: Why there are no nearest texts; empty if there are some.
    """

    waiting: Waiting
    text: str
    first: str
    second: str
    evidence: str = ""
    near: tuple[NearText, ...] = ()
    obstacle: str = ""

    @property
    def agreed(self) -> bool:
        """Whether there is only one category to judge."""
        return self.first == self.second

    @property
    def roles(self) -> tuple[str, str]:
        """What names the first and the second category if the judge may know it."""
        return "store", "predicted" if self.waiting.origin is Origin.LABEL_ISSUE else "reviewer"


class Source(Protocol):
    """Where the sessions of a process get their records from."""

    def waiting(self, judge: str) -> Iterator[Waiting]:
        """Yield the records that wait for the judge now, the most informative first."""

    def read(self, item: Waiting) -> ReadRecord | None:
        """Return the record as the store has it now; None if it is gone, or its category is another."""

    def disagreements(self) -> tuple[int, int]:
        """Return how many of the disagreements are judged, by whomever, and of how many."""


class JudgingSession:
    """Hands out the records and saves each answer at once.

    Args:
        claims: Where it claims the record that it shows, so that no other session shows it.
        owner: The name of the session there.
        named: Whether the judge sees which category is the store's: it is then the first.
    """

    def __init__(
        self,
        source: Source,
        file: JudgementFile,
        claims: Claims,
        judge: str,
        clock: Clock,
        *,
        owner: str = "",
        named: bool = False,
    ) -> None:
        self.named = named
        self.judge = judge
        self.answered = 0
        self.last: Judgement | None = None
        self._source, self._file, self._claims, self._clock = source, file, claims, clock
        self._owner = owner
        # Of the judgements so far; None after an answer, which changes what tells most.
        self._waiting: Iterator[Waiting] | None = None
        self._passed: set[str] = set()
        self._back: list[Shown] = []
        self._done: list[tuple[Shown, Judgement]] = []
        self.current: Shown | None = None
        self.resume()

    def answer(self, answer: Answer, category: str = "") -> None:
        """Save the answer about the current record and go on to the next."""
        assert self.current is not None
        made = self.current.waiting.judgement(
            self.current.text, answer, self.judge, self._clock(), category, blind=not self.named
        )
        self._file.add([made])
        self.answered += 1
        self.last = made
        self._done.append((self.current, made))
        self._waiting = None
        self._go_on()

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

    def choose_typed(self, typed: str, categories: Sequence[str]) -> str:
        """Save that the category that the judge typed is right; return why not if the store has no such category."""
        if typed not in categories:
            advice = nearest(typed, categories) or "choose one of the list"
            return f"{printable(typed)!r} is not a category of the store; {advice}"
        self.choose(typed)
        return ""

    def skip(self) -> None:
        """Go on without an answer."""
        assert self.current is not None
        self._passed.add(str(self.current.waiting.record_id))
        self._go_on()

    def disagreements(self) -> tuple[int, int]:
        """Return how many of the disagreements are judged, by whomever, and of how many."""
        return self._source.disagreements()

    def progress(self) -> str:
        """Return how many answers were saved in this session, and how many disagreements are judged, by whomever."""
        judged, of = self.disagreements()
        return f"{self.answered:,} so far; {judged:,} of {count(of, 'disagreement')} judged"

    def undo(self) -> bool:
        """Take the last answer back and show its record again; return False without one."""
        if not self._done:
            return False
        shown, made = self._done.pop()
        self._file.add([replace(made, answer=Answer.WITHDRAWN, category="", made=self._clock())])
        self.answered -= 1
        self._waiting = None
        if self.current is not None:
            self._back.append(self.current)
        self.current = shown
        self._claims.take(str(shown.waiting.record_id), self._owner)
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer to take back."""
        return bool(self._done)

    def pause(self) -> None:
        """Let other sessions have the records that this one holds."""
        for shown in (*self._back, *([] if self.current is None else [self.current])):
            self._release(shown)
        self._back.clear()
        self.current = self._waiting = None

    def resume(self) -> None:
        """Go on after a pause, or look again whether a record waits."""
        if self.current is None:
            self._waiting = None
            self.current = self._next()

    def _go_on(self) -> None:
        # If the store cannot be read now, the answered record must not be shown again.
        shown, self.current = self.current, None
        if shown is not None:
            self._release(shown)
        self.current = self._next()

    def _next(self) -> Shown | None:
        if self._waiting is None:
            self._waiting = self._put_off(self._source.waiting(self.judge))
        if self._back:
            return self._back.pop()
        for item in self._waiting:
            key = str(item.record_id)
            if key in self._passed or not self._claims.take(key, self._owner):
                continue
            if (found := self._source.read(item)) is not None:
                return _shown(item, found, named=self.named)
            self._passed.add(key)
            self._claims.release(key, self._owner)
        return None

    def _put_off(self, items: Iterator[Waiting]) -> Iterator[Waiting]:
        """Yield the record that was answered last after all others: who contradicts would see it again at once."""
        last = self._done[-1][0].waiting.record_id if self._done else None
        later = []
        for item in items:
            if item.record_id == last:
                later.append(item)
            else:
                yield item
        yield from later

    def _release(self, shown: Shown) -> None:
        self._claims.release(str(shown.waiting.record_id), self._owner)


def _shown(item: Waiting, found: ReadRecord, *, named: bool) -> Shown:
    first, second = _sides(item, found.text, named=named)
    # In the order of the store's labels, they would tell which one is stored.
    near = tuple(sorted(found.near, key=lambda near: (near.category != first, near.category != second)))
    return Shown(item, found.text, first, second, found.evidence if named else "", near, found.obstacle)


def _sides(item: Waiting, text: str, *, named: bool) -> tuple[str, str]:
    """Return the two categories in an order that says nothing, and is the same each time; or the store's first."""
    both: Sequence[str] = (item.stored, item.reviewed)
    swapped = not named and sha256(f"{item.record_id} {text}".encode("utf-8", "surrogatepass")).digest()[0] % 2
    return (both[1], both[0]) if swapped else (both[0], both[1])
