"""What a report shows of a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.plain import from_plain, to_plain
from drift_checks.core.records import Record, RecordId, Review, Stratum
from drift_checks.core.redaction import redacted
from drift_checks.report.detailing import detail, find_near
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.reviews.vectors.collection import CollectionVectors
from drift_checks.settings.declarations import Settings
from drift_checks.stores.vectors.chroma import DirectoryCollection, create_collection
from tests.support.linking import FixedLink

NOW = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
ROW = {
    "text": "the secret of the house",
    "category": "fraud",
    "timestamp": "2026-01-05T10:00:00",
    "evidence": "the secret",
    "rationale": "since it is secret",
    "model_version": "sage-1",
    "prompt_version": "p-1",
    "embedding_model": "mini",
    "source": "mail",
}
REVIEW = Review(7, "cyber", 0.9, None, "another reason", "another secret", "m-1")


def record(**values: object) -> Record:
    """Return a record with this row and these changes."""
    return Record(7, Stratum.OLD, {"id": 7, **ROW, **values})


def settings(zone: str = "UTC", *, redact: bool = False) -> Settings:
    """Return the settings of a run at that moment."""
    return Settings(seed=1, as_of=NOW, naive_timezone=ZoneInfo(zone), redact=redact)


def test_details_come_from_row_review_and_neighbours() -> None:
    """All that is known is shown."""
    near = (Near("8", "fraud", 0.9, "beside"),)
    assert detail(record(), REVIEW, near, settings()) == Details(
        record_id=7,
        stratum="old",
        text="the secret of the house",
        stored=Reasons("the secret", "since it is secret", "sage-1", "p-1"),
        reviewed=Reasons("another secret", "another reason", "m-1"),
        timestamp="2026-01-05T10:00:00",
        age_days=9,
        source="mail",
        embedding_model="mini",
        near=near,
    )


@pytest.mark.parametrize("nothing", [None, ""])
def test_empty_values_are_none(nothing: object) -> None:
    """Null, empty or a missing column; only the text stays empty."""
    shown = detail(record(**dict.fromkeys(ROW, nothing)), None, (), settings())
    assert shown == Details(7, "old", "", Reasons(), Reasons())
    bare = Record(7, Stratum.OLD, {"id": 7, "text": "t", "category": "a"})
    assert detail(bare, None, (), settings()) == Details(7, "old", "t", Reasons(), Reasons())


def test_other_values_become_text() -> None:
    """Numbers, zero included, and bytes."""
    shown = detail(record(model_version=0, source=1.5, rationale=b"as bytes"), None, (), settings())
    assert (shown.stored.model, shown.source, shown.stored.rationale) == ("0", "1.5", "as bytes")


@pytest.mark.parametrize(
    ("timestamp", "zone", "days"),
    [
        ("2026-01-15T02:00:00Z", "UTC", 0),
        ("2026-01-14T02:00:01Z", "UTC", 0),
        ("2026-01-14T02:00:00Z", "UTC", 1),
        ("2026-01-14 02:30:00", "Europe/Berlin", 1),
        ("2026-01-14 02:30:00", "UTC", 0),
        ("2026-01-16T02:00:00Z", "UTC", -1),
        ("yesterday", "UTC", None),
        (20260101, "UTC", None),
    ],
)
def test_ages_are_whole_days_before_the_reference_time(timestamp: object, zone: str, days: int | None) -> None:
    """Naive times are in the zone of the settings; an unreadable time has no age."""
    shown = detail(record(timestamp=timestamp), None, (), settings(zone))
    assert (shown.age_days, shown.timestamp) == (days, str(timestamp))


def test_a_redacted_report_shows_no_text() -> None:
    """Versions, ages and sources stay."""
    shown = detail(record(), redacted(REVIEW, record()), (), settings(redact=True))
    assert shown.text is None
    assert "secret" not in str(shown)
    assert (shown.stored.model, shown.reviewed.model, shown.age_days, shown.source) == ("sage-1", "m-1", 9, "mail")


VALUES = st.none() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9)


@given(values=st.fixed_dictionaries({}, optional=dict.fromkeys(ROW, VALUES)), redact=st.booleans())
def test_any_row_can_be_shown(values: dict[str, object], redact: bool) -> None:
    """Whatever the store holds."""
    shown = detail(record(**values), None, (), settings(redact=redact))
    assert (shown.text is None) is redact
    assert {type(item) for item in vars(shown).values()} <= {type(None), str, int, Reasons, tuple, dict}


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[CollectionVectors]:
    """A collection with the entry of record 1, its duplicate, and two others, one of them without metadata of ours."""
    chroma = tmp_path / "chroma"
    chroma.mkdir()
    labels: list[dict[str, str | int | float]] = [{"category": "a", "record_id": number} for number in range(3)]
    labels.append({"kind": "odd"})
    create_collection(
        chroma,
        "risks",
        ids=["own", "twin", "near", "far"],
        embeddings=np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32),
        documents=["own text", "own text", "n" * 300, "far"],
        metadatas=labels,
    )
    opened = DirectoryCollection(chroma, "risks", tmp_path / "copies")
    yield CollectionVectors(opened, FixedLink())
    opened.close()


def sought(key: int, chroma_id: str | None) -> Record:
    """Return a record with that entry."""
    return Record(key, Stratum.OLD, {"id": key, "text": "own text", "category": "a", "chroma_id": chroma_id})


def test_neighbours_are_found_nearest_first(vectors: CollectionVectors) -> None:
    """Without the record itself and its duplicates; long texts are cut, or left out if redacted."""
    found = find_near([sought(1, "own")], vectors, redact=False)
    seen = [(near.record_id, near.category, near.text) for near in found[1]]
    assert seen == [("2", "a", "n" * 200), (None, None, "far")]
    assert found[1][0].similarity == pytest.approx(0.8, abs=1e-4)
    assert [near.similarity for near in found[1]] == [round(near.similarity, 4) for near in found[1]]
    shown = find_near([sought(1, "own")], vectors, redact=True)[1]
    assert [(near.record_id, near.category, near.text) for near in shown] == [("2", "a", None), (None, None, None)]


def test_a_record_without_a_vector_has_no_neighbours(vectors: CollectionVectors) -> None:
    """Nor has any without a collection; the others have theirs."""
    assert find_near([sought(1, None), sought(2, "gone"), sought(3, "twin")], vectors, redact=False).keys() == {3}
    assert find_near([sought(1, "own")], None, redact=False) == {}
    assert find_near([], vectors, redact=False) == {}


NAMES = st.none() | st.text()
NEAR = st.builds(Near, NAMES, NAMES, st.floats(allow_nan=False, allow_infinity=False), st.text())
NEIGHBOURS = list[tuple[RecordId, tuple[Near, ...]]]


@given(found=st.dictionaries(st.integers() | st.text(), st.lists(NEAR, max_size=2).map(tuple), max_size=3))
def test_neighbours_can_be_sent_between_processes(found: dict[RecordId, tuple[Near, ...]]) -> None:
    """As plain values; ids keep their type."""
    assert dict(from_plain(NEIGHBOURS, json.loads(json.dumps(to_plain(list(found.items())))))) == found
