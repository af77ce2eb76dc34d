"""What earlier runs said of the records that a report lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from drift_checks.core.records import RecordId
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.settings.declarations import POINT


@dataclass(frozen=True)
class PastReview:
    """An earlier run that drew a record.

    `reviewed` is the category that the reviewer named then if it was not the stored one, else None.
    """

    run: RecordedRun
    reviewed: str | None

    @property
    def agreed(self) -> bool:
        """Whether it is certain that reviewer and store agreed: history names disagreements, not missing reviews."""
        every = not self.run.reviewer.failed and not self.run.reviewer.not_asked
        return self.reviewed is None and every and self.run.decision == POINT and not self.run.agreement.acknowledged


def past_reviews(
    past: Sequence[RecordedRun], records: Collection[RecordId], most: int
) -> dict[RecordId, list[PastReview]]:
    """Return up to `most` earlier reviews of each of the records, the newest first."""
    wanted = set(records)
    found: dict[RecordId, list[PastReview]] = {}
    for run in reversed(past):
        said = {item.record_id: item.reviewed for item in run.disagreements}
        for key in wanted.intersection(run.sample.record_ids):
            reviews = found.setdefault(key, [])
            if len(reviews) < most:
                reviews.append(PastReview(run, said.get(key)))
    return found
