"""The estimate of the whole store's agreement, with the predictions of all labels if there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.report.run import Facts
from drift_checks.settings.declarations import SEQUENTIAL
from drift_checks.statistics.intervals import Estimate, StratumCount

if TYPE_CHECKING:
    from drift_checks.statistics.predicted_agreement import PredictedStratum


def estimate_store(
    facts: Facts, made: Sequence[Outcome], strata: Mapping[str, StratumCount]
) -> tuple[Estimate | None, Estimate | None]:
    """Return the estimate; and that of the sample alone, None if it is the same.

    Args:
        facts: The facts of the run.
        made: The reviewed records that count.
        strata: The counts of each stratum.
    """
    from drift_checks.statistics.strata import stratified

    alone = stratified(list(strata.values()))
    known = [] if alone is None else _with_predictions(facts, made, strata)
    if not known:
        return alone, None
    from drift_checks.statistics.predicted_agreement import predicted

    found = predicted(known)
    return (alone, None) if found == alone else (found, alone)


def _with_predictions(
    facts: Facts, made: Sequence[Outcome], strata: Mapping[str, StratumCount]
) -> list[PredictedStratum]:
    """Return the strata with the predictions of all their records; none if the store changed after they were made."""
    predictions = facts.predictions
    # A sequential decision stops at a number of reviews that depends on what they say.
    if predictions is None or facts.decision == SEQUENTIAL or predictions.sizes != facts.sample.store_strata:
        return []
    from drift_checks.statistics.predicted_agreement import PredictedStratum

    found = []
    for name in (name for name, stratum in strata.items() if stratum.size):
        agreed = {item.record_id: item.result is Result.PASSED for item in made if item.stratum == name}
        placed = predictions.of_stratum(name, list(agreed))
        if placed is None:
            return []
        found.append(PredictedStratum.of(*placed, list(agreed.values())))
    return found
