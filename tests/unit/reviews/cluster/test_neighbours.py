"""The reviewer `neighbours` on a cluster: the same reviews, each made once, whatever becomes of the workers."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import SettingError, StoreError
from drift_checks.core.records import RecordId, Review
from drift_checks.reviews.cluster.choice import neighbours_on_cluster, refuse_no_gain
from drift_checks.reviews.cluster.workers import Workers
from drift_checks.reviews.run import Pipeline
from drift_checks.reviews.vectors.base import Comparison
from drift_checks.reviews.vectors.collection import CollectionVectors
from drift_checks.reviews.vectors.table import TableVectors
from drift_checks.reviews.vectors.texts import TextVectors
from drift_checks.settings.declarations import Settings
from tests.support.classifiers import patiently
from tests.support.stores import AS_OF, NAME, BuiltStore, build_store

Found = tuple[dict[RecordId, Review], Comparison | None]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make several blocks of a small sample."""
    for kind in (CollectionVectors, TableVectors, TextVectors):
        monkeypatch.setattr(kind, "at_once", 7)


@pytest.fixture
def store(tmp_path: Path) -> BuiltStore:
    """A store with a Chroma directory beside it, in which some records cannot be compared."""
    found = build_store(tmp_path / "store", disagreeing=[3, 50])
    found.execute(f"update {NAME} set embedding_json = '' where id in (5, 60)")
    return found


@pytest.fixture
def pipeline(tmp_path: Path, store: BuiltStore) -> Iterator[Callable[..., Pipeline]]:
    """Prepares a run with a sample of the store."""
    settings = Settings(
        db=store.db,
        chroma=None,
        snapshot_dir=tmp_path / "snapshots",
        as_of=AS_OF,
        naive_timezone=ZoneInfo("UTC"),
        seed=1,
        sample_size=50,
    )
    made = []

    def make(**changed: Any) -> Pipeline:
        made.append(Pipeline(replace(settings, **changed)))
        made[-1].check()
        return made[-1]

    yield make
    for one in made:
        one.close()


def reviewed(pipeline: Pipeline, on_review: Callable[[Review], None] = lambda review: None) -> Found:
    """Return the reviews of the sample, and what its records were compared by."""
    patiently(lambda: pipeline.review(pipeline.sample.records, on_review), 30)
    pipeline.close_reviewer()
    return dict(pipeline.reviews), pipeline.comparison()


@pytest.mark.server
@pytest.mark.parametrize(
    "kind", ["table", pytest.param("chroma", marks=pytest.mark.slow), pytest.param("texts", marks=pytest.mark.slow)]
)
def test_reviews_and_remarks_are_the_same_as_without_a_cluster(
    scheduler: str, store: BuiltStore, pipeline: Callable[..., Pipeline], kind: str
) -> None:
    """Whatever the records are compared by."""
    settings: dict[str, dict[str, Any]] = {
        "table": {},
        "chroma": {"chroma": store.chroma},
        "texts": {"embedding": "tfidf"},
    }
    given = settings[kind]
    alone, there = pipeline(**given), pipeline(cluster=scheduler, **given)
    assert reviewed(there) == reviewed(alone)
    assert sum(review.made for review in there.reviews.values()) > 50
    used = there.used_cluster()
    assert used is not None
    # One may have searched for all before the other has opened the store.
    assert used.workers in (1, 2)
    assert there.ledger.totals() == alone.ledger.totals()


@pytest.mark.server
def test_the_block_of_a_killed_worker_is_given_to_another(scheduler: str, pipeline: Callable[..., Pipeline]) -> None:
    """Each record has one review, and one call."""
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:
        processes = list(client.run(os.getpid).values())
    there, seen = pipeline(cluster=scheduler), []

    def kill(review: Review) -> None:
        seen.append(review.record_id)
        if len(seen) == 1:
            os.kill(processes[0], signal.SIGKILL)

    assert reviewed(there, kill) == reviewed(pipeline())
    assert sorted(map(str, seen)) == sorted(str(record.id) for record in there.sample.records)
    assert there.ledger.totals()["calls"] == len(seen)


@pytest.mark.server
def test_workers_that_cannot_see_the_file_are_refused(
    scheduler: str, store: BuiltStore, pipeline: Callable[..., Pipeline]
) -> None:
    """The sentence says how they can; nothing is reviewed."""
    there = pipeline(cluster=scheduler)
    _ = there.compared
    store.db.rename(store.db.with_suffix(".away"))
    with pytest.raises(StoreError, match=r"\(on the worker .*; share its folder with the workers at the same path, or"):
        reviewed(there)
    assert not there.reviews


@pytest.mark.server
def test_workers_with_another_file_at_the_same_path_are_refused(
    scheduler: str, store: BuiltStore, pipeline: Callable[..., Pipeline]
) -> None:
    """Its neighbours would be others."""
    there = pipeline(cluster=scheduler)
    _ = there.compared
    store.execute(f"update {NAME} set text = 'another ' || text")
    with pytest.raises(StoreError, match=r"is another store on the worker .*; share its folder"):
        reviewed(there)


@pytest.mark.server
def test_a_store_that_fails_on_a_worker_ends_the_run(
    scheduler: str, store: BuiltStore, pipeline: Callable[..., Pipeline]
) -> None:
    """With the error that it is without a cluster; the reviews so far are kept."""
    there = pipeline(cluster=scheduler)

    def remove(review: Review) -> None:
        if store.db.exists():
            store.db.rename(store.db.with_suffix(".away"))

    with pytest.raises(StoreError) as raised:
        reviewed(there, remove)
    assert raised.value.what == str(store.db)
    assert there.reviews


@pytest.mark.parametrize(
    ("reviewer", "embedding", "in_memory", "problem"),
    [
        ("llm", None, False, "the reviewer 'llm' does not run on a cluster"),
        ("neighbours", "mine:embed", False, "each worker would make the vectors of mine:embed again"),
        ("neighbours", None, True, "workers cannot read records that are in memory"),
    ],
)
def test_what_workers_cannot_do_or_gain_is_refused(
    reviewer: str, embedding: str | None, in_memory: bool, problem: str
) -> None:
    """Before anything is started."""
    settings = Settings(cluster="local", embedding=embedding)
    with pytest.raises(SettingError, match=problem):
        refuse_no_gain(settings, reviewer, in_memory=in_memory)
    refuse_no_gain(replace(settings, cluster=None), reviewer, in_memory=in_memory)


def test_secrets_travel_without_being_shown(
    store: BuiltStore, pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password of the database, and the token of a Chroma server."""
    monkeypatch.setenv("DRIFT_CHROMA_TOKEN", "a-token-of-chroma")
    shipped: list[Any] = []
    monkeypatch.setattr(Workers, "__init__", lambda workers, connection, shipment, **_: shipped.append(shipment))
    url = ServerURL.parse("postgresql://me:a-password@host/records")
    settings = Settings(
        db=url, chroma=ServerURL.parse("http://host:8000"), cluster="tcp://host:8786", texts={"db": url.complete}
    )
    with closing(pipeline()) as alone:
        neighbours_on_cluster(settings, alone.compared, alone.sample.records)
    (shipment,) = shipped
    arrived = pickle.loads(pickle.dumps(shipment))
    assert arrived.settings.db.complete == url.complete
    assert arrived.credentials == {"DRIFT_CHROMA_TOKEN": "a-token-of-chroma"}
    assert not arrived.settings.texts
    assert "a-password" not in repr(shipment)
    assert "a-token" not in repr(shipment)
