"""Do recent texts lie where earlier ones lay?

Vectors of the recent window against those of the reference window, from `embedding_json`. Two tests by permutation:
how well a classifier tells recent from reference vectors, as the area under its curve, where 0.5 is chance
(D. Lopez-Paz and M. Oquab, Revisiting classifier two-sample tests, ICLR 2017), and the maximum mean discrepancy
(A. Gretton et al., A kernel two-sample test, JMLR 13 (2012)).

When it fails, other texts come in or another model embeds them: see `provenance`, and the class mix.
"""

from collections.abc import Callable

import numpy as np
import pytest

from drift_checks.review.windows import Windows
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.embeddings import domain_classifier_auc, maximum_mean_discrepancy, project
from drift_checks.stores.windows import Window

pytestmark = pytest.mark.drift_criterion(
    question="Do recent texts lie where earlier ones lay?",
    effect="area under the curve above chance",
    remedy="Read recent records far from the earlier ones; see whether the embedding model was changed.",
    warn=0.1,
    least=100,
)

DRAWN = 500
PICTURED = 200


def test_embedding_drift(
    windows: Windows, drift_settings: Settings, need: Callable[[int, str], None], measure: Callable[..., None]
) -> None:
    """Recent vectors cannot be told from reference vectors."""
    if not windows.store.has("embedding_json"):
        pytest.skip("the store has no column embedding_json")
    # Drawn in the order of the store, of which the first are the oldest.
    shuffled = np.random.default_rng(drift_settings.seed % 2**32).permutation
    recent, reference = (
        shuffled(windows.embedded[window].vectors)[:DRAWN] for window in (Window.RECENT, Window.REFERENCE)
    )
    need(len(recent), "recent records with a vector")
    need(len(reference), "reference records with a vector")
    told = domain_classifier_auc(reference, recent, drift_settings.seed)
    apart = maximum_mean_discrepancy(reference, recent, drift_settings.seed)
    if told is None or apart is None:
        pytest.skip("too few vectors that can be compared")
    # Either test alone may see it: twice the smaller p-value is that of both.
    p_value = min(1.0, 2 * min(told.p_value, apart.p_value))
    shown = np.concatenate([reference[:PICTURED], recent[:PICTURED]])
    measure(
        "embeddings",
        max(0.0, told.value - 0.5),
        f"recent vectors are told from earlier ones with an area under the curve of {told.value:.2f} (0.5 is chance),"
        f" maximum mean discrepancy {apart.value:z.4f}",
        number=len(recent),
        p_value=p_value,
        area=told.value,
        discrepancy=apart.value,
        points=np.round(project(shown), 3).tolist(),
        reference_points=len(reference[:PICTURED]),
    )
