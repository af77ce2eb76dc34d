"""What a session gathers: which checks were chosen, and their outcomes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

import pytest

from drift_checks.core.outcomes import Criterion, Outcome, Result
from drift_checks.core.plain import from_plain
from drift_checks.core.records import RecordId, Sample
from drift_checks.plugin.criterion_files import built_in_names
from drift_checks.plugin.findings import STANDS_FOR, first_line
from drift_checks.plugin.keys import OUTCOMES
from drift_checks.report.coverage import Coverage


@dataclass(frozen=True)
class Selection:
    """The criteria by name, the ids of the chosen checks with their criteria, and the number of others by criterion."""

    criteria: dict[str, Criterion] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def outcomes_of(report: pytest.TestReport) -> list[Outcome]:
    """Return the outcomes that the report of a check carries."""
    found = getattr(report, OUTCOMES, [])
    return found if not found or isinstance(found[0], Outcome) else from_plain(list[Outcome], found)


class Gathered:
    """The outcomes of the chosen checks, and the tests that failed without one."""

    def __init__(self) -> None:
        self.selection = Selection()
        self.outcomes: list[Outcome] = []
        self.failed: list[pytest.TestReport] = []

    def add(self, report: pytest.TestReport) -> None:
        """Take the outcomes that the report of a check carries, unless a plugin runs the check again."""
        found = outcomes_of(report)
        if found and report.outcome in ("passed", "failed", "skipped"):
            if report.failed and all(outcome.result is not Result.BROKEN for outcome in found):
                # A plugin has failed the report since.
                found = [replace(outcome, result=Result.BROKEN) for outcome in found]
            self.outcomes += found
        elif report.failed and not hasattr(report, STANDS_FOR):
            self.failed.append(report)

    def add_broken(self, *, redact: bool) -> None:
        """Add an outcome for checks that failed without one, as if a worker crashed."""
        for report in self.failed:
            if criterion := self.selection.chosen.get(report.nodeid):
                said = "" if redact else first_line(report.longreprtext)
                self.outcomes.append(Outcome(criterion, Result.BROKEN, said, check=report.nodeid))

    def other_failures(self) -> list[str]:
        """Return the ids of failed tests beside the checks."""
        return [report.nodeid for report in self.failed if report.nodeid not in self.selection.chosen]

    def coverage(self, sample: Sample) -> Coverage:
        """Return how much of the sample and of the criteria was checked."""
        records: defaultdict[str, set[RecordId]] = defaultdict(set)
        for outcome in self.outcomes:
            if outcome.record_id is not None:
                records[outcome.criterion].add(outcome.record_id)
        done = {outcome.check for outcome in self.outcomes}
        return Coverage(
            records=min(map(len, records.values()), default=0),
            of_records=len(sample.records),
            chosen=sample.chosen,
            criteria=len({outcome.criterion for outcome in self.outcomes}),
            of_criteria=len(built_in_names() | self.selection.criteria.keys()),
            left_out=self.selection.left_out,
            cut_off=Counter(name for check, name in self.selection.chosen.items() if check not in done),
        )
