"""Anchors: texts whose right category is known, from judgements that are certain and from the user's gold set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from drift_checks.core.records import Record, RecordId, Stratum, forms_of
from drift_checks.core.text import printable, quoted
from drift_checks.reviews.judgements.judgement import Judged, Judgement, Origin, hash_of

# So many digits of a digest tell texts apart.
_KEY = 16
Read = Callable[[Sequence[RecordId]], Iterable[Record]]


@dataclass(frozen=True)
class Anchor:
    """A text whose right categories are known.

    Attributes:
        record: The record with this text; one made for it if the store has none.
        right: The categories that are right, at least one.
        is_stored: Whether the store has the record.
        name: What messages call it, as in `record 7`.
        answers: What reviewers answered before it was judged: the name of each, and whether it was right.
    """

    record: Record
    right: frozenset[str]
    name: str
    is_stored: bool = True
    answers: tuple[tuple[str, bool], ...] = ()

    @property
    def record_id(self) -> RecordId | None:
        """The id of the record in the store, None for a text of the user's own."""
        return self.record.id if self.is_stored else None

    @property
    def text(self) -> str:
        """The text."""
        return self.record.text

    @property
    def key(self) -> str:
        """What tells the anchor from others, on any night: a digest of its text and of the categories that are right.

        An answer that was right by others says nothing of whether the reviewer moved.
        """
        return hash_of("\0".join([self.text, *sorted(self.right)]))[:_KEY]


@dataclass(frozen=True)
class GoldLine:
    """A line of the user's gold set: a record's id, a text, or both, and the categories that are right.

    Attributes:
        number: The number of the line.
        unknown: One of these categories that no record has, empty if there is none.
    """

    number: int
    right: frozenset[str]
    record_id: str = ""
    text: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class Anchors:
    """The anchors of a store, in an order that new ones hardly change, and notes on what is wrong with others."""

    all: tuple[Anchor, ...] = ()
    notes: tuple[str, ...] = ()


def find_anchors(judged: Judged, gold: Iterable[GoldLine], read: Read) -> Anchors:
    """Return the anchors of a store; if both name a text, the gold set wins.

    Args:
        judged: The judgements of the store.
        gold: The user's gold set.
        read: Reads records of the store.
    """
    gold = list(gold)
    certain = list(_certain(judged))
    wanted = [made[0].record_id for made in certain] + [
        key for line in gold if line.record_id for key in forms_of(line.record_id)
    ]
    records = {str(record.id): record for record in read(list(dict.fromkeys(wanted)))} if wanted else {}
    found: dict[str, Anchor] = {}
    notes: dict[str, None] = {}
    for anchor in (*_judged_anchors(certain, records), *_gold_anchors(gold, records)):
        if isinstance(anchor, str):
            notes[anchor] = None
        else:
            found[anchor.text] = anchor
    return Anchors(tuple(sorted(found.values(), key=attrgetter("key"))), tuple(notes))


def _certain(judged: Judged) -> Iterator[list[Judgement]]:
    """Yield what was judged of each text for which all judges who decided name the same categories."""
    of_text: dict[tuple[str, str], list[Judgement]] = {}
    for item in judged.all:
        if item.decides:
            of_text.setdefault((str(item.record_id), item.text_hash), []).append(item)
    for made in of_text.values():
        if made[0].right and all(item.right == made[0].right for item in made):
            yield made


def _judged_anchors(certain: Iterable[Sequence[Judgement]], records: Mapping[str, Record]) -> Iterator[Anchor | str]:
    for made in certain:
        first = made[0]
        record = records.get(str(first.record_id))
        if record is None:
            yield f"record {printable(first.record_id)} is gone or left out, so it is no longer an anchor"
        elif hash_of(record.text) != first.text_hash:
            yield f"the text of {_name(record)} changed since it was judged, so it is no longer an anchor"
        else:
            yield Anchor(record, first.right, _name(record), answers=tuple(_answers(made)))


def _answers(made: Iterable[Judgement]) -> Iterator[tuple[str, bool]]:
    """Yield what reviewers answered: the name of each, and whether it was right, once for each run."""
    said = {
        (item.run_id, item.versions["reviewer"]): item.reviewed in item.right
        for item in made
        if item.origin is Origin.REVIEW and item.versions.get("reviewer")
    }
    return ((name, right) for (_, name), right in said.items())


def _gold_anchors(gold: Iterable[GoldLine], records: Mapping[str, Record]) -> Iterator[Anchor | str]:
    for line in gold:
        if line.unknown:
            yield f"line {line.number} of the gold set names {quoted(line.unknown)}, a category that no record has"
        record = records.get(line.record_id)
        if not line.record_id:
            yield Anchor(_made_for(line.text), line.right, f"line {line.number} of the gold set", is_stored=False)
        elif record is None:
            yield f"record {printable(line.record_id)} of the gold set is gone or left out, so it is no anchor"
        elif line.text and line.text != record.text:
            yield f"the text of {_name(record)} is not the one in the gold set, so it is no anchor"
        else:
            yield Anchor(record, line.right, _name(record))


def _name(record: Record) -> str:
    return f"record {printable(record.id)}"


def _made_for(text: str) -> Record:
    key = f"gold-{hash_of(text)[:_KEY]}"
    return Record(key, Stratum.BASELINE, {"id": key, "text": text, "category": ""})
