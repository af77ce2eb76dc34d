"""Which disagreements of a run are new, and which earlier runs have found as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from drift_checks.core.records import RecordId
from drift_checks.report.run import RunReport
from drift_checks.report.run_differences import Difference, Seen, record_differences

NEW, AGAIN = "new", "again"
_ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth"}


@dataclass(frozen=True)
class Recurrence:
    """How often a record disagreed before.

    Attributes:
        new: Whether the run before reviewed it as well and it did not disagree there.
        times: In how many runs it has disagreed, with this one.
    """

    new: bool
    times: int

    @property
    def group(self) -> str:
        """The group of records in which a page counts it."""
        return NEW if self.new else AGAIN

    @property
    def in_words(self) -> str:
        """As in `new since the run before` or `third time`."""
        new = "new since the run before" if self.new else ""
        times = f"{_ORDINALS[self.times]} time" if self.times in _ORDINALS else f"in {self.times} runs"
        return ", ".join(filter(None, [new, times if self.times > 1 else ""]))


def recurrences(report: RunReport) -> Mapping[RecordId, Recurrence]:
    """Return how often each disagreeing record disagreed before.

    Left out are records of which nothing can be said: they disagree for the first time, and the run before did not
    review them.
    """
    if not report.past:
        return {}
    now = Seen.in_report(report)
    found = record_differences(Seen.by(report.past[-1]), now)
    new = {item.record_id for item in found if item.kind is Difference.NEW}
    before = Counter(key for run in report.past for key in {item.record_id for item in run.disagreements})
    return {key: Recurrence(key in new, before[key] + 1) for key in now.disagreements if key in new or before[key]}
