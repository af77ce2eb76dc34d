"""Are recent texts similar to earlier ones?

The vectors of the recent window are compared with those of the reference window, from `embedding_json` or else from
Chroma, by two permutation tests: how well a classifier distinguishes recent from reference vectors, as the area under
its ROC curve, where 0.5 is chance (D. Lopez-Paz and M. Oquab, Revisiting classifier two-sample tests, ICLR 2017), and
the maximum mean discrepancy (A. Gretton et al., A kernel two-sample test, JMLR 13 (2012)).

If it fails, the texts changed, or another model embeds them: check `provenance` and `class_mix`.
"""

import numpy as np
import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.reviews.windows import COMPARED, NO_VECTORS, Windows
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.embeddings import domain_classifier_auc, maximum_mean_discrepancy, project

pytestmark = pytest.mark.drift_criterion(
    question="Are recent texts similar to earlier ones?",
    effect="area under the curve above chance",
    remedy="Read recent records far from the earlier ones, and check whether the embedding model was changed.",
    warn=0.1,
    least=100,
)

DRAWN = 500
PICTURED = 200


def test_embedding_drift(windows: Windows, drift_settings: Settings, need: Need, measure: Measure) -> None:
    """Recent vectors cannot be distinguished from reference vectors."""
    if not windows.has_vectors:
        pytest.skip(NO_VECTORS)
    # They are in the order of the store, oldest first.
    shuffled = np.random.default_rng(drift_settings.seed % 2**32).permutation
    recent, reference = (shuffled(windows.embedded[window].vectors)[:DRAWN] for window in COMPARED)
    need(len(recent), "recent records with a vector", "timestamp")
    need(len(reference), "reference records with a vector", "timestamp")
    distinction = domain_classifier_auc(reference, recent, drift_settings.seed)
    discrepancy = maximum_mean_discrepancy(reference, recent, drift_settings.seed)
    if distinction is None or discrepancy is None:
        pytest.skip("too few comparable vectors")
    # Either test may find a difference, so the smaller p-value is doubled.
    p_value = min(1.0, 2 * min(distinction.p_value, discrepancy.p_value))
    shown = np.concatenate([reference[:PICTURED], recent[:PICTURED]])
    measure(
        "embeddings",
        max(0.0, distinction.value - 0.5),
        "a classifier distinguishes recent from earlier vectors with an area under the curve of"
        f" {distinction.value:.2f} (0.5 is chance), maximum mean discrepancy {discrepancy.value:z.4f}",
        number=len(recent),
        p_value=p_value,
        area=distinction.value,
        discrepancy=discrepancy.value,
        points=np.round(project(shown), 3).tolist(),
        reference_points=len(reference[:PICTURED]),
    )
