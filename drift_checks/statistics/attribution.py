"""Who moved: which of several witnesses, who each name a category for the same records, is alone more than usual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from drift_checks.statistics.intervals import Interval, wilson
from drift_checks.statistics.multiplicity import holm
from drift_checks.statistics.slices import SliceCount, compare_slice
from drift_checks.statistics.tails import binomial_upper_tail

# A witness errs now and then; without earlier nights, it may be alone in so many records.
USUAL = 0.08
# If nobody moved, the probability of another conclusion, and that of naming somebody.
LEVEL = 0.05
_NAMING = 0.025
# If the witnesses differ in a larger share without one being alone, nobody can be said to agree.
_MOST_OTHERWISE = 1 / 3
_SEVERAL = "more than one witness is alone more often than usual"
_BY_CHANCE = "one witness is alone more often than usual, but chance may explain that"
_NONE_ALONE = "the witnesses differ in too many records without one of them being alone"


class Role(StrEnum):
    """What a witness speaks for: `neighbours` repeat the labels that the store gives to similar texts."""

    STORE = "store"
    NEIGHBOURS = "neighbours"
    CLASSIFIER = "classifier"
    INDEPENDENT = "independent"


class Moved(StrEnum):
    """Who moved."""

    STORE = "store"
    CLASSIFIER = "classifier"
    REVIEWER = "reviewer"
    WORLD = "world"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


_MOVED_BY_ROLE = {Role.STORE: Moved.STORE, Role.CLASSIFIER: Moved.CLASSIFIER, Role.INDEPENDENT: Moved.REVIEWER}


@dataclass(frozen=True)
class Answers:
    """The categories that the witnesses name for one record.

    `is_recent` is None if the record has no time; records of low confidence are compared only with each other.
    """

    labels: tuple[str, ...]
    is_recent: bool | None = None
    is_low: bool = False


@dataclass(frozen=True)
class Lone:
    """How often one witness contradicts all others while these agree with each other.

    `before` is its share on earlier nights, None without any. The one-sided p-values are 1 if it is not tested:
    `unusual` that it is alone more often than usual, `p_value` that it moved.
    """

    number: int
    before: float | None
    unusual: float = 1.0
    p_value: float = 1.0

    @property
    def usual(self) -> float:
        """The share that is nothing unusual."""
        return USUAL if self.before is None else self.before


@dataclass(frozen=True)
class Attribution:
    """Who moved, with what it rests on.

    Attributes:
        moved: The conclusion.
        witness: The place of the witness that moved; None if it is no single one.
        records: The number of records for which each witness named a category.
        agreeing: In how many all agree; in the rest, one is alone or they differ otherwise.
        lone: How often each witness is alone.
        recent, old: In how many records the reviewers contradict each other, and of how many.
        world: The p-value of more contradiction in recent records; None if there are no two ages.
        adjusted: The p-value of the conclusion, adjusted by Holm's method for all tests.
    """

    moved: Moved
    witness: int | None
    records: int
    agreeing: int
    lone: tuple[Lone, ...]
    recent: tuple[int, int] = (0, 0)
    old: tuple[int, int] = (0, 0)
    world: float | None = None
    adjusted: float = 1.0
    why: str = ""

    @property
    def otherwise(self) -> int:
        """In how many records the witnesses differ and none is alone."""
        return self.records - self.agreeing - sum(lone.number for lone in self.lone)

    def interval(self, number: int) -> Interval:
        """Return the 95 % interval of the share of so many records."""
        return wilson(number, self.records) or (0.0, 1.0)


def alone(labels: Sequence[str]) -> int | None:
    """Return the place of the only label that differs from all others, if these are equal; else None."""
    counts = Counter(labels)
    if len(labels) < 3 or len(counts) != 2:
        return None
    label, number = counts.most_common()[-1]
    return labels.index(label) if number == 1 else None


def counted(roles: Sequence[Role]) -> tuple[int, ...]:
    """Return the places of the witnesses that count: `neighbours` only if there is just one other reviewer."""
    others = tuple(place for place, role in enumerate(roles) if role is not Role.NEIGHBOURS)
    return others if len(others) > 2 else tuple(range(len(roles)))


def attribute(
    roles: Sequence[Role], answers: Sequence[Answers], past: Mapping[int, tuple[int, int]] | None = None
) -> Attribution:
    """Say who moved.

    A witness is alone if it contradicts all others, who agree with each other. It moved if it is alone more often than
    on earlier nights (Fisher's exact test). Without any, it must be alone more often than USUAL (exact binomial test)
    and than each other witness (exact sign test on the records in which one of the two is alone: W. J. Dixon and A. M.
    Mood, Journal of the American Statistical Association 41 (1946)); the larger p-value is that of both (R. L. Berger,
    Technometrics 24 (1982)). The world moved if the reviewers contradict each other more often in recent records than
    in old ones, stratified by confidence (M. Zelen, Biometrika 58 (1971)). Holm's method adjusts for all these tests.
    `neighbours` are not tested, because they miss unusual texts in a sound store, too.

    Args:
        roles: Those of the witnesses that count; the first is the store's.
        answers: One for each record.
        past: For each witness, in how many records of earlier nights it was alone, and of how many.
    """
    places = [alone(item.labels) for item in answers]
    numbers = [places.count(place) for place in range(len(roles))]
    tested = [place for place, role in enumerate(roles) if role is not Role.NEIGHBOURS]
    lone = tuple(_lone(place, numbers, tested, len(answers), (past or {}).get(place)) for place in range(len(roles)))
    agreeing = sum(len(set(item.labels)) == 1 for item in answers)
    recent, old, world = _ages(answers)
    found = Attribution(Moved.NOBODY, None, len(answers), agreeing, lone, recent, old, world)
    return _concluded(found, roles, tested)


def _lone(
    place: int, numbers: Sequence[int], tested: Sequence[int], records: int, past: tuple[int, int] | None
) -> Lone:
    number = numbers[place]
    has_past = past is not None and past[1] > 0
    before = past[0] / past[1] if past and has_past else None
    if place not in tested or not number:
        return Lone(number, before)
    if past and has_past:
        compared = compare_slice([SliceCount(records - number, records, past[1] - past[0], past[1])])
        unusual = 1.0 if compared is None else compared.p_value
        return Lone(number, before, unusual, unusual)
    unusual = binomial_upper_tail(number, records, USUAL)
    others = [numbers[other] for other in tested if other != place]
    return Lone(number, before, unusual, max(unusual, *(sign_test(number, other) for other in others)))


def sign_test(number: int, other: int) -> float:
    """Return the probability of at least `number` of both if each is equally probable."""
    return binomial_upper_tail(number, number + other, 0.5)


def _ages(answers: Sequence[Answers]) -> tuple[tuple[int, int], tuple[int, int], float | None]:
    """Return in how many recent and old records the reviewers contradict each other, with a p-value."""
    counts = Counter(
        (item.is_recent, item.is_low, len(set(item.labels[1:])) > 1) for item in answers if item.is_recent is not None
    )

    def of_age(*, recent: bool, low: bool) -> tuple[int, int]:
        differing = counts[recent, low, True]
        return differing, differing + counts[recent, low, False]

    strata, totals = [], {True: (0, 0), False: (0, 0)}
    for low in (True, False):
        now, then = of_age(recent=True, low=low), of_age(recent=False, low=low)
        strata.append(SliceCount(now[1] - now[0], now[1], then[1] - then[0], then[1]))
        for age, found in ((True, now), (False, then)):
            totals[age] = totals[age][0] + found[0], totals[age][1] + found[1]
    compared = compare_slice(strata)
    return totals[True], totals[False], None if compared is None else compared.p_value


def _concluded(found: Attribution, roles: Sequence[Role], tested: Sequence[int]) -> Attribution:
    """Return the attribution with its conclusion: the store, else the world, else another witness."""
    p_values = [found.lone[place].p_value for place in tested] + ([] if found.world is None else [found.world])
    adjusted = holm(p_values)
    by_place = dict(zip(tested, adjusted, strict=False))
    likeliest = min(tested, key=lambda place: (by_place[place], found.lone[place].p_value))
    if sum(p_value <= LEVEL for p_value in by_place.values()) > 1:
        return replace(found, moved=Moved.UNKNOWN, why=_SEVERAL)
    if by_place[0] > LEVEL and found.world is not None and adjusted[-1] <= _NAMING:
        return replace(found, moved=Moved.WORLD, adjusted=adjusted[-1])
    if by_place[likeliest] <= _NAMING:
        moved = _MOVED_BY_ROLE[roles[likeliest]]
        return replace(found, moved=moved, witness=likeliest, adjusted=by_place[likeliest])
    if sum(found.lone[place].unusual <= LEVEL for place in tested) > 1:
        return replace(found, moved=Moved.UNKNOWN, why=_SEVERAL)
    if by_place[likeliest] <= LEVEL:
        return replace(found, moved=Moved.UNKNOWN, witness=likeliest, why=_BY_CHANCE)
    if found.otherwise > found.records * _MOST_OTHERWISE:
        return replace(found, moved=Moved.UNKNOWN, why=_NONE_ALONE)
    return found
