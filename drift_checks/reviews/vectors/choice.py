"""Which vectors the reviewer `neighbours` compares records by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from drift_checks.core.errors import StoreError
from drift_checks.core.records import Record
from drift_checks.core.text import count
from drift_checks.reviews.vectors.base import CHROMA, VectorSet
from drift_checks.reviews.vectors.table import COLUMN, TableVectors, usable_vector
from drift_checks.settings.declarations import TFIDF, Settings
from drift_checks.settings.pairs import METADATA_CATEGORY
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.base import VectorCollection
from drift_checks.stores.vectors.linking import Link

OpenCollection = Callable[[], tuple[VectorCollection, Link] | None]


def choose_vectors(
    settings: Settings,
    store: RecordStore,
    sample: Sequence[Record],
    folders: tuple[Path, ...],
    open_collection: OpenCollection,
) -> VectorSet:
    """Return the vectors that the settings name, else those in Chroma, else those in the table, else TF-IDF.

    Raises:
        DriftError: The vectors that the settings name cannot be used; others do not take their place.
    """
    if settings.embedding is not None:
        return _made_from_texts(settings, store, folders)
    if (opened := open_collection()) is not None:
        return _in_collection(settings, *opened)
    if not store.has(COLUMN):
        return _made_from_texts(settings, store, folders)
    having = sum(usable_vector(record) is not None for record in sample)
    # With fewer, too few records could be reviewed for a verdict.
    if having and having >= settings.min_reviewed * len(sample):
        return TableVectors(store)
    note = f"only {having} of {count(len(sample), 'sampled record')} have a vector in {COLUMN}, so texts are compared"
    return _made_from_texts(settings, store, folders, note if having else "")


def same_vectors(
    basis: str, settings: Settings, store: RecordStore, open_collection: OpenCollection, note: str
) -> VectorSet:
    """Return the vectors that another process has chosen with these settings.

    Args:
        basis: The basis of its vectors.
        settings: Its settings, without a function or model that makes vectors.
        store: The same store, opened in this process.
        open_collection: Opens the same collection, if the settings name one.
        note: Why it compares texts.
    """
    if basis == CHROMA and (opened := open_collection()) is not None:
        return _in_collection(settings, *opened)
    return TableVectors(store) if basis == TableVectors.basis else _made_from_texts(settings, store, (), note)


def _in_collection(settings: Settings, collection: VectorCollection, link: Link) -> VectorSet:
    from drift_checks.reviews.vectors.collection import CollectionVectors

    return CollectionVectors(collection, link, dict(settings.columns).get(METADATA_CATEGORY, "category"))


def _made_from_texts(settings: Settings, store: RecordStore, folders: tuple[Path, ...], note: str = "") -> VectorSet:
    from drift_checks.reviews.vectors.texts import TextVectors, Vectoriser

    vectoriser: Vectoriser
    folder = None if settings.redact else _cache_folder(settings.snapshot_dir)
    if settings.embedding in (None, TFIDF):
        from drift_checks.reviews.vectors.tfidf import cached_tfidf

        vectoriser = cached_tfidf(folder)
    else:
        from drift_checks.reviews.vectors.cached_embedding import cached
        from drift_checks.reviews.vectors.embedding import load_embedding

        vectoriser = cached(load_embedding(settings.embedding, folders), folder)
    return TextVectors(store, vectoriser, settings.seed, note)


def _cache_folder(snapshot_dir: Path | None) -> Path | None:
    try:
        return (snapshot_dir or default_folder()) / "embeddings"
    except StoreError:
        return None
