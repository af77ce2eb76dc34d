"""Which vectors are compared."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.reviews.run import Pipeline
from drift_checks.settings.declarations import Settings
from tests.support.stores import AS_OF, NAME, BuiltStore, build_store


@pytest.fixture
def store(tmp_path: Path) -> BuiltStore:
    """A store with a Chroma directory beside it."""
    return build_store(tmp_path / "store")


@pytest.fixture
def basis(tmp_path: Path, store: BuiltStore) -> Callable[..., tuple[str, tuple[str, ...]]]:
    """Return what a run compares by, and its remarks."""

    def chosen(**changed: object) -> tuple[str, tuple[str, ...]]:
        settings = Settings(
            db=store.db,
            chroma=None,
            snapshot_dir=tmp_path / "snapshots",
            as_of=AS_OF,
            naive_timezone=ZoneInfo("UTC"),
            seed=1,
        )
        with closing(Pipeline(replace(settings, **changed))) as pipeline:  # type: ignore[arg-type]
            return pipeline.compared.basis, pipeline.compared.remarks

    return chosen


def test_chroma_comes_first_then_the_table_then_the_texts(
    store: BuiltStore, basis: Callable[..., tuple[str, tuple[str, ...]]]
) -> None:
    """A setting takes precedence over all of them."""
    assert basis(chroma=store.chroma)[0] == "Chroma"
    assert basis()[0] == "vectors in the table (embedding_json)"
    assert basis(chroma=store.chroma, embedding="tfidf")[0] == "TF-IDF of the texts"
    assert basis(embedding="json:dumps")[0] == "vectors made by json:dumps"
    store.execute(f"update {NAME} set embedding_json = '' where id % 3 > 0")
    found, remarks = basis()
    assert found == "TF-IDF of the texts"
    assert remarks[0].startswith("only ")
    assert remarks[0].endswith(" of 60 sampled records have a vector in embedding_json, so texts are compared")
    store.execute(f"update {NAME} set embedding_json = ''")
    assert len(basis()[1]) == 1
    store.execute(f"alter table {NAME} drop column embedding_json")
    assert basis()[0] == "TF-IDF of the texts"


@pytest.mark.parametrize("redact", [False, True])
def test_vectors_of_texts_are_kept_unless_texts_are_redacted(
    tmp_path: Path, store: BuiltStore, *, redact: bool
) -> None:
    """They can reveal texts."""
    settings = Settings(
        db=store.db,
        chroma=None,
        snapshot_dir=tmp_path / "snapshots",
        as_of=AS_OF,
        naive_timezone=ZoneInfo("UTC"),
        embedding="tests.unit.reviews.vectors.test_choice:embed",
        redact=redact,
    )
    with closing(Pipeline(settings)) as pipeline:
        pipeline.compared.nearest_others(pipeline.sample.records[:1], 5)
    assert len(list(tmp_path.glob("snapshots/embeddings/*.arrays"))) == (not redact)


def embed(texts: list[str]) -> list[list[float]]:
    """Return a vector of each text."""
    return [[len(text), text.count("e"), 1] for text in texts]
