"""Does the same text stand under different categories?

Texts that are word for word the same, found by their hash over the whole store; and vectors that are all but the same,
among the records drawn from both windows, compared by cosine. The effect is the share of the records that are in such a
conflict. Counts, no chance involved.

When it fails, the classifier is not steady, or records were classified anew without replacing the old: decide one, and
keep a unique index on the hash.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from drift_checks.review.windows import COMPARED, Windows
from drift_checks.stores.conflicts import find_conflicts

pytestmark = pytest.mark.drift_criterion(
    question="Does the same text stand under different categories?",
    effect="share of the records",
    remedy="Decide which category is right, and keep one record of each text.",
    warn=0.01,
    critical=0.05,
)

# What numbers rounded to six places leave of 1, with some room for a space or a full stop.
NEARLY_THE_SAME = 0.999
BLOCK = 500


def test_same_text(windows: Windows, need: Callable[[int, str], None], measure: Callable[..., None]) -> None:
    """No text stands under two categories."""
    store = windows.store
    total = sum(windows.count("category").values())
    need(total, "records")
    conflicts = store.read(lambda connection: find_conflicts(connection, store))
    records = sum(conflict.records for conflict in conflicts)
    example = f", as that of record {conflicts[0].first}" if conflicts else ""
    measure(
        "same text",
        records / total if total else None,
        f"{records:,} of {total:,} records share their text with one of another category{example}",
        number=total,
        texts=len(conflicts),
        first=[conflict.first for conflict in conflicts[:50]],
    )


def test_same_vector(windows: Windows, need: Callable[[int, str], None], measure: Callable[..., None]) -> None:
    """No two records that lie at one place have different categories."""
    if not windows.store.has("embedding_json"):
        pytest.skip("the store has no column embedding_json")
    there = [windows.embedded[window] for window in COMPARED if len(windows.embedded[window].ids)]
    if not there:
        pytest.skip("no drawn record has a vector")
    vectors = np.concatenate([part.vectors for part in there])
    categories = np.array([category for part in there for category in part.categories])
    ids = [key for part in there for key in part.ids]
    need(len(ids), "drawn records with a vector")
    found = in_conflict(vectors, categories)
    measure(
        "same vector",
        float(found.mean()),
        f"{int(found.sum()):,} of {len(found):,} drawn records lie where one of another category lies",
        number=len(found),
        first=[ids[place] for place in np.flatnonzero(found)[:50]],
    )


def in_conflict(vectors: npt.NDArray[np.float32], categories: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Return which records lie nearly where one of another category lies.

    Args:
        vectors: Shape (records, dimension), none of them zero.
        categories: One a record.
    """
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found, labelled = np.zeros(len(unit), dtype=bool), categories != ""
    for start in range(0, len(unit), BLOCK):
        part = slice(start, start + BLOCK)
        near = (unit[part] @ unit.T >= NEARLY_THE_SAME) & labelled[None, :] & labelled[part, None]
        found[part] = (near & (categories[part, None] != categories[None, :])).any(axis=1)
    return found
