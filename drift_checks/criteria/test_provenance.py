"""Do all vectors come from one embedding model, and are earlier ones archived?

Cosine between vectors of two models means nothing, so a collection that holds both answers at random: the share of
records whose `embedding_model` is not the commonest. And the share of records with an `archive_version` above 0 whose
earlier embedding is not in `embedding_archives`. The versions in use, and the records that were never classified anew,
are told beside it. Counts of the whole store, no chance involved.

When it fails, embed the rest again with one model, into a new collection, after a backup
(`python -m drift_checks backup --to DIR`).
"""

from collections.abc import Callable, Iterator

import pytest

from drift_checks.core.text import percent
from drift_checks.review.windows import Windows
from drift_checks.stores.archives import count_archives

pytestmark = pytest.mark.drift_criterion(
    question="Do all vectors come from one embedding model, and are earlier ones archived?",
    effect="share of the records",
    remedy="Before embedding anew, make a backup: python -m drift_checks backup --to DIR; then embed the rest again"
    " with one model into a new collection.",
    warn=0.001,
    critical=0.01,
)

MOST_NAMED = 4


def test_one_embedding_model(windows: Windows, need: Callable[[int, str], None], measure: Callable[..., None]) -> None:
    """Every record was embedded by the same model."""
    if not windows.store.has("embedding_model"):
        pytest.skip("the store has no column embedding_model")
    counts = windows.count("embedding_model")
    # Of those that name none, nothing is known.
    models = {name: number for name, number in counts.items() if name}
    total, common = sum(models.values()), max(models.values(), default=0)
    need(total, "records")
    shares = "; ".join(versions_in_use(windows))
    measure(
        "embedding models",
        (total - common) / total if total else None,
        f"{total - common:,} of {total:,} records were embedded by another model than the rest; in use: {shares}",
        number=total,
        models=dict(models),
    )


def test_reclassified_archived(windows: Windows, measure: Callable[..., None]) -> None:
    """Every record that was classified anew has its earlier embedding archived."""
    counts = windows.store.read(lambda connection: count_archives(connection, windows.store))
    if counts is None:
        pytest.skip("the store has no column archive_version or no table embedding_archives")
    measure(
        "archives",
        counts.missing / counts.archived if counts.archived else 0.0,
        f"{counts.missing:,} of {counts.archived:,} reclassified records lack an archive;"
        f" {counts.never_archived:,} were never reclassified",
        number=counts.archived,
    )


def versions_in_use(windows: Windows) -> Iterator[str]:
    """Yield the versions of each kind and their shares, the commonest first."""
    for ours in ("embedding_model", "model_version", "prompt_version"):
        if windows.store.has(ours):
            counts = windows.count(ours)
            named = [
                f"{name or 'none'} {percent(number / sum(counts.values()))}" for name, number in counts.most_common()
            ]
            more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
            yield f"{ours} {', '.join(named[:MOST_NAMED])}{more}"
