"""Whether the same questions are answered worse than before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact, hypergeom

from drift_checks.statistics.repeated_answers import Answered, Fall, Night, fall_probability, newest_fall
from tests.support.thorough import repetitions


@st.composite
def answered(draw: st.DrawFn) -> Answered:
    """Return the counts of a question."""
    before, now = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    return Answered(before, draw(st.integers(0, before)), now, draw(st.integers(0, now)))


@given(answered())
def test_of_one_question_it_is_fisher_s_exact_test(item: Answered) -> None:
    """One-sided, as scipy computes it."""
    table = [
        [item.now_right, item.now - item.now_right],
        [item.before_right, item.before - item.before_right],
    ]
    assert fall_probability([item]) == pytest.approx(fisher_exact(table, alternative="less").pvalue)


@given(st.integers(0, 20), st.integers(0, 20))
def test_with_one_answer_before_and_now_it_is_mcnemar_s_exact_test(lost: int, gained: int) -> None:
    """Only questions whose answers differ say anything."""
    items = [Answered(1, 1, 1, 0)] * lost + [Answered(1, 0, 1, 1)] * gained + [Answered(1, 1, 1, 1)] * 3
    expected = binomtest(gained, lost + gained, 0.5, alternative="less").pvalue if lost + gained else 1.0
    assert fall_probability(items) == pytest.approx(expected)


@given(st.lists(answered(), max_size=4))
def test_of_several_questions_every_outcome_is_counted(items: list[Answered]) -> None:
    """As an enumeration of all of them does."""
    observed = sum(item.now_right for item in items)
    tables = [hypergeom(item.before + item.now, item.before_right + item.now_right, item.now) for item in items]
    outcomes = product(*(range(item.now + 1) for item in items))
    expected = sum(
        prod(table.pmf(number) for table, number in zip(tables, outcome, strict=True))
        for outcome in outcomes
        if sum(outcome) <= observed
    )
    assert fall_probability(items) == pytest.approx(min(1.0, expected))


def compared(nights: Sequence[Night], known: dict[str, list[bool]] | None = None) -> Fall:
    """Compare nights, which must have enough in common."""
    found = newest_fall(nights, known or {}, 5)
    assert found is not None
    return found


def night(right: str) -> dict[str, bool]:
    """Return the answers to questions named by letters: a capital is a wrong answer."""
    return {letter.lower(): letter.islower() for letter in right}


def test_questions_are_compared_only_with_themselves() -> None:
    """New ones that are hard do not matter."""
    found = compared([night("abcde"), night("abcdeFGHIJKLMN")])
    assert (found.now, found.before, found.p_value) == (1, 1, 1)


def test_the_questions_that_became_wrong_are_named() -> None:
    """Those that were wrong before are not."""
    found = compared([night("abcdEf")] * 3 + [night("ABcdEf")])
    assert (found.nights, found.worse) == (1, ["a", "b"])
    assert (found.now, found.before) == pytest.approx((1 / 2, 5 / 6))


def test_several_nights_show_what_one_does_not() -> None:
    """Three wrong answers of ten, three nights in a row."""
    found = compared([night("abcdefghij")] * 6 + [night("ABCdefghij")] * 3)
    assert found.nights == 3
    assert found.p_value < compared([night("abcdefghij")] * 8 + [night("ABCdefghij")]).p_value


def test_fewer_questions_than_needed_are_not_compared() -> None:
    """On the first night, only what was known before counts."""
    assert newest_fall([night("abcdefghij")], {}, 5) is None
    assert newest_fall([night("abcd"), night("abcde")], {}, 5) is None
    assert compared([night("ABCDEFG")], {letter: [True] for letter in "abcdefg"}).p_value == pytest.approx(1 / 2**7)


def simulated(generator: np.random.Generator, rates: Sequence[float], later: Sequence[float]) -> Iterator[Fall | None]:
    """Yield what each of fifteen nights finds, of which the last three have other rates of right answers."""
    nights: list[Night] = []
    for number in range(15):
        now = rates if number < 12 else later
        drawn = generator.choice(len(rates), 10, replace=False)
        nights.append({str(place): bool(generator.random() < now[place]) for place in drawn})
        yield newest_fall(nights, {}, 5)


@pytest.mark.parametrize("accuracy", [0.8, 0.95])
def test_steady_answers_raise_a_false_alarm_on_few_nights(accuracy: float) -> None:
    """On at most one night in a hundred, whether each answer wavers or is the same each night."""
    generator = np.random.default_rng(20260115)
    alarms = nights = 0
    for _ in range(repetitions(8, 200)):
        for rates in ([accuracy] * 20, list((generator.random(20) < accuracy).astype(float))):
            found = [fall for fall in simulated(generator, rates, rates) if fall is not None]
            nights += len(found)
            alarms += sum(fall.p_value <= 0.01 and fall.before - fall.now > 0.1 for fall in found)
    assert alarms <= 0.01 * nights + 2


def test_a_fall_by_thirty_points_is_found_within_three_nights() -> None:
    """In most of the cases, and rarely missed if the answers are otherwise steady."""
    generator = np.random.default_rng(20260115)
    number = repetitions(15, 200)
    found = 0
    for _ in range(number):
        rates = [0.9] * 20
        *_, last = simulated(generator, rates, [rate - 0.3 for rate in rates])
        found += last is not None and last.p_value <= 0.01
    assert found >= 0.5 * number
