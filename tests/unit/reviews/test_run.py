"""A run up to the reviews."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.errors import NothingToReview, ReviewerError, SettingError, StoreError
from drift_checks.core.records import Review, Stratum
from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import Settings
from tests.support.folders import contents
from tests.support.stores import AS_OF, BuiltStore
from tests.support.tables import write_table

COLUMNS = "text, category, confidence real, timestamp text"


@pytest.fixture
def settings(store: BuiltStore, tmp_path: Path) -> Settings:
    """A review of the small sound store."""
    return Settings(
        db=store.db,
        chroma=store.chroma,
        snapshot_dir=tmp_path / "snapshots",
        seed=1,
        as_of=AS_OF,
        naive_timezone=ZoneInfo("UTC"),
    )


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """Closed at the end."""
    made = Pipeline(settings)
    yield made
    made.close()


def check(settings: Settings) -> None:
    """Check the settings and the store before anything is reviewed."""
    with closing(Pipeline(settings)) as pipeline:
        pipeline.check()


def of_table(settings: Settings, rows: list[tuple[object, ...]], id_column: str = "id integer") -> Settings:
    """Return settings for a table with these rows in place of the store's."""
    assert settings.snapshot_dir is not None
    path = write_table(settings.snapshot_dir.parent / f"{len(rows)}.db", rows, f"{id_column}, {COLUMNS}")
    return replace(settings, db=path)


def test_neighbours_are_not_asked_twice(settings: Settings) -> None:
    """They give the same answer each time; another reviewer may be repeated."""
    with pytest.raises(SettingError) as refused:
        check(replace(settings, repeat=3))
    assert str(refused.value) == (
        "repeat: the reviewer 'neighbours' never contradicts itself, so there is nothing to measure; omit it, or name"
        " another reviewer with --drift-reviewer=NAME."
    )
    with closing(Pipeline(replace(settings, repeat=3), lambda _: "a")) as pipeline:
        pipeline.check()


def test_a_deterministic_classifier_is_not_asked_twice(settings: Settings) -> None:
    """It says so by an attribute."""

    class Fixed:
        deterministic = True

        def classify(self, text: str) -> str:
            return "a"

    with closing(Pipeline(replace(settings, repeat=3), Fixed())) as pipeline, pytest.raises(SettingError) as refused:
        pipeline.check()
    assert "Fixed says deterministic = True, so there is nothing to measure" in str(refused.value)


@pytest.mark.parametrize("redact", [False, True])
def test_a_refusal_quotes_no_text_of_a_redacted_run(settings: Settings, redact: bool) -> None:
    """What the user's code raises may hold the text."""

    def classify(text: str) -> str:
        raise ValueError(text)

    with closing(Pipeline(replace(settings, redact=redact), classify)) as pipeline:
        records = pipeline.sample.records[:10]
        with pytest.raises(ReviewerError, match="fails for every text") as refused:
            pipeline.review(records, lambda review: None)
    assert any(record.text[:40] in str(refused.value) for record in records) is not redact


def test_a_sample_is_drawn_by_the_seed(pipeline: Pipeline, settings: Settings) -> None:
    """All strata of the store are counted."""
    sample = pipeline.sample
    assert sample.sizes == {Stratum.LOW_CONFIDENCE: 30, Stratum.OLD: 60, Stratum.BASELINE: 30}
    assert sample.drawn() == {Stratum.LOW_CONFIDENCE: 30, Stratum.OLD: 20, Stratum.BASELINE: 10}
    assert len({record.id for record in sample.records}) == 60
    assert Pipeline(settings).sample == sample
    assert Pipeline(replace(settings, seed=2)).sample.records != sample.records


def test_each_record_is_reviewed_once(pipeline: Pipeline) -> None:
    """However often it is asked for; each is reported as it is made."""
    told: list[Review] = []
    records = pipeline.sample.records
    pipeline.review(records[:10], told.append)
    pipeline.review(records, told.append)
    assert sorted(str(review.record_id) for review in told) == sorted(str(record.id) for record in records)
    assert all(pipeline.reviews[record.id].made for record in records)


def test_a_review_leaves_the_store_as_it_was(pipeline: Pipeline, store: BuiltStore) -> None:
    """Checking opens no vectors, which may be large; no private copy stays."""
    before = contents(store.folder)
    pipeline.check()
    assert pipeline.opened_vectors() is None
    pipeline.review(pipeline.sample.records, lambda review: None)
    pipeline.close()
    assert contents(store.folder) == before
    assert pipeline.settings.snapshot_dir is not None
    assert contents(pipeline.settings.snapshot_dir) == {}


def test_exactly_the_chosen_records_are_reviewed(settings: Settings) -> None:
    """In place of a sample."""
    sample = Pipeline(replace(settings, records=("7", "12"))).sample
    assert sorted(str(record.id) for record in sample.records) == ["12", "7"]


