"""Do all vectors come from one embedding model, and are earlier ones archived?

Cosines between vectors of different models are meaningless, so a collection that mixes models gives random answers. One
effect is the share of records whose `embedding_model` is not the most frequent one; the other, the share of records
with an `archive_version` above 0 whose earlier embedding is not in `embedding_archives`. The message lists the versions
in use, and the number of records that were never reclassified. Both are counts of the whole store without a test.

If it fails, embed the rest with one model into a new collection, after a backup (`python -m drift_checks backup --to
DIR`).
"""

from collections.abc import Iterator

import pytest

from drift_checks.core.outcomes import Measure, Need
from drift_checks.core.text import percent
from drift_checks.reviews.windows import Windows
from drift_checks.stores.archives import count_archives
from drift_checks.stores.unused import why_unused

pytestmark = pytest.mark.drift_criterion(
    question="Do all vectors come from one embedding model, and are earlier ones archived?",
    effect="share of the records",
    remedy="Make a backup (python -m drift_checks backup --to DIR), then embed the rest with one model into a new"
    " collection.",
    warn=0.001,
    critical=0.01,
)

MOST_NAMED = 4


def test_one_embedding_model(windows: Windows, need: Need, measure: Measure) -> None:
    """Every record was embedded by the same model."""
    if not windows.store.has("embedding_model"):
        pytest.skip(why_unused(windows.store, "embedding_model"))
    counts = windows.count("embedding_model")
    # Records without a value are unknown.
    models = {name: number for name, number in counts.items() if name}
    total, common = sum(models.values()), max(models.values(), default=0)
    need(total, "records")
    shares = "; ".join(versions_in_use(windows))
    measure(
        "embedding models",
        (total - common) / total if total else None,
        f"{total - common:,} of {total:,} records come from another embedding model than most; in use: {shares}",
        number=total,
        models=dict(models),
    )


def test_reclassified_archived(windows: Windows, measure: Measure) -> None:
    """The earlier embedding of every reclassified record is archived."""
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
    """Yield the versions of each kind with their shares, the most frequent first."""
    for ours in ("embedding_model", "model_version", "prompt_version"):
        if windows.store.has(ours):
            counts = windows.count(ours)
            named = [
                f"{name or 'none'} {percent(number / sum(counts.values()))}" for name, number in counts.most_common()
            ]
            more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
            yield f"{ours} {', '.join(named[:MOST_NAMED])}{more}"
