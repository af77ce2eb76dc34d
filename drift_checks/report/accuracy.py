"""How often store and reviewer are right, estimated from judgements of reviewed records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drift_checks.core.outcomes import Outcome
from drift_checks.core.text import count, percent, percent_range
from drift_checks.report.history.accuracy import FEWEST_JUDGEMENTS, Accuracy
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.judged_reviews import NOT_DRAWN, JudgedReviews, ReviewedSample, agreement_of_judges
from drift_checks.report.run import Facts
from drift_checks.reviews.judgements.judgement import Judged
from drift_checks.settings.declarations import ACCURACY
from drift_checks.statistics.intervals import Estimate

_WHY_OTHERS = "doubtful labels, picked records, other versions, changed categories, or judges who contradict each other"


def accuracy_of_run(
    facts: Facts, outcomes: Iterable[Outcome], past: Sequence[RecordedRun], judged: Judged
) -> Accuracy | None:
    """Return what judgements say at the end of a run, whose own sample counts too.

    None for a partial run, and without judgements of the store, unless the verdict is to rest on them.
    """
    if facts.partial or facts.chosen or not (judged.all or facts.judge == ACCURACY):
        return None
    samples = [*map(ReviewedSample.of_recorded, past), ReviewedSample.of_outcomes(facts, outcomes)]
    return JudgedReviews(samples, judged).accuracy()


def accuracy_sentences(found: Accuracy) -> list[str]:
    """Return what the judgements say: how often both are right, which of them more often, and from how many records."""
    rights = [
        f"{whose} {percent(estimate.rate)}{of} ({percent_range(*estimate.interval)})"
        for whose, of, estimate in (
            ("the store is right in", " of all records", found.store),
            ("the reviewer in", "", found.reviewer),
        )
        if estimate is not None
    ]
    runs = f" of {count(found.runs, 'run')}" if found.runs > 1 else ""
    since = f" since {found.changed}, when agreement changed" if found.changed else ""
    judged = f"{found.judged:,} of {count(found.reviewed, 'reviewed record')}{runs} judged{since}"
    others = f"not counted: {count(found.others, 'judged record')} ({_WHY_OTHERS})" if found.others else ""
    return [
        ", ".join(rights) or f"no estimate yet: {found.missing}",
        *([] if found.advantage is None else [_advantage(found.advantage)]),
        "; ".join(filter(None, [judged, _what_would_halve(found), others])),
    ]


def _what_would_halve(found: Accuracy) -> str:
    if found.store is None:
        return ""
    left = found.reviewed - found.judged
    if found.more is not None and found.more <= left:
        return f"{count(found.more, 'more judgement')} would halve the store's interval"
    judging = f"judging all {left:,} left" if left else "judging"
    return f"{judging} cannot halve the store's interval: review more records first"


def why_undecided(found: Accuracy | None) -> str:
    """Return why no verdict can rest on the accuracy."""
    if found is None:
        return "a partial run gives no estimate of the accuracy"
    is_enough = found.judged >= FEWEST_JUDGEMENTS or not found.runs or found.missing == NOT_DRAWN
    if found.missing is not None and is_enough:
        return found.missing
    since = f" since agreement changed on {found.changed}" if found.changed else ""
    return f"{found.judged:,} of the {FEWEST_JUDGEMENTS} judgements needed{since}"


def remedy(found: Accuracy | None) -> str:
    """Return what makes a verdict on the accuracy possible."""
    if found is None:
        return "run the whole review"
    if found.missing == NOT_DRAWN:
        return "set baseline and low-confidence-share so that each part of the store is drawn from"
    return "run drift-checks judge"


def _advantage(found: Estimate) -> str:
    low, high = found.interval
    if low <= 0 <= high:
        range_of = f"the store's accuracy minus the reviewer's: {_points(low)} to {_points(high)} points"
        return f"which of them is right more often is still open ({range_of})"
    name, other = ("store", "reviewer") if low > 0 else ("reviewer", "store")
    smallest, largest = sorted(map(abs, found.interval))
    difference = f"{100 * abs(found.rate):.1f} points ({100 * smallest:.1f} to {100 * largest:.1f})"
    return f"the {name} is right more often than the {other}, by {difference}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def judges_sentence(judged: Judged, conflicts: int) -> str:
    """Return how often judges of the same record agree, in a sentence; empty if no record has two judges.

    `conflicts` is the number of records of which judgements contradict each other.
    """
    found = agreement_of_judges(judged)
    if found is None:
        return ""
    beyond = "" if found.alpha is None else f", Krippendorff's alpha {found.alpha:.2f}"
    share = percent(found.agreed / found.pairs)
    contradict = f"; judges contradict each other on {count(conflicts, 'record')}" if conflicts else ""
    return f"judges agree in {found.agreed} of {found.pairs} pairs ({share}{beyond}){contradict}"
