"""Which vectors the reviewer `neighbours` compares records by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.core.errors import StoreError
from drift_checks.core.records import Record
from drift_checks.core.text import count
from drift_checks.reviews.vectors.base import VectorSet
from drift_checks.reviews.vectors.table import COLUMN, TableVectors, usable_vector
from drift_checks.settings.declarations import TFIDF, Settings
from drift_checks.settings.pairs import METADATA_CATEGORY
from drift_checks.stores.linking import Link
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.vectors import VectorCollection

if TYPE_CHECKING:
    from drift_checks.reviews.vectors.embedding import EmbeddingVectoriser
    from drift_checks.reviews.vectors.texts import Vectoriser


def choose_vectors(
    settings: Settings,
    store: RecordStore,
    sample: Sequence[Record],
    folders: tuple[Path, ...],
    open_collection: Callable[[], tuple[VectorCollection, Link] | None],
) -> VectorSet:
    """Return the vectors that the settings name, else those in Chroma, else those in the table, else TF-IDF.

    Raises:
        DriftError: The vectors that the settings name cannot be used; others do not take their place.
    """
    if settings.embedding is not None:
        return _made_from_texts(settings, store, folders)
    if (opened := open_collection()) is not None:
        from drift_checks.reviews.vectors.collection import CollectionVectors

        return CollectionVectors(*opened, dict(settings.columns).get(METADATA_CATEGORY, "category"))
    if not store.has(COLUMN):
        return _made_from_texts(settings, store, folders)
    having = sum(usable_vector(record) is not None for record in sample)
    # With fewer, too few records could be reviewed for a verdict.
    if having and having >= settings.min_reviewed * len(sample):
        return TableVectors(store)
    note = f"only {having} of {count(len(sample), 'sampled record')} have a vector in {COLUMN}, so texts are compared"
    return _made_from_texts(settings, store, folders, note if having else "")


def _made_from_texts(settings: Settings, store: RecordStore, folders: tuple[Path, ...], note: str = "") -> VectorSet:
    from drift_checks.reviews.vectors.texts import TextVectors

    vectoriser: Vectoriser
    if settings.embedding in (None, TFIDF):
        from drift_checks.reviews.vectors.tfidf import TfidfVectoriser

        vectoriser = TfidfVectoriser()
    else:
        from drift_checks.reviews.vectors.embedding import load_embedding

        embedding = load_embedding(settings.embedding, folders)
        vectoriser = embedding if settings.redact else _cached(embedding, settings.snapshot_dir)
    return TextVectors(store, vectoriser, settings.seed, note)


def _cached(embedding: EmbeddingVectoriser, snapshot_dir: Path | None) -> Vectoriser:
    """Return the embedding with a cache, unless nothing tells its versions apart, or there is no folder for one."""
    from drift_checks.reviews.vectors.cache import CachedVectoriser, VectorCache

    try:
        folder = (snapshot_dir or default_folder()) / "embeddings"
    except StoreError:
        return embedding
    return CachedVectoriser(embedding, VectorCache(folder, embedding.identity)) if embedding.identity else embedding
