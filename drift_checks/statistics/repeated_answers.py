"""Whether somebody answers the same questions worse than before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb

import numpy as np
import numpy.typing as npt

# Tonight alone shows a large fall at once, several nights show a smaller one.
WINDOWS = (1, 3, 5)
# Older answers say little about the present.
_MOST_NIGHTS = 30
# Several nights are not compared with a single one, which says little.
_FEWEST_BEFORE = 2
# The answers of a night: whether each question was answered rightly.
Night = Mapping[str, bool]


@dataclass(frozen=True)
class Answered:
    """How often a question was answered before and now, and how often rightly."""

    before: int
    before_right: int
    now: int
    now_right: int

    @property
    def fall(self) -> float:
        """By how much the share of right answers fell."""
        return self.before_right / self.before - self.now_right / self.now


@dataclass(frozen=True)
class Fall:
    """How the newest nights compare with those before, on the same questions.

    Attributes:
        nights: How many nights are the newest ones.
        questions: The questions that were answered both before and in these nights.
        p_value: The probability of so few right answers without any change, corrected for the choice of the nights.
    """

    nights: int
    questions: Mapping[str, Answered]
    p_value: float

    @property
    def before(self) -> float:
        """The share of right answers before, in which each question counts once."""
        return sum(item.before_right / item.before for item in self.questions.values()) / len(self.questions)

    @property
    def now(self) -> float:
        """The share of right answers in these nights, in which each question counts once."""
        return sum(item.now_right / item.now for item in self.questions.values()) / len(self.questions)

    @property
    def worse(self) -> list[str]:
        """The questions that were mostly answered rightly before, and mostly not in these nights."""
        return [
            key
            for key, item in self.questions.items()
            if 2 * item.before_right > item.before and 2 * item.now_right <= item.now and item.now_right < item.now
        ]


def newest_fall(nights: Sequence[Night], known: Mapping[str, Sequence[bool]], least: int) -> Fall | None:
    """Compare the last night, three nights and five nights with those before; return the most telling comparison.

    Args:
        nights: The answers of each night, oldest first, tonight's last.
        known: Answers from before the first night, by question.
        least: How many questions must be answered both before and now.

    Returns:
        None if there are too few such questions.
    """
    found = []
    for number in WINDOWS:
        if number == 1 or len(nights) >= number + _FEWEST_BEFORE:
            questions = _answered(nights[:-number][-_MOST_NIGHTS:], nights[-number:], known)
            if len(questions) >= least:
                found.append(Fall(number, questions, fall_probability(questions.values())))
    if not found:
        return None
    clearest = min(found, key=lambda fall: fall.p_value)
    return replace(clearest, p_value=min(1.0, clearest.p_value * len(found)))


def _answered(
    before: Iterable[Night], now: Iterable[Night], known: Mapping[str, Sequence[bool]]
) -> dict[str, Answered]:
    earlier = defaultdict[str, list[bool]](list, {key: list(answers) for key, answers in known.items()})
    newest = defaultdict[str, list[bool]](list)
    for nights, answers in ((before, earlier), (now, newest)):
        for night in nights:
            for key, is_right in night.items():
                answers[key].append(is_right)
    return {
        key: Answered(len(earlier[key]), sum(earlier[key]), len(rights), sum(rights))
        for key, rights in newest.items()
        if earlier.get(key)
    }


def fall_probability(questions: Iterable[Answered]) -> float:
    """Return the probability of so few right answers now if each question's answers were no worse than before.

    The test compares each question only with itself, so hard questions among the new ones do not matter. It is exact
    and conditional: any order of a question's answers is equally likely. With one answer before and one now, it is
    McNemar's.

    Source: M. Zelen, The analysis of several 2 × 2 contingency tables, Biometrika 58 (1971).
    """
    distribution = np.ones(1)
    observed = 0
    for item in questions:
        distribution = np.convolve(distribution, _right_now(item))
        observed += item.now_right
    return min(1.0, float(distribution[: observed + 1].sum()))


def _right_now(item: Answered) -> npt.NDArray[np.float64]:
    """Return the probabilities of 0, 1, … right answers now, given how many are right in all."""
    right, ways = item.before_right + item.now_right, comb(item.before + item.now, item.now)
    wrong = item.before + item.now - right
    return np.array([comb(right, number) * comb(wrong, item.now - number) / ways for number in range(item.now + 1)])
