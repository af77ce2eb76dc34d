"""The interface of everything that finds the records nearest to a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from drift_checks.core.records import Record, RecordId

# How many more than the least number are returned, so that a tie beyond it can be seen.
SPARE = 8
# The basis of vectors in a Chroma collection.
CHROMA = "Chroma"
TFIDF_BASIS = "TF-IDF of the texts"


@dataclass(frozen=True, slots=True)
class NearRecord:
    """A record near another one; `similarity` is 1 for equal vectors and decreases with distance.

    Attributes:
        id: None if the store lacks the record.
        category: The category in the store; None if it has none.
    """

    id: RecordId | None
    similarity: float
    text: str | None
    category: str | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the reviewer `neighbours` compared records by, as the report has it.

    Attributes:
        basis: The kind of vectors; runs with another kind are not comparable.
        number: How many there were.
        noun: What `number` counts, such as `vector`.
        remarks: What a reader must know about them.
    """

    basis: str
    number: int
    noun: str = "vector"
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, vectors: VectorSet) -> Self:
        """Return what is known of vectors after a search."""
        return cls(basis=vectors.basis, number=vectors.count, noun=vectors.noun, remarks=vectors.remarks)


class VectorSet(Protocol):
    """Vectors of the records in a store.

    Attributes:
        basis: What records are compared by, as the report names it.
        at_once: How many records a search is made for.
        noun: What `count` counts.
        missing: Why a record cannot be compared.
    """

    basis: str
    missing: str
    at_once: int
    noun: str

    @property
    def count(self) -> int:
        """The number of vectors that a record is compared with; some kinds know it only after a search."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the summary must know about these vectors."""

    def nearest_others(self, records: Sequence[Record], least: int) -> dict[RecordId, list[NearRecord]]:
        """Return at least the `least` nearest others of each record, nearest first, as far as there are.

        The record itself and records with exactly its text are no others. Records without a usable vector are left
        out.
        """
