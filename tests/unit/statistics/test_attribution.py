"""Who moved, by the labels of several witnesses."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_checks.statistics.attribution import USUAL, Answers, Moved, Role, alone, attribute, counted
from tests.support.thorough import repetitions

THREE = [Role.STORE, Role.CLASSIFIER, Role.INDEPENDENT]
BESIDE_NEIGHBOURS = [Role.STORE, Role.NEIGHBOURS, Role.CLASSIFIER]


def said(*patterns: tuple[str, int], recent: bool | None = None) -> list[Answers]:
    """Return so many records of each pattern, one letter for each witness."""
    return [Answers(tuple(letters), recent) for letters, number in patterns for _ in range(number)]


@given(st.lists(st.sampled_from("abc"), min_size=3, max_size=5))
def test_one_is_alone_if_all_others_agree(labels: list[str]) -> None:
    """With each other, and not with it."""
    place = alone(labels)
    lonely = [
        index
        for index, label in enumerate(labels)
        if len({*labels[:index], *labels[index + 1 :]}) == 1 and label not in labels[:index] + labels[index + 1 :]
    ]
    assert lonely == ([] if place is None else [place])


def test_two_witnesses_accuse_nobody() -> None:
    """Either may be wrong."""
    assert alone(["a", "b"]) is None


def test_neighbours_count_beside_one_other_reviewer_only() -> None:
    """They repeat the store's labels."""
    assert counted(BESIDE_NEIGHBOURS) == (0, 1, 2)
    assert counted([*BESIDE_NEIGHBOURS, Role.INDEPENDENT]) == (0, 2, 3)
    assert counted(THREE) == (0, 1, 2)


@pytest.mark.parametrize(
    ("roles", "pattern", "moved"),
    [
        (THREE, "abb", Moved.STORE),
        (THREE, "aba", Moved.CLASSIFIER),
        (THREE, "aab", Moved.REVIEWER),
        (BESIDE_NEIGHBOURS, "abb", Moved.STORE),
        (BESIDE_NEIGHBOURS, "aba", Moved.NOBODY),
        (BESIDE_NEIGHBOURS, "aab", Moved.CLASSIFIER),
    ],
)
def test_whoever_is_alone_most_moved(roles: Sequence[Role], pattern: str, moved: Moved) -> None:
    """In 20 of 60 records; neighbours are alone in a sound store, too."""
    found = attribute(roles, said((pattern, 20), ("aaa", 40)))
    assert found.moved is moved
    assert (found.records, found.agreeing, found.otherwise) == (60, 40, 0)


def test_a_few_are_nothing_unusual() -> None:
    """Each witness errs now and then."""
    assert attribute(THREE, said(("abb", 3), ("aba", 2), ("aab", 4), ("aaa", 51))).moved is Moved.NOBODY


def test_it_cannot_be_told_who_moved_if_two_are_alone_often() -> None:
    """Nor if chance may explain it, or if the witnesses have nothing in common."""
    several = attribute(THREE, said(("aba", 14), ("aab", 13), ("aaa", 33)))
    chance = attribute(THREE, said(("abb", 17), ("aaa", 103)))
    nothing = attribute(THREE, said(("abc", 25), ("aaa", 35)))
    assert [item.moved for item in (several, chance, nothing)] == [Moved.UNKNOWN] * 3
    assert len({item.why for item in (several, chance, nothing)}) == 3


def test_the_world_moved_if_reviewers_contradict_each_other_in_recent_records() -> None:
    """More than in old ones."""
    new = [*said(("abc", 12), ("aab", 2), ("aaa", 6), recent=True), *said(("aab", 2), ("aaa", 38), recent=False)]
    found = attribute(THREE, new)
    assert (found.moved, found.recent, found.old) == (Moved.WORLD, (14, 20), (2, 40))
    assert found.world == pytest.approx(stats.fisher_exact([[14, 6], [2, 38]], "greater").pvalue)


def test_p_values_are_those_of_the_references() -> None:
    """Of the binomial, the sign and Fisher's test."""
    records = said(("abb", 12), ("aba", 3), ("aaa", 45))
    lone = attribute(THREE, records).lone[0]
    assert lone.unusual == pytest.approx(stats.binomtest(12, 60, USUAL, "greater").pvalue)
    sign = stats.binomtest(12, 15, 0.5, "greater").pvalue
    assert lone.p_value == pytest.approx(max(lone.unusual, sign))
    lone = attribute(THREE, records, {0: (9, 600)}).lone[0]
    fisher = stats.fisher_exact([[12, 48], [9, 591]], "greater").pvalue
    assert lone.p_value == pytest.approx(fisher)
    assert lone.before == 9 / 600


def test_what_was_so_on_earlier_nights_has_not_moved() -> None:
    """And a change from a low level is found that would be nothing unusual otherwise."""
    often = said(("aab", 20), ("aaa", 40))
    assert attribute(THREE, often, {2: (200, 600)}).moved is Moved.NOBODY
    rarely = said(("abb", 7), ("aaa", 53))
    assert attribute(THREE, rarely, {0: (3, 600)}).moved is Moved.STORE


def test_nobody_is_accused_of_usual_errors() -> None:
    """In at most one of twenty runs in which both reviewers err in 8 % of 60 records."""
    generator, runs = random.Random(7), repetitions(300, 5000)
    found: Counter[Moved] = Counter()
    for _ in range(runs):
        records = [
            Answers(("a", *("b" if generator.random() < USUAL else "a" for _ in range(2))), place % 3 == 0)
            for place in range(60)
        ]
        found[attribute(THREE, records).moved] += 1
    assert sum(found[moved] for moved in Moved if moved not in (Moved.NOBODY, Moved.UNKNOWN)) <= 0.05 * runs
    assert found[Moved.NOBODY] >= 0.95 * runs
