"""Agreement between several judges, each of whom judged some of the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def krippendorff_alpha(records: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal answers: 1 if judges always agree, 0 if as often as by chance.

    Source: A. F. Hayes and K. Krippendorff, Answering the call for a standard reliability measure for coding data,
    Communication Methods and Measures 1 (2007).

    Args:
        records: The answers to each record, by any number of judges.

    Returns:
        None if no record has two answers, or if all answers are the same: then chance agrees as often.
    """
    paired = [answers for answers in records if len(answers) > 1]
    total = Counter(answer for answers in paired for answer in answers)
    number = total.total()
    chance = number**2 - sum(count**2 for count in total.values())
    if not chance:
        return None
    differing = sum(
        (len(answers) ** 2 - sum(count**2 for count in Counter(answers).values())) / (len(answers) - 1)
        for answers in paired
    )
    return 1 - (number - 1) * differing / chance
