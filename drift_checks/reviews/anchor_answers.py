"""What the reviewer of a run said of its anchors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift_checks.reviews.anchors import Anchor

if TYPE_CHECKING:
    from drift_checks.reviews.run import Pipeline


@dataclass(frozen=True)
class AnchorAnswer:
    """What the reviewer said of an anchor tonight."""

    anchor: Anchor
    category: str

    @property
    def is_right(self) -> bool:
        """Whether that is a right category."""
        return self.category in self.anchor.right


@dataclass(frozen=True)
class AnchorAnswers:
    """What the reviewer said of tonight's anchors, and why it said nothing of others.

    Attributes:
        drawn: How many anchors were to be reviewed.
    """

    reviewer: str
    made: tuple[AnchorAnswer, ...]
    drawn: int
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def answers_tonight(pipeline: Pipeline) -> AnchorAnswers:
    """Return what the reviewer of a run said of its anchors, once its reviews are made."""
    made: list[AnchorAnswer] = []
    failures: dict[str, None] = {}
    for anchor in pipeline.anchors_tonight:
        key = anchor.record.id
        review = pipeline.ledger.anchors.get(key) or pipeline.reviews.get(key)
        if review is not None and review.made and review.category:
            made.append(AnchorAnswer(anchor, review.category))
        elif review is not None and review.failure:
            failures[review.failure] = None
    number = len(pipeline.anchors_tonight)
    return AnchorAnswers(pipeline.reviewer_name, tuple(made), number, pipeline.anchors.notes, tuple(failures))
