"""The witnesses of a run with several reviewers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.records import Stratum
from drift_checks.reviews.run import Pipeline
from drift_checks.reviews.witnesses import Witnesses, witnesses_of
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.attribution import Role
from tests.support.stores import AS_OF, BuiltStore


@pytest.fixture
def settings(store: BuiltStore, tmp_path: Path) -> Settings:
    """A review of the small sound store, without Chroma."""
    return Settings(db=store.db, snapshot_dir=tmp_path / "copies", seed=1, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))


def financial(_: str) -> str:
    """Always say the same."""
    return "financial"


def no_answer(_: str) -> str:
    """Always fail."""
    raise ValueError("no line")


def heard(settings: Settings, *reviewers: object) -> Witnesses:
    """Return what the witnesses of a review say."""
    with closing(Pipeline(settings, list(reviewers))) as pipeline:
        pipeline.check()
        pipeline.review(pipeline.sample.records, lambda review: None)
        return witnesses_of(pipeline)


def test_the_first_classifier_of_ones_own_is_todays(settings: Settings) -> None:
    """Any further one is independent, and neighbours speak for the store's labels; they do not count beside two."""
    found = heard(settings, "neighbours", financial, str.lower)
    names = [(item.name, item.role) for item in found.witnesses]
    assert names == [
        ("the store", Role.STORE),
        ("neighbours", Role.NEIGHBOURS),
        (f"{__name__}:financial", Role.CLASSIFIER),
        ("builtins:str.lower", Role.INDEPENDENT),
    ]
    assert found.counting == (0, 2, 3)


def test_a_record_counts_if_every_reviewer_classified_it(settings: Settings) -> None:
    """With its labels in the order of the witnesses, and who of those that count is alone."""
    found = heard(settings, financial, "neighbours")
    assert len(found.statements) == 60
    for item in found.statements:
        stored, other, neighbours = item.labels
        assert (stored, other) == (item.record.category, "financial")
        assert item.differs is (len(set(item.labels)) > 1)
        assert item.lone == (1 if stored == neighbours != "financial" else item.lone)
    assert not found.silent


def test_a_reviewer_without_a_review_is_named_with_its_reason(settings: Settings) -> None:
    """There is nothing to compare then."""
    found = heard(settings, financial, no_answer)
    assert found.statements == ()
    assert "no_answer reviewed no record (" in found.silent
    assert "no line" in found.silent


def test_recent_records_are_those_not_older_than_old_days(settings: Settings) -> None:
    """As the strata have it."""
    settings = replace(settings, old_days=90)
    found = heard(settings, financial, str.lower)
    ages = {
        str(item.record.stratum): answers.is_recent
        for item, answers in zip(found.statements, found.answers(settings), strict=True)
        if item.record.stratum != "low_confidence"
    }
    assert ages == {"old": False, "baseline": True}


def test_records_drawn_because_their_labels_are_doubted_say_nothing(settings: Settings) -> None:
    """Half of the sample would make the store seem to have moved, and the reviewers unstable."""
    settings = replace(settings, stability=60)
    with closing(Pipeline(settings, [financial, str.lower])) as pipeline:
        first, *others = pipeline.sample.records
        doubted = replace(first, stratum=Stratum.LABEL_ISSUE)
        pipeline.__dict__["sample"] = replace(pipeline.sample, records=(doubted, *others))
        pipeline.review(pipeline.sample.records, lambda review: None)
        pipeline.review_variants()
        found = witnesses_of(pipeline)
    assert [item.record for item in found.statements] == others
    assert pipeline.ledger.variants.keys() == {record.id for record in others}
