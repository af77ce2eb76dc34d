"""How much of a review was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Coverage:
    """What was checked.

    Attributes:
        records: The records that were checked, of those in the sample.
        chosen: Whether the user named the records.
        criteria: The criteria that were checked, of all.
        left_out: The number of checks that were not chosen, by criterion.
        cut_off: The number of checks that were chosen but not made, by criterion.
    """

    records: int = 0
    of_records: int = 0
    chosen: bool = False
    criteria: int = 0
    of_criteria: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    cut_off: Mapping[str, int] = field(default_factory=dict)

    @property
    def in_part(self) -> set[str]:
        """The names of the criteria that were checked in part."""
        return {*self.left_out, *self.cut_off}

    def __str__(self) -> str:
        records = f"{self.records:,} of {self.of_records:,}{' chosen' if self.chosen else ''} records"
        return ", ".join([*([records] if self.records else []), f"{self.criteria} of {self.of_criteria} criteria"])
