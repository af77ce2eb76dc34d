"""The reviewers beside the first."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.reviews.journal import JOURNAL_FILE, Journal
from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import Settings
from tests.support.stores import AS_OF, BuiltStore

HEADER = {"run_id": "20260115T020000Z-abc123"}


@pytest.fixture
def settings(store: BuiltStore, tmp_path: Path) -> Settings:
    """A review of the small sound store, without Chroma."""
    return Settings(db=store.db, snapshot_dir=tmp_path / "copies", seed=1, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))


class Counting:
    """A classifier that counts its calls and always says the same; `name` tells two apart."""

    def __init__(self, category: str = "financial") -> None:
        self.category = category
        self.calls = 0

    def classify(self, text: str) -> str:
        """Answer."""
        self.calls += 1
        return self.category


class Other(Counting):
    """Another one."""


class Broken:
    """A classifier that always fails."""

    def classify(self, text: str) -> str:
        """Fail, and quote the text."""
        raise ValueError(text)


def reviewed(settings: Settings, reviewers: list[object], journal: Path | None = None, number: int = 12) -> Pipeline:
    """Return a run that reviewed the first records of its sample."""
    pipeline = Pipeline(settings, reviewers)
    with closing(pipeline):
        pipeline.check()
        if journal is not None:
            pipeline.use_journal(Journal(journal), HEADER)
        pipeline.review(pipeline.sample.records[:number], lambda review: None)
    return pipeline


def test_each_reviews_the_same_records_once(settings: Settings) -> None:
    """The first one's repeats and reviews stay its own."""
    first, other = Counting(), Other("regulatory")
    run = reviewed(replace(settings, repeat=4), [first, other, "neighbours"])
    records = {record.id for record in run.sample.records[:12]}
    assert (first.calls, other.calls) == (16, 12)
    assert [set(ledger.reviews) for ledger in (run.ledger, *(second.ledger for second in run.second))] == [records] * 3
    assert {review.category for review in run.second[0].ledger.reviews.values()} == {"regulatory"}
    assert [second.ledger.repeats for second in run.second] == [{}, {}]


def test_one_that_fails_leaves_the_first_as_it_is(settings: Settings) -> None:
    """Its reviews say why there is none; a redacted run quotes no text."""
    run = reviewed(replace(settings, redact=True), [Counting(), Broken()])
    assert all(review.made for review in run.reviews.values())
    (second,) = run.second
    assert len(second.ledger.reviews) == 12
    assert not any(review.made for review in second.ledger.reviews.values())
    failures = " ".join(review.failure or "" for review in second.ledger.reviews.values())
    assert "ValueError" in failures
    assert not any(record.text[:30] in failures for record in run.sample.records)


def test_the_budget_is_that_of_the_whole_run(settings: Settings) -> None:
    """The first reviewer spends it first; what is left is for the second."""
    first, other = Counting(), Other()
    run = reviewed(replace(settings, max_calls=20), [first, other])
    assert (first.calls, other.calls) == (12, 8)
    assert sum(not review.asked for review in run.second[0].ledger.reviews.values()) == 4


def test_no_review_is_paid_for_twice(settings: Settings, tmp_path: Path) -> None:
    """A run that goes on takes over what its journal holds of each reviewer."""
    path = tmp_path / JOURNAL_FILE
    reviewed(settings, [Counting(), Other()], path)
    first, other = Counting(), Other()
    run = reviewed(replace(settings, max_calls=30), [first, other], path, number=15)
    assert (first.calls, other.calls) == (3, 3)
    assert len(run.second[0].ledger.reviews) == 15


def test_only_what_the_first_reviewed_is_asked_about(settings: Settings) -> None:
    """An answer on other records could be compared with nothing."""
    other = Other()
    reviewed(replace(settings, max_calls=5), [Counting(), other])
    assert other.calls == 0


def test_an_unusable_second_reviewer_is_refused_before_any_call(settings: Settings) -> None:
    """As the first one is."""
    first = Counting()
    with pytest.raises(SettingError, match="the reviewer 'llm' needs a model"):
        reviewed(settings, [first, "llm"])
    assert first.calls == 0
