"""Do recent records agree with their neighbours as often as earlier ones?

Among the records sampled from both windows, the category of each is compared with the vote of its nearest neighbours by
the cosine of their vectors, in `embedding_json` or else in Chroma. The share of recent records that their neighbours
contradict is compared with that of reference records, category by category, since some categories are contradicted more
often than others. It is not measured if `neighbours` is the reviewer: then `agreement` measures the same.

If it fails, recent decisions contradict earlier ones on similar texts: read those that are contradicted.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.core.text import tenths
from drift_checks.reviews.run import Pipeline
from drift_checks.reviews.windows import COMPARED, NO_VECTORS, Windows
from drift_checks.settings.declarations import NEIGHBOURS
from drift_checks.statistics.embeddings import share_alike
from drift_checks.statistics.slices import SliceCount, compare_slice
from drift_checks.statistics.threads import one_thread

pytestmark = pytest.mark.drift_criterion(
    question="Do recent records agree with their neighbours as often as earlier ones?",
    effect="difference in agreement with the neighbours",
    remedy="Read the recent records whose neighbours have another category.",
    warn=0.05,
    least=100,
)

K = 11
NEARLY_THE_SAME = 0.999999
MOSTLY = 0.5
BLOCK = 500


def test_neighbourhood(windows: Windows, drift_pipeline: Pipeline, need: Need, measure: Measure) -> None:
    """The neighbours contradict recent records no more often than reference records."""
    if drift_pipeline.reviewer_name == NEIGHBOURS:
        pytest.skip("the neighbours are the reviewer, so agreement measures this")
    if not windows.has_vectors:
        pytest.skip(NO_VECTORS)
    recent, reference = (windows.embedded[window] for window in COMPARED)
    need(len(recent.ids), "recent records with a vector", "timestamp")
    need(len(reference.ids), "reference records with a vector", "timestamp")
    categories = [*recent.categories, *reference.categories]
    vectors = np.concatenate([recent.vectors, reference.vectors])
    if share_alike(vectors, NEARLY_THE_SAME) > MOSTLY:
        pytest.skip("most vectors are nearly the same, so no neighbours are nearer than others")
    shared = agrees_with_neighbours(vectors, categories)
    is_recent = np.arange(len(categories)) < len(recent.ids)
    compared = compare_slice(by_category(shared, is_recent, categories))
    if compared is None:
        pytest.skip(f"no category is in both windows ({' and '.join(COMPARED)})")
    now, before = 1 - shared[is_recent].mean(), 1 - shared[~is_recent].mean()
    measure(
        "neighbourhood",
        compared.difference,
        f"the neighbours contradict {tenths(now)} of recent and {tenths(before)} of earlier records",
        number=len(recent.ids),
        p_value=compared.p_value,
    )


def agrees_with_neighbours(vectors: npt.NDArray[np.float32], categories: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which records have the most frequent category among their K nearest others."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.unique(categories, return_inverse=True)[1]
    shared = np.zeros(len(unit), dtype=bool)
    for start in range(0, len(unit), BLOCK):
        with one_thread():
            likeness = unit[start : start + BLOCK] @ unit.T
        own = np.arange(len(likeness))
        likeness[own, start + own] = -np.inf
        near = labels[np.argpartition(-likeness, min(K, len(unit) - 1) - 1, axis=1)[:, :K]]
        votes = (near[:, :, np.newaxis] == near[:, np.newaxis, :]).sum(axis=2)
        shared[start + own] = (near == labels[start + own, np.newaxis]).sum(axis=1) == votes.max(axis=1)
    return shared


def by_category(
    shared: npt.NDArray[np.bool_], is_recent: npt.NDArray[np.bool_], categories: Sequence[str]
) -> list[SliceCount]:
    """Return, for each category, the number of recent and reference records and of those that agree."""
    labels = np.array(categories)
    counts = []
    for category in sorted(set(categories)):
        recent, reference = shared[is_recent & (labels == category)], shared[~is_recent & (labels == category)]
        counts.append(SliceCount(int(recent.sum()), len(recent), int(reference.sum()), len(reference)))
    return counts
