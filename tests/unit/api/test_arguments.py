"""Settings as keyword arguments become the texts that an option would have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.api.arguments import setting_texts
from drift_checks.core.errors import SettingError
from drift_checks.settings.declarations import Settings
from drift_checks.settings.loading import load
from tests.support.sources import FOLDER, NOW
from tests.support.sources import given as sources

NAMES = st.text("ab ,'\"/=é漢-", min_size=1, max_size=12).map(str.strip).filter(bool)


def loaded(**arguments: object) -> Settings:
    """Return the settings that the arguments stand for."""
    texts = setting_texts(arguments)
    return load(sources({key.removeprefix("drift_"): text for key, text in texts.items()}), NOW)


@given(columns=st.dictionaries(st.sampled_from(["id", "text", "category", "timestamp"]), NAMES, min_size=1))
def test_any_name_of_a_column_can_be_given(columns: dict[str, str]) -> None:
    """Also one with commas and quotes."""
    assert dict(loaded(columns=columns).columns) == columns


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("sample_size", 40, 40),
        ("sample_size", np.int64(40), 40),
        ("sample_size", "auto", None),
        ("warn", 0.9, 0.9),
        ("redact", True, True),
        ("redact", False, False),
        ("taxonomy", Path("labels.yaml"), FOLDER / "labels.yaml"),
        ("as_of", datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC)),
        ("as_of", date(2026, 1, 10), loaded(as_of="2026-01-10").as_of),
        ("naive_timezone", ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Berlin")),
        ("records", [1, "b", np.int64(3)], ("1", "b", "3")),
        ("records", np.array([1, 2]), ("1", "2")),
        ("records", range(2), ("0", "1")),
        ("columns", "text=body", (("text", "body"),)),
        ("columns", {"confidence": "score/100"}, (("confidence", "score/100"),)),
        ("thresholds", {"class_mix": (0.1, 0.5), "trend": (None, "off")}, "class_mix=0.1:0.5,trend=:off"),
        ("least", {"class_mix": 500}, (("class_mix", 500),)),
        ("llm_price", (0.15, 0.6), (0.15, 0.6)),
        ("alerts", "none", ()),
        ("alert_on", {"slack": ["WARNING", "CRITICAL"]}, (("slack", ("WARNING", "CRITICAL")),)),
    ],
)
def test_values_of_python_are_understood(name: str, value: object, meant: object) -> None:
    """By the code that reads the text of an option."""
    expected = loaded(thresholds=meant).thresholds if name == "thresholds" else meant
    assert getattr(loaded(**{name: value}), name) == expected


def test_none_is_the_default() -> None:
    """As if the argument was not given."""
    assert setting_texts({"sample_size": None, "alerts": None}) == {}


def test_a_misspelt_name_is_refused() -> None:
    """The nearest is suggested."""
    with pytest.raises(SettingError) as refused:
        setting_texts({"sample_sise": 50})
    assert str(refused.value) == "sample_sise: unknown setting; did you mean 'sample_size'?"
