"""Are recent and older labels wrong equally often, and no more often than on earlier nights?

For every record, a classifier that has seen neither it nor a copy of it gives the probability of each category, by the
vectors of the table or of Chroma, else by the words of the texts. Confident learning (C. Northcutt, L. Jiang,
I. Chuang, Journal of Artificial Intelligence Research 70 (2021)) estimates how many labels are wrong;
`label_issues.csv` lists that many, the most doubtful first. No share of wrong labels is bad in itself: the criterion
compares recent records with older ones, by an exact test stratified by category (M. Zelen, Biometrika 58 (1971)), and
the whole store with its own past nights.

If it fails, read the first labels of the list, and find what wrote them: a version, a source, a period.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from drift_checks.core.outcomes import Criterion, Measure, Need
from drift_checks.core.text import percent
from drift_checks.reviews.labels.issues import AgeCount, LabelAssessment, LabelIssue, Nearest
from drift_checks.statistics.nights import rise_above
from drift_checks.statistics.slices import SliceCount, SliceDifference, compare_slice

pytestmark = pytest.mark.drift_criterion(
    question="Are recent and older labels wrong equally often, and no more often than on earlier nights?",
    effect="difference in the share of wrong labels",
    remedy="Read the first labels in label_issues.csv, and find what wrote them: a version, a source, a period.",
    warn=0.01,
    least=100,
)

MOST_NIGHTS = 30
# The list has all; the report of a run, the first.
MOST_SHOWN = 20


def test_labels(
    assessed_labels: LabelAssessment,
    past_labels: Sequence[Mapping[str, Any]],
    criterion: Criterion,
    need: Need,
    measure: Measure,
) -> None:
    """As many labels are wrong among recent records as among older ones, and as on earlier nights."""
    if assessed_labels.missing:
        pytest.skip(assessed_labels.missing)
    total = AgeCount.total(assessed_labels.by_category.values())
    compared = None
    if min(total.recent, total.older) >= criterion.least:
        compared = compare_ages(assessed_labels.by_category.values())
    said = (
        f"{total.recent_wrong:,} of {total.recent:,} recent labels and {total.older_wrong:,} of {total.older:,} older"
        " ones are probably wrong"
    )
    if compared is not None:
        said += f"; stratified by category, {in_words(compared.difference)}"
    measure(
        "recent labels",
        None if compared is None else abs(compared.difference),
        said,
        number=total.recent + total.older,
        p_value=None if compared is None else compared.p_value,
        **findings(assessed_labels),
    )
    if not measure_rise(assessed_labels, past_labels, measure):
        need(total.recent, "recent records", "timestamp")
        need(total.older, "records before the recent ones", "timestamp")


def measure_rise(assessed: LabelAssessment, past: Sequence[Mapping[str, Any]], measure: Measure) -> bool:
    """Measure how far the share of wrong labels is above that of earlier nights; return whether there are enough."""
    comparable = [night for night in past if night["basis"] == assessed.basis and night["records"]]
    shares = [night["wrong"] / night["records"] for night in comparable[-MOST_NIGHTS:]]
    wrong, records = len(assessed.issues), assessed.records
    rise = rise_above(shares, wrong / records, records) if records else None
    if rise is None:
        return False
    measure(
        "past nights",
        max(0.0, rise.difference),
        f"{percent(wrong / records)} of all labels are probably wrong, usually {percent(rise.usual)}"
        f" ({len(shares)} nights)",
        number=records,
        p_value=rise.p_value,
    )
    return True


def compare_ages(counts: Iterable[AgeCount]) -> SliceDifference | None:
    """Return by how much the share of wrong labels is larger among recent records, with a two-sided p-value."""
    strata = [SliceCount(item.older_wrong, item.older, item.recent_wrong, item.recent) for item in counts]
    # What compares how many agree compares how many are wrong as well: fewer older ones are more recent ones.
    more = compare_slice(strata)
    swapped = [SliceCount(item.rest_agreed, item.rest_reviewed, item.agreed, item.reviewed) for item in strata]
    fewer = compare_slice(swapped)
    if more is None or fewer is None:
        return None
    return SliceDifference(more.difference, min(1.0, 2 * min(more.p_value, fewer.p_value)))


def in_words(difference: float) -> str:
    """Return whether recent or older labels are wrong more often, and by how much."""
    points = f"{abs(difference) * 100:.1f}"
    if points == "0.0":
        return "both equally often"
    return f"{'recent' if difference > 0 else 'older'} ones {points} points more often"


def findings(assessed: LabelAssessment) -> dict[str, Any]:
    """Return what the report shows: how many labels are probably wrong, and the first of them."""
    return {
        "wrong": len(assessed.issues),
        "records": assessed.records,
        "estimated": assessed.wrong,
        "basis": assessed.basis,
        "remarks": list(assessed.remarks),
        "issues": [shown(issue, assessed.nearest.get(issue.record_id, ())) for issue in assessed.issues[:MOST_SHOWN]],
    }


def shown(issue: LabelIssue, nearest: Sequence[Nearest | None]) -> dict[str, Any]:
    """Return an issue and the nearest records with either label, without texts."""
    labelled = zip((issue.stored, issue.predicted), nearest, strict=False)
    return {
        "id": issue.record_id,
        "stored": issue.stored,
        "predicted": issue.predicted,
        "own": round(issue.own, 4),
        "other": round(issue.other, 4),
        "near": [
            {"id": near.record_id, "category": label, "similarity": round(near.similarity, 4)}
            for label, near in labelled
            if near is not None
        ],
    }