def test_records_can_be_chosen_by_the_names_of_their_checks(settings: Settings) -> None:
    """As they are in a node id; an id that is such a name goes first, and a name of two records is refused."""
    rows: list[tuple[object, ...]] = [
        *(("7", "t", "lost card", 0.5, "2020-01-01"), ("7-lost_card", "t", "c", 0.5, "2020-01-01")),
        *(("a-1", "t", "b-c", 0.5, "2020-01-01"), ("a", "t", "1-b-c", 0.5, "2020-01-01"), (8, "t", "x", 0.5, "2020")),
    ]
    of_rows = of_table(settings, rows, "id")
    for name, ids in (("7-lost_card", ["7-lost_card"]), ("7-lost_card-c", ["7-lost_card"]), ("8-x", [8])):
        sample = Pipeline(replace(of_rows, records=(name,))).sample
        assert [record.id for record in sample.records] == ids
    with pytest.raises(SettingError, match=r"records: a-1-b-c may be any of the records a(-1)?, a(-1)?; name the id"):
        check(replace(of_rows, records=("a-1-b-c",)))
    with pytest.raises(SettingError, match="records: 8-y not found in "):
        check(replace(of_rows, records=("8-y",)))


def test_records_can_be_chosen_where_the_ids_have_no_declared_type(settings: Settings) -> None:
    """As in a view, or a table made without types."""
    rows: list[tuple[object, ...]] = [(key, "t", "c", 0.5, "2020-01-01") for key in range(1, 6)]
    sample = Pipeline(replace(of_table(settings, rows, "id"), records=("2",))).sample
    assert [record.id for record in sample.records] == [2]


def test_a_store_that_cannot_be_reviewed_is_refused(settings: Settings) -> None:
    """Each error has its type and its remedy."""
    stamp = (AS_OF - timedelta(days=1)).isoformat()
    twice: list[tuple[object, ...]] = [(1 + key // 2, "t", "c", 0.5, "2020-01-01") for key in range(200)]
    sure: list[tuple[object, ...]] = [(key, "t", "c", 0.9, stamp) for key in range(100)]
    for refused_settings, kind, words in (
        (replace(settings, records=("7", "9999")), SettingError, "records: 9999 not found in "),
        (replace(settings, db=None, chroma=None), SettingError, "--drift-db=FILE .* DRIFT_DB .*drift_db.*--drift-demo"),
        (replace(settings, embedding="no_such_module:f"), SettingError, "no module 'no_such_module'"),
        (of_table(settings, twice), StoreError, "occurs twice"),
        (of_table(settings, sure), NothingToReview, "--drift-low-confidence-below"),
        (of_table(settings, []), NothingToReview, "is empty"),
    ):
        with pytest.raises(kind, match=words):
            check(refused_settings)


@pytest.mark.parametrize(
    ("reading", "what"),
    [
        ("garbage", "an unreadable timestamp, such as 'garbage'"),
        (None, "no timestamp"),
    ],
)
def test_timestamps_that_cannot_be_read_are_noted(settings: Settings, reading: object, what: str) -> None:
    """With an example, and with what decides instead."""
    rows: list[tuple[object, ...]] = [(key, "t", "c", 0.5, "2020-01-01") for key in range(100)]
    sample = Pipeline(of_table(settings, [*rows, (1000, "t", "c", 0.5, reading)])).sample
    assert sample.unreadable == {"timestamp": 1}
    assert f"1 record has {what}: the confidence alone decides the stratum" in sample.notes


def test_a_column_that_cannot_be_used_is_noted_once(settings: Settings) -> None:
    """The other one divides the store."""
    rows: list[tuple[object, ...]] = [(key, "t", "c", key % 100, "2020-01-01") for key in range(200)]
    sample = Pipeline(of_table(settings, rows)).sample
    assert sum("--drift-columns=confidence=confidence/100" in note for note in sample.notes) == 1
    assert {record.stratum for record in sample.records} == {Stratum.OLD}
    assert sample.unreadable == {}


def test_a_store_without_any_usable_column_is_reviewed_uniformly(settings: Settings) -> None:
    """With an example of what cannot be read."""
    rows: list[tuple[object, ...]] = [(key, "t", "c", "high", "last week") for key in range(200)]
    sample = Pipeline(of_table(settings, rows)).sample
    assert {record.stratum for record in sample.records} == {Stratum.BASELINE}
    assert any("as in 'last week'" in note for note in sample.notes)
    assert any("as in 'high'" in note for note in sample.notes)


def test_a_few_repeated_ids_damage_only_their_records(settings: Settings) -> None:
    """The others are reviewed."""
    rows: list[tuple[object, ...]] = [(min(key, 97), "t", "c", 0.5, "2020-01-01") for key in range(100)]
    rows.append((None, "t", "c", 0.5, "2020-01-01"))
    sample = Pipeline(of_table(settings, rows)).sample
    ids = [record.id for record in sample.records]
    assert len(ids) == len(set(ids))
    assert "1 record has no id and is left out" in sample.notes


def test_binary_ids_are_drawn_and_named_in_hexadecimal_digits(settings: Settings) -> None:
    """One can be requested alone."""
    rows: list[tuple[object, ...]] = [(bytes([key, 255]), "t", "c", 0.5, "2020-01-01") for key in range(200)]
    binary = of_table(settings, rows)
    sample = Pipeline(binary).sample
    assert {str(record.id)[2:] for record in sample.records} == {"ff"}
    for named in ("07ff", "07FF", "07-ff"):
        assert [record.id for record in Pipeline(replace(binary, records=(named,))).sample.records] == ["07ff"]


def test_an_id_too_large_for_sqlite_is_not_found(settings: Settings) -> None:
    """Instead of a traceback."""
    with pytest.raises(SettingError, match="99999999999999999999 not found"):
        check(replace(settings, records=("99999999999999999999",)))
