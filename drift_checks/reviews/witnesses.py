"""The witnesses of a run with several reviewers: what the store and each reviewer say of the same records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift_checks.core.instants import read_instant
from drift_checks.core.records import Record, RecordId, Review, Stratum, as_text
from drift_checks.settings.declarations import NEIGHBOURS, Settings
from drift_checks.statistics.attribution import Answers, Role, alone, counted

if TYPE_CHECKING:
    from drift_checks.reviews.run import Pipeline

STORE = "the store"


@dataclass(frozen=True)
class Witness:
    """The store or a reviewer, and what it speaks for."""

    name: str
    role: Role


@dataclass(frozen=True)
class Statement:
    """What the witnesses say of a record; `lone` is the place of the one that alone contradicts the others."""

    record: Record
    labels: tuple[str, ...]
    lone: int | None

    @property
    def differs(self) -> bool:
        """Whether not all agree."""
        return len(set(self.labels)) > 1

    @property
    def date(self) -> str:
        """The record's time, as stored."""
        return as_text(self.record.values.get("timestamp"))


@dataclass(frozen=True)
class Witnesses:
    """The witnesses, the store first, and their statements on the records for which each has a label.

    `counting` are the places of those whose being alone counts; `silent` says why a reviewer made too few reviews.
    """

    witnesses: tuple[Witness, ...]
    statements: tuple[Statement, ...]
    counting: tuple[int, ...]
    silent: str = ""

    @property
    def roles(self) -> list[Role]:
        """The roles of those that count."""
        return [self.witnesses[place].role for place in self.counting]

    def answers(self, settings: Settings) -> list[Answers]:
        """Return what is compared; a record is recent if it is not older than `old-days`."""
        return [
            Answers(
                tuple(item.labels[place] for place in self.counting),
                is_recent(item.record, settings),
                item.record.stratum is Stratum.LOW_CONFIDENCE,
            )
            for item in self.statements
        ]


def witnesses_of(pipeline: Pipeline) -> Witnesses:
    """Return the witnesses of a run, once its reviews are made."""
    reviewers: list[tuple[str, str | None, Mapping[RecordId, Review]]] = [
        (pipeline.reviewer_name, pipeline.model, pipeline.reviews)
    ]
    reviewers += [(second.name, second.model, second.ledger.reviews) for second in pipeline.second]
    witnesses = (Witness(STORE, Role.STORE), *_with_roles(reviewers, pipeline.versions.get("model_version")))
    counting = counted([item.role for item in witnesses])
    statements = []
    for record in pipeline.sample.records:
        if record.stratum is Stratum.LABEL_ISSUE:
            # Drawn because its label is doubted, so that the store would seem to have moved.
            continue
        made = [reviews[record.id] for _, _, reviews in reviewers if record.id in reviews and reviews[record.id].made]
        if len(made) == len(reviewers):
            labels = (record.category, *(review.category or "" for review in made))
            lone = alone([labels[place] for place in counting])
            statements.append(Statement(record, labels, None if lone is None else counting[lone]))
    silent = "; ".join(_silence(name, reviews.values()) for name, _, reviews in reviewers if _made(reviews) < 1)
    return Witnesses(witnesses, tuple(statements), counting, silent)


def is_recent(record: Record, settings: Settings) -> bool | None:
    """Whether the record is not older than `old-days`; None if its time is unknown."""
    moment = read_instant(record.values.get("timestamp"), settings.naive_timezone)
    return None if moment is None else (settings.as_of - moment).days <= settings.old_days


def _with_roles(reviewers: Iterable[tuple[str, str | None, object]], current_model: str | None) -> Iterator[Witness]:
    """Yield the reviewers; the first that decides as the store does today is its classifier."""
    is_there = False
    for name, model, _ in reviewers:
        role = Role.NEIGHBOURS if name == NEIGHBOURS else Role.INDEPENDENT
        is_own = ":" in name.partition("=")[0]
        is_current = current_model is not None and current_model in (model or "").split(", ")
        if role is Role.INDEPENDENT and not is_there and (is_own or is_current):
            role, is_there = Role.CLASSIFIER, True
        yield Witness(name if model is None or "=" in name else f"{name} ({model})", role)


def _made(reviews: Mapping[RecordId, Review]) -> int:
    return sum(review.made for review in reviews.values())


def _silence(name: str, reviews: Iterable[Review]) -> str:
    reasons = [review.failure for review in reviews if review.failure]
    return f"{name} reviewed no record{f' ({reasons[0]})' if reasons else ''}"
