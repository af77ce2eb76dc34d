"""What record_integrity says of values that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.records import Damaged, Record, Stratum
from drift_checks.criteria.test_record_integrity import confidence_faults, timestamp_faults, unreadable_faults
from drift_checks.settings.declarations import Settings

SOUND = Record(1, Stratum.OLD, {"id": 1, "text": "t", "category": "c", "confidence": 0.5, "timestamp": "2026-01-01"})
SETTINGS = Settings(as_of=datetime(2026, 1, 15, tzinfo=UTC), naive_timezone=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("id", Damaged(17, "is the id of several records"), "id 17 is the id of several records"),
        ("text", Damaged(b"\xff", "is not UTF-8"), r"text b'\xff' is not UTF-8"),
        ("confidence", Damaged("high", "is not a number"), "confidence is 'high', which is not a number"),
        ("confidence", None, "confidence is None, which is not a number"),
        ("timestamp", Damaged(5, "is not readable"), "timestamp 5 is not readable"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(column: str, value: object, fault: str) -> None:
    """Once, as it is stored."""
    record = replace(SOUND, values={**SOUND.values, column: value})
    for sound, expected in ((SOUND, []), (record, [fault])):
        faults = [*unreadable_faults(sound), *confidence_faults(sound), *timestamp_faults(sound, SETTINGS)]
        assert faults == expected
