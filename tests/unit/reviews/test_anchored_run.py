"""Anchors in a run: reviewed among the records, and counted apart."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.reviews.anchor_answers import AnchorAnswers, answers_tonight
from drift_checks.reviews.journal import JOURNAL_FILE, Journal
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, hash_of
from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import Settings
from drift_checks.stores.identity import StoreIdentity
from tests.support.judgements import judgement
from tests.support.stores import AS_OF, BuiltStore

HEADER = {"run_id": "20260115T020000Z-abc123"}


class Asked:
    """A classifier that notes the texts that it is asked about, and names the category in them."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def classify(self, text: str) -> str:
        """Answer."""
        self.texts.append(text)
        return text.rpartition(" matters")[0].rpartition(" ")[2] or "financial"


@pytest.fixture
def settings(store: BuiltStore, tmp_path: Path) -> Settings:
    """A review of ten records of the small sound store, with a gold set of thirty of the user's own texts."""
    gold = tmp_path / "gold.csv"
    lines = [f"My own text number {number} on regulatory matters.,regulatory" for number in range(30)]
    gold.write_text("\n".join(["text,category", *lines]), encoding="utf-8")
    return Settings(
        db=store.db,
        snapshot_dir=tmp_path / "copies",
        reports=tmp_path / "reports",
        seed=1,
        as_of=AS_OF,
        naive_timezone=ZoneInfo("UTC"),
        sample_size=10,
        baseline=0,
        gold=gold,
    )


def reviewed(
    settings: Settings, reviewer: object, journal: Path | None = None, *, alone: bool = False
) -> tuple[Pipeline, AnchorAnswers]:
    """Return a run that reviewed its sample and its anchors, or only these."""
    pipeline = Pipeline(settings, [reviewer])
    with closing(pipeline):
        pipeline.check()
        if journal is not None:
            pipeline.use_journal(Journal(journal), HEADER)
        records = () if alone else pipeline.sample.records
        anchors = pipeline.anchors_to_review({record.id for record in records})
        pipeline.review(records, lambda review: None, anchors=anchors)
        return pipeline, answers_tonight(pipeline)


def test_anchors_are_reviewed_among_the_records_and_counted_apart(settings: Settings) -> None:
    """The figures of the sample are the same as without them; only the calls count."""
    asked = Asked()
    run, answers = reviewed(replace(settings, concurrency=1), asked)
    alone, _ = reviewed(replace(settings, gold=None), Asked())
    own = [text.startswith("My own") for text in asked.texts]
    assert (len(own), sum(own)) == (20, 10)
    assert own != sorted(own)
    assert own != sorted(own, reverse=True)
    assert run.reviews.keys() == alone.reviews.keys()
    assert run.ledger.totals() | {"calls": 10, "median_seconds": 0, "slowest_seconds": 0} == alone.ledger.totals() | {
        "median_seconds": 0,
        "slowest_seconds": 0,
    }
    assert (len(answers.made), all(item.is_right for item in answers.made)) == (10, True)


def test_the_seed_draws_the_anchors_of_a_night(settings: Settings) -> None:
    """From half as many more, so that each returns two nights in three."""
    drawn = {}
    for seed in range(8):
        _, answers = reviewed(replace(settings, seed=seed), Asked())
        drawn[seed] = {item.anchor.key for item in answers.made}
    _, again = reviewed(replace(settings, seed=3), Asked())
    assert {item.anchor.key for item in again.made} == drawn[3] != drawn[4]
    assert len(set().union(*drawn.values())) == 15


def test_a_judged_record_in_the_sample_is_reviewed_once(settings: Settings) -> None:
    """Its review counts in both."""
    records = reviewed(replace(settings, gold=None), Asked())[0].sample.records
    store = StoreIdentity(str(settings.db), settings.table, settings.collection)
    made = [
        judgement(
            record.id, Answer.STORE, store=store, stored=record.category, reviewed="x", text_hash=hash_of(record.text)
        )
        for record in records[:6]
    ]
    JudgementFile(settings.reports).add(made)
    asked = Asked()
    run, answers = reviewed(replace(settings, gold=None), asked)
    assert (len(asked.texts), len(run.ledger.anchors), len(answers.made)) == (10, 0, 6)
    run, answers = reviewed(replace(settings, gold=None), Asked(), alone=True)
    assert (len(run.ledger.anchors), len(answers.made)) == (6, 6)


def test_a_budget_is_for_the_sample_first(settings: Settings) -> None:
    """Only what it leaves is for anchors, and the others say why they have no review."""
    run, answers = reviewed(replace(settings, max_calls=13), Asked())
    assert sum(review.made for review in run.reviews.values()) == 10
    assert (len(answers.made), answers.drawn) == (3, 10)
    assert answers.failures == ("the budget of 13 calls is spent",)


def test_no_anchor_is_paid_for_twice(settings: Settings, tmp_path: Path) -> None:
    """A run that goes on takes over what its journal holds."""
    path = tmp_path / JOURNAL_FILE
    reviewed(settings, Asked(), path)
    asked = Asked()
    _, answers = reviewed(settings, asked, path)
    assert (asked.texts, len(answers.made)) == ([], 10)


@pytest.mark.parametrize("changed", [{"anchors": 0}, {"records": ("1", "2")}])
def test_none_are_reviewed_if_they_are_off_or_records_are_named(settings: Settings, changed: dict[str, object]) -> None:
    """Exactly the named records are reviewed."""
    asked = Asked()
    _, answers = reviewed(replace(settings, **changed), asked)  # type: ignore[arg-type]
    assert answers.drawn == 0
    assert not any(text.startswith("My own") for text in asked.texts)


def test_neighbours_know_only_texts_with_a_vector(settings: Settings) -> None:
    """By the vectors of the store, a text of the user's own cannot be compared; by its words it can."""
    by_vectors = reviewed(settings, "neighbours")[1]
    assert (by_vectors.made, len(by_vectors.failures)) == ((), 1)
    by_words = reviewed(replace(settings, embedding="tfidf"), "neighbours")[1]
    assert all(item.is_right for item in by_words.made)
    assert len(by_words.made) == 10


def test_judgements_that_cannot_be_read_do_not_end_the_run(settings: Settings) -> None:
    """The gold set is there still; the end of the run warns of the file."""
    JudgementFile(settings.reports).path.mkdir(parents=True)
    assert reviewed(settings, Asked())[1].drawn == 10


def test_a_malformed_gold_set_is_refused_before_any_call(settings: Settings) -> None:
    """As every setting is."""
    assert settings.gold is not None
    settings.gold.write_text("text,category\nhelp\n", encoding="utf-8")
    asked = Asked()
    with pytest.raises(SettingError, match="does not have 2 cells"):
        reviewed(settings, asked)
    assert asked.texts == []
