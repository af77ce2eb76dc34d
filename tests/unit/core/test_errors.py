"""Errors that are reported to the user."""

from __future__ import annotations

import pickle

from drift_checks.core import errors


def test_each_error_ends_a_run_with_its_code() -> None:
    """Schedulers rely on it."""
    unusable = (errors.SettingError, errors.StoreError, errors.ReviewerError)
    assert {error.exit_code for error in (*unusable, errors.ReportsError, errors.ArchiveError)} == {4}
    passing = (errors.StoreLocked, errors.StoreChanged, errors.RunInProgress)
    assert {error.exit_code for error in passing} == {75}
    assert errors.NothingToReview.exit_code == 5


def test_an_error_reads_as_a_sentence() -> None:
    """What is at fault, the problem and the remedies; empty remedies are skipped."""
    error = errors.StoreError("a.db", "is damaged", "restore it", "", "ask")
    assert (error.what, error.problem, error.remedy) == ("a.db", "is damaged", "restore it; ask")
    assert str(error) == "a.db: is damaged; restore it; ask."
    assert str(errors.StoreError("a.db", "is damaged")) == "a.db: is damaged."
    assert str(errors.SettingError("tabel", "is not a setting", "did you mean 'table'?")).endswith("'table'?")


def test_an_error_can_be_rewritten_and_pickled() -> None:
    """Its kind and its parts stay."""
    error = errors.StoreError("a.db", "the key sk-1 is wrong", "replace sk-1").rewritten(
        lambda text: text.replace("sk-1", "…")
    )
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied)) == (errors.StoreError, "a.db: the key … is wrong; replace ….")


def test_the_nearest_name_is_suggested() -> None:
    """Only if it is similar enough."""
    assert errors.nearest("tabel", ["table", "chroma"]) == "did you mean 'table'?"
    assert errors.nearest("xyz", ["table", "chroma"]) == ""
