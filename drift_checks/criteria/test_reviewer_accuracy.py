"""Is the reviewer right as often as before on texts whose right category is known?

Each night, a few anchors are reviewed beside the sample: texts whose right category is known from judgements or the
gold set. They count in no other figure. If the reviewer is right on fewer of them than before, it is the
reviewer that moved, not the store; if agreement falls while it is right as often, look at the store. Each anchor is
compared only with itself, tonight and in the last three and five nights, by an exact test;
`statistics/repeated_answers.py` names its source. The answer that was judged counts as an earlier one.

If it fails, find out what changed in the reviewer (its model, prompt or code) before you repair the store. `neighbours`
votes with the labels of the store: if it fails, these or the vectors changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from drift_checks.core.outcomes import Criterion, Measure, Need
from drift_checks.core.text import count, percent, printable
from drift_checks.reviews.anchor_answers import AnchorAnswers
from drift_checks.statistics.repeated_answers import Fall, newest_fall

pytestmark = pytest.mark.drift_criterion(
    question="Is the reviewer right as often as before on texts whose right category is known?",
    effect="fall of the share of anchors on which it is right",
    remedy="Find what changed in the reviewer (model, prompt or code) before you repair the store.",
    warn=0.1,
    least=5,
)

_MOST_NAMED = 3


def test_reviewer_accuracy(
    anchor_answers: AnchorAnswers,
    past_anchor_answers: Sequence[Mapping[str, Any]],
    criterion: Criterion,
    need: Need,
    measure: Measure,
) -> None:
    """The reviewer is right on as many anchors as on earlier nights."""
    made = anchor_answers.made
    if not made and anchor_answers.failures:
        pytest.skip(f"no anchor could be reviewed ({anchor_answers.failures[0]})")
    need(len(made), "reviewed anchors")
    tonight = {item.anchor.key: item.is_right for item in made}
    known = {
        item.anchor.key: [right for name, right in item.anchor.answers if name == anchor_answers.reviewer]
        for item in made
    }
    fall = newest_fall([*(night["answers"] for night in past_anchor_answers), tonight], known, criterion.least)
    measure(
        anchor_answers.reviewer,
        0.0 if fall is None else max(0.0, fall.before - fall.now),
        "; ".join([sentence(anchor_answers, fall), *remarks(anchor_answers, fall)]),
        number=len(made) if fall is None else len(fall.questions),
        p_value=None if fall is None else fall.p_value,
        reviewer=anchor_answers.reviewer,
        answers=tonight,
        sentence=sentence(anchor_answers, fall),
        is_compared=fall is not None,
    )


def sentence(found: AnchorAnswers, fall: Fall | None) -> str:
    """Return how often the reviewer is right, now and before."""
    name = printable(found.reviewer)
    if fall is None:
        now = f"{sum(item.is_right for item in found.made)} of {count(len(found.made), 'anchor')}"
        return f"{name} is right on {now}; later nights will be compared with this one"
    if fall.nights == 1:
        right = sum(item.now_right for item in fall.questions.values())
        now = f"{right} of {count(len(fall.questions), 'anchor')}"
    else:
        now = f"{percent(fall.now)} of {count(len(fall.questions), 'anchor')} in the last {fall.nights} nights"
    return f"{name} is right on {now}; before, it was right on {percent(fall.before)} of them"


def remarks(found: AnchorAnswers, fall: Fall | None) -> list[str]:
    """Return which anchors it is newly wrong on, and which could not be used."""
    worse = [item.anchor.name for item in found.made if fall is not None and item.anchor.key in fall.worse]
    named = ", ".join(worse[:_MOST_NAMED])
    more = f" and {len(worse) - _MOST_NAMED} more" if len(worse) > _MOST_NAMED else ""
    missing = found.drawn - len(found.made)
    reason = f" ({found.failures[0]})" if found.failures else ""
    return [
        *([f"newly wrong: {named}{more}"] if worse else []),
        *([f"{count(missing, 'anchor')} could not be reviewed{reason}"] if missing else []),
        *found.notes[:_MOST_NAMED],
    ]
