"""Errors that a user is told of."""

from __future__ import annotations

import pytest

from drift_checks.core import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SettingError, 4),
        (errors.StoreError, 4),
        (errors.StoreChanged, 4),
        (errors.ReviewerError, 4),
        (errors.ReportsError, 4),
        (errors.ArchiveError, 4),
        (errors.NothingToReview, 5),
        (errors.RunInProgress, 75),
    ],
)
def test_each_error_ends_a_run_with_its_code(error: type[errors.DriftError], code: int) -> None:
    """As schedulers know them."""
    assert error.exit_code == code


def test_the_nearest_name_is_offered() -> None:
    """Where there is one."""
    assert errors.nearest("tabel", ["table", "chroma"]) == "; did you mean 'table'?"


def test_nothing_is_offered_where_nothing_is_near() -> None:
    """A guess would mislead."""
    assert errors.nearest("xyz", ["table", "chroma"]) == ""


def test_a_refused_setting_without_a_nearest_ends_in_a_stop() -> None:
    """It is a sentence."""
    assert str(errors.invalid_setting("seed", "--drift-seed", "x", "a whole number")) == (
        "seed: 'x' (from --drift-seed) is not allowed; allowed is a whole number."
    )
