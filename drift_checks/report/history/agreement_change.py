"""A night since which agreement is different, as report.json and the history record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class AgreementChange:
    """A night since which agreement in the sample is different.

    Attributes:
        run_id: The first run with the new agreement.
        started: When that run began.
        earliest: When the first run of the 95 % interval of that night began.
        latest: When the last run of that interval began.
        before: The agreement before, from 0 to 1.
        after: The agreement since, from 0 to 1.
        p_value: The probability of so clear a change if no night differs from the others.
        versions: What changed that night, else between `earliest` and `latest`: each version's or setting's name, with
            its value before and after.
        same_night: Whether `versions` changed that night.
    """

    run_id: str
    started: datetime
    earliest: datetime
    latest: datetime
    before: float
    after: float
    p_value: float
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    same_night: bool = True
