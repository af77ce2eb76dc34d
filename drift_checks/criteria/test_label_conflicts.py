"""Does the same text have different categories?

Identical texts are found by their hash over the whole store; nearly identical vectors, by cosine, among the records
sampled from both windows. The effect is the share of records in such a conflict, a plain count without a test.

If it fails, the classifier is inconsistent, or records were reclassified without replacing the old ones: settle on one
category, and add a unique index on the hash.
"""

import numpy as np
import numpy.typing as npt
import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.reviews.windows import COMPARED, NO_VECTORS, Windows
from drift_checks.statistics.embeddings import pairs_alike
from drift_checks.stores.conflicts import find_conflicts

pytestmark = pytest.mark.drift_criterion(
    question="Does the same text have different categories?",
    effect="share of the records",
    remedy="Decide which category is right, and keep one record of each text.",
    warn=0.01,
    critical=0.05,
)

# Allows for numbers rounded to six places, and for a different space or full stop.
NEARLY_THE_SAME = 0.999
MOSTLY = 0.5


def test_same_text(windows: Windows, need: Need, measure: Measure) -> None:
    """No text has two categories."""
    store = windows.store
    total = sum(windows.count("category").values())
    need(total, "records")
    conflicts = store.read(lambda connection: find_conflicts(connection, store))
    records = sum(conflict.records for conflict in conflicts)
    example = f", for example record {conflicts[0].first}" if conflicts else ""
    measure(
        "same text",
        records / total if total else None,
        f"{records:,} of {total:,} records have the same text as one in another category{example}",
        number=total,
        texts=len(conflicts),
        first=[conflict.first for conflict in conflicts[:50]],
    )


def test_same_vector(windows: Windows, need: Need, measure: Measure) -> None:
    """No two records with nearly the same vector have different categories."""
    if not windows.has_vectors:
        pytest.skip(NO_VECTORS)
    parts = [windows.embedded[window] for window in COMPARED if len(windows.embedded[window].ids)]
    if not parts:
        pytest.skip("no sampled record has a vector")
    vectors = np.concatenate([part.vectors for part in parts])
    categories = np.array([category for part in parts for category in part.categories])
    found, share = in_conflict(vectors, categories)
    if share > MOSTLY:
        pytest.skip("most vectors are nearly the same, so they do not tell texts apart")
    ids = [key for part in parts for key in part.ids]
    need(len(ids), "sampled records with a vector")
    measure(
        "same vector",
        float(found.mean()),
        f"{int(found.sum()):,} of {len(found):,} sampled records have nearly the vector of one in another category",
        number=len(found),
        first=[ids[place] for place in np.flatnonzero(found)[:50]],
    )


def in_conflict(
    vectors: npt.NDArray[np.float32], categories: npt.NDArray[np.str_]
) -> tuple[npt.NDArray[np.bool_], float]:
    """Return which records have nearly the same vector as one in another category, and the share of pairs alike."""
    found, alike = np.zeros(len(vectors), dtype=bool), 0
    for ones, others in pairs_alike(vectors, NEARLY_THE_SAME):
        alike += len(ones)
        of_ones, of_others = categories[ones], categories[others]
        differing = (of_ones != "") & (of_others != "") & (of_ones != of_others)
        found[ones[differing]] = found[others[differing]] = True
    return found, alike / max(1, len(vectors) * (len(vectors) - 1) // 2)
