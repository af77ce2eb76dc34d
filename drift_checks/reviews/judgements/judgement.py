"""A judgement: what a person says about one record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from drift_checks.core.records import Record, RecordId
from drift_checks.core.text import printable
from drift_checks.stores.identity import StoreIdentity


class Answer(StrEnum):
    """Which category is right. WITHDRAWN takes the judge's previous answer back."""

    STORE = "store"
    REVIEWER = "reviewer"
    OTHER = "other"
    BOTH = "both"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


class Origin(StrEnum):
    """Why a record was judged: its turn came, `label_issues` doubts its label, or somebody picked it by its id.

    Only judgements by turn tell of the whole store. For LABEL_ISSUE, `reviewed` is what the criterion predicts.
    """

    REVIEW = "review"
    LABEL_ISSUE = "label_issue"
    PICKED = "picked"


# In sentences, after "judged".
ANSWER_WORDS = {
    Answer.STORE: "the store is right",
    Answer.REVIEWER: "the reviewer is right",
    Answer.OTHER: "another category is right",
    Answer.BOTH: "both are acceptable",
    Answer.UNKNOWN: "cannot tell",
    Answer.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a judge says about the two categories that a record had.

    Attributes:
        text_hash: Of the text that was judged, as `hash_of` returns it.
        stored: The category in the store then.
        reviewed: The category that the reviewer chose, or that `label_issues` predicts.
        category: The right category if the answer is OTHER; empty if the judge named none.
        judge: Who judged.
        made: When, with a zone.
        run_id: The run that found the record; empty if the judgement was imported.
        versions: Those that decided in that run, by the keys of VERSION_WORDS.
        blind: Whether the judge could not see which category is the store's.
    """

    store: StoreIdentity
    record_id: RecordId
    text_hash: str
    stored: str
    reviewed: str
    answer: Answer
    judge: str
    made: datetime
    category: str = ""
    run_id: str = ""
    origin: Origin = Origin.REVIEW
    versions: Mapping[str, str] = field(default_factory=dict)
    blind: bool = True

    @property
    def right(self) -> frozenset[str]:
        """The categories that are right; empty if the judge named none."""
        found = {
            Answer.STORE: (self.stored,),
            Answer.REVIEWER: (self.reviewed,),
            Answer.BOTH: (self.stored, self.reviewed),
            Answer.OTHER: (self.category,) if self.category else (),
        }
        return frozenset(found.get(self.answer, ()))

    @property
    def content(self) -> tuple[object, ...]:
        """Who says what of which text of which record."""
        return (self.store, str(self.record_id), self.text_hash, self.judge, self.answer, self.category)

    @property
    def decides(self) -> bool:
        """Whether it says anything about the two categories."""
        return self.answer not in (Answer.UNKNOWN, Answer.WITHDRAWN)

    def says_of(self, category: str) -> bool | None:
        """Return whether this category is right for the text; None if the judgement does not say."""
        if not self.decides:
            return None
        if self.right:
            return category in self.right
        return False if category in (self.stored, self.reviewed) else None

    def contradicts(self, other: Judgement) -> bool:
        """Whether no category can be right by both judgements of the same text."""
        if not (self.decides and other.decides):
            return False
        mine, yours = (item.right or frozenset({""}) for item in (self, other))
        return not mine & yours

    def sentence(self, *, redacted: bool = False) -> str:
        """Return what was judged, by whom and when, as in `judged by anna on 2027-01-31: the store is right`.

        If it is redacted, without a category that the judge typed, which may be any text.
        """
        words = ANSWER_WORDS[self.answer]
        if self.answer is Answer.OTHER and self.category and not redacted:
            words = f"{printable(self.category)} is right"
        return f"judged by {printable(self.judge)} on {self.made:%Y-%m-%d}: {words}"


def hash_of(text: str) -> str:
    """Return the SHA-256 of the UTF-8 text, as hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def answer_for(category: str, stored: str, reviewed: str) -> Answer:
    """Return the answer that calls this category right."""
    if category == stored:
        return Answer.BOTH if category == reviewed else Answer.STORE
    return Answer.REVIEWER if category == reviewed else Answer.OTHER


def standing(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Return the newest judgement of each judge on each text of a record; a withdrawn one leaves the one before it."""
    made: dict[tuple[object, ...], list[Judgement]] = {}
    # Of two at the same moment, the one that was written later is the newer.
    for item in sorted(judgements, key=lambda item: item.made):
        key = (item.store, str(item.record_id), item.text_hash, item.judge)
        # The newest goes last.
        answers = made[key] = made.pop(key, [])
        if item.answer is not Answer.WITHDRAWN:
            answers.append(item)
        elif answers:
            answers.pop()
    return [answers[-1] for answers in made.values() if answers]


class PresentRecord(NamedTuple):
    """What the store has of a record now: the hash of its text, and its category."""

    text_hash: str
    category: str


class Judged:
    """The standing judgements of one store.

    Args:
        present: The judged records as the store has them now, by id, as far as that is known.
    """

    def __init__(
        self,
        judgements: Iterable[Judgement],
        store: StoreIdentity,
        present: Mapping[str, PresentRecord] = MappingProxyType({}),
    ) -> None:
        own = [item for item in judgements if item.store == store]
        self._made, self._store, self._present = own, store, present
        self.all = standing(own)
        self._answers: Counter[tuple[str, str]] = Counter()
        for item in own:
            self._answers[str(item.record_id), item.judge] += -1 if item.answer is Answer.WITHDRAWN else 1
        self._of_record: dict[str, list[Judgement]] = {}
        for item in self.all:
            self._of_record.setdefault(str(item.record_id), []).append(item)

    def of_record(self, record_id: RecordId) -> Sequence[Judgement]:
        """Return all judgements of a record, whatever its text was."""
        return self._of_record.get(str(record_id), ())

    def of(self, record_id: RecordId, text_hash: str) -> Sequence[Judgement]:
        """Return the judgements of a record's text; none if the text changed since."""
        return [item for item in self.of_record(record_id) if item.text_hash == text_hash]

    def of_present(self, present: Mapping[str, PresentRecord]) -> Judged:
        """Return the judgements of texts that the store has, given the judged records as they are there, by id."""
        there = {(key, item.text_hash) for key, item in present.items()}
        made = [item for item in self._made if (str(item.record_id), item.text_hash) in there]
        return Judged(made, self._store, present)

    def repaired(self, since: str) -> dict[str, str]:
        """Return the former categories, by id, of records that judges called wrong and that are right now.

        Only judgements of what this run or a later one found count.
        """
        found: dict[str, str] = {}
        for item in self.all:
            key = str(item.record_id)
            now = self._present.get(key)
            if now is None or now.category == item.stored or item.run_id < since:
                continue
            if item.says_of(item.stored) is False and judged_right(self.of_record(item.record_id), now.category):
                found[key] = item.stored
        return found

    def times(self, record_id: RecordId, judge: str) -> int:
        """Return how often the judge answered for the record, without answers that were withdrawn."""
        return self._answers[str(record_id), judge]


def judged_right(judgements: Iterable[Judgement], category: str) -> bool | None:
    """Return whether all judges who could tell call the category right, or all wrong; None otherwise."""
    said = {said for item in judgements if (said := item.says_of(category)) is not None}
    return said.pop() if len(said) == 1 else None


def settled_records(judged: Judged, records: Iterable[Record]) -> dict[tuple[RecordId, str], str]:
    """Return the records whose stored category is right by all judges who decided, and the newest judgement of each.

    A judgement holds for the text that was judged: a changed text is open again.
    """
    found = {}
    for record in records:
        if not judged.of_record(record.id):
            continue
        newest = settling(judged.of(record.id, hash_of(record.text)), record.category)
        if newest is not None:
            found[record.id, record.category] = newest.sentence()
    return found


def settling(judgements: Sequence[Judgement], category: str) -> Judgement | None:
    """Return the newest judgement of a text that calls the category right, if all judges who decided do."""
    if not judged_right(judgements, category):
        return None
    return max((item for item in judgements if item.says_of(category)), key=lambda item: item.made)


def said_of(judged: Judged, texts: Mapping[RecordId, str], *, redacted: bool = False) -> dict[RecordId, list[str]]:
    """Return what each judge says of these texts of records, the newest first; without records that nobody judged."""
    found = {}
    for key, text in texts.items():
        if judged.of_record(key) and (made := judged.of(key, hash_of(text))):
            newest_first = sorted(made, key=lambda item: item.made, reverse=True)
            found[key] = [item.sentence(redacted=redacted) for item in newest_first]
    return found
