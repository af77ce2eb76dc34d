"""The names that every session of pytest declares."""

from __future__ import annotations

from drift_checks.settings.declarations import declared
from drift_checks.settings.names import NAMES, SWITCHES


def test_each_declared_setting_is_named_once() -> None:
    """A setting that is declared but not named would be an unknown option of pytest."""
    assert sorted((*NAMES, *SWITCHES)) == sorted(setting.key for setting in declared())


def test_switches_are_the_settings_that_are_off_by_default() -> None:
    """They take no value on the command line."""
    assert set(SWITCHES) == {setting.key for setting in declared() if setting.default is False}
