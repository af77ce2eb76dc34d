"""Assesses the labels of a store by the vectors that it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drift_checks.core.errors import StoreError
from drift_checks.core.records import Record
from drift_checks.reviews.labels.assessment import LabelAssessor
from drift_checks.reviews.labels.issues import LabelAssessment
from drift_checks.reviews.labels.json_vectors import FOLDER, MOST_NUMBERS, KeptVectors
from drift_checks.reviews.labels.records import LabelledRecords
from drift_checks.reviews.labels.sources import OpenChroma, TableSource, choose_source
from drift_checks.reviews.sampler import strata_bounds
from drift_checks.reviews.vectors.cache import ArrayFile
from drift_checks.reviews.windows import Windows
from drift_checks.settings.declarations import Settings
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.records import RecordStore

# Draws the records to learn from. The seed of a run changes every night, and what was predicted would be of no use.
_SEED = 1


def assess_labels(
    settings: Settings,
    store: RecordStore,
    sample: Sequence[Record],
    windows: Windows,
    open_chroma: OpenChroma,
) -> LabelAssessment:
    """Return what a classifier that has not seen the records says of all labels of the store.

    Args:
        settings: The settings of the run.
        store: The store.
        sample: Some of its records.
        windows: Its windows, and the numbers of records by category.
        open_chroma: Opens the collection in Chroma, if there is one and the table holds no vectors.

    Raises:
        StoreError: The store cannot be read.
    """
    source = choose_source(store, sample, open_chroma, settings.min_reviewed)
    records = LabelledRecords(store, source, windows.bounds, strata_bounds(settings, store), _SEED)
    try:
        # What is kept tells whether a text was in the store.
        folder = None if settings.redact else settings.snapshot_dir or default_folder()
    except StoreError:
        folder = None
    identity = (str(settings.db), settings.table, settings.collection, settings.where or "")
    counts = windows.count("category")
    sampled = [record.id for record in sample]
    vectors = None
    if isinstance(source, TableSource) and folder and sum(counts.values()) * source.dimension <= MOST_NUMBERS:
        vectors = KeptVectors(ArrayFile(folder / FOLDER, identity, np.float32))
        source.read_stored = vectors.read
    assessed = LabelAssessor(store, records, counts, _SEED, folder, identity, sampled).assess()
    if vectors is not None:
        vectors.keep()
    return assessed
