"""Draws from the strata of a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chisquare

from drift_checks.core.records import STORE_STRATA, RecordId, Stratum
from drift_checks.reviews.sampling import draw, plan, plan_alike, recommended_size

LOW, OLD, BASELINE = STORE_STRATA
SIZES = st.fixed_dictionaries({stratum: st.integers(0, 300) for stratum in STORE_STRATA})
SHARES = st.floats(0, 1)
JUDGED = (LOW, OLD)


@dataclass
class ListedStrata:
    """A store that is a list of its places' records' strata, None where a place is empty."""

    listed: Sequence[Stratum | None]

    def sizes(self) -> dict[Stratum, int]:
        """Return how many there are of each."""
        return {stratum: self.listed.count(stratum) for stratum in STORE_STRATA}

    def places(self) -> int:
        """Return how many places there are."""
        return len(self.listed)

    def at(self, places: Sequence[int]) -> dict[int, tuple[RecordId, Stratum]]:
        """Return the records there; places must be ascending."""
        assert list(places) == sorted(set(places))
        return {place: (place * 3, stratum) for place in places if (stratum := self.listed[place]) is not None}

    def members(self, stratum: Stratum, positions: Sequence[int]) -> list[RecordId]:
        """Return the records there within the stratum; positions must be ascending."""
        assert list(positions) == sorted(set(positions))
        own = [place for place, found in enumerate(self.listed) if found is stratum]
        return [own[position] * 3 for position in positions]


def interleaved(sizes: Mapping[Stratum, int], empty: int = 0) -> ListedStrata:
    """Return a store in which the strata, and places that are empty, are mixed as evenly as their numbers allow."""
    numbers: list[tuple[Stratum | None, int]] = [*sizes.items(), (None, empty)]
    places = [((index + 0.5) / number, kind) for kind, number in numbers for index in range(number)]
    return ListedStrata([kind for _, kind in sorted(places, key=lambda place: (place[0], str(place[1])))])


@given(
    sizes=SIZES, sample_size=st.integers(1, 400), share=SHARES, empty=st.sampled_from([0, 10, 500]), seed=st.integers()
)
def test_a_draw_holds_what_was_planned(
    sizes: dict[Stratum, int], sample_size: int, share: float, empty: int, seed: int
) -> None:
    """Exact numbers, none twice, each of its stratum, in the order of the store, the same under the same seed."""
    store = interleaved(sizes, empty)
    wanted = plan(sizes, sample_size, share, 10, divided=True).wanted
    drawn = draw(store, wanted, sizes, seed)
    assert {stratum: len(ids) for stratum, ids in drawn.items()} == dict(wanted)
    for stratum, ids in drawn.items():
        keys = [int(key) for key in ids]
        assert keys == sorted(set(keys))
        assert {store.listed[key // 3] for key in keys} <= {stratum}
    assert draw(store, wanted, sizes, seed) == drawn


@given(sizes=SIZES, sample_size=st.integers(1, 400), share=SHARES, baseline=st.integers(0, 50))
def test_a_stratum_that_is_too_small_is_filled_from_the_other(
    sizes: dict[Stratum, int], sample_size: int, share: float, baseline: int
) -> None:
    """As far as there are any; the baseline comes on top."""
    assume(sample_size < sum(sizes.values()))
    planned = plan(sizes, sample_size, share, baseline, divided=True)
    low, old = planned.wanted[LOW], planned.wanted[OLD]
    assert low + old == min(sample_size, sizes[LOW] + sizes[OLD])
    assert low <= sizes[LOW]
    assert old <= sizes[OLD]
    assert planned.wanted[BASELINE] == min(baseline, sizes[BASELINE])
    assert planned.judged == JUDGED
    of_low = round(sample_size * share)
    if sizes[LOW] >= of_low and sizes[OLD] >= sample_size - of_low:
        assert (low, old) == (of_low, sample_size - of_low)
    short = [low < of_low, old < sample_size - of_low, planned.wanted[BASELINE] < baseline]
    assert len(planned.notes) == sum(short)


@pytest.mark.parametrize(
    ("sizes", "wanted", "notes"),
    [
        ((1000, 1000, 1000), (30, 20, 10), ()),
        (
            (12, 500, 3),
            (12, 38, 3),
            (
                "the store has only 12 of 30 wanted low-confidence records; 18 old records replace the others",
                "the rest of the store has only 3 of 10 wanted baseline records",
            ),
        ),
        (
            (500, 5, 300),
            (45, 5, 10),
            ("the store has only 5 of 20 wanted old records; 15 low-confidence records replace the others",),
        ),
    ],
    ids=["enough", "few of low confidence", "few old"],
)
def test_a_shortfall_is_filled_and_noted(
    sizes: tuple[int, ...], wanted: tuple[int, ...], notes: tuple[str, ...]
) -> None:
    """By default, fifty records are thirty of low confidence and twenty old ones."""
    planned = plan(dict(zip(STORE_STRATA, sizes, strict=True)), 50, 0.6, 10, divided=True)
    assert (planned.wanted, planned.notes) == (dict(zip(STORE_STRATA, wanted, strict=True)), notes)


@pytest.mark.parametrize("sample_size", [60, 1000])
def test_a_small_store_is_reviewed_whole(sample_size: int) -> None:
    """The note says so, for either plan."""
    sizes = {LOW: 10, OLD: 20, BASELINE: 30}
    for planned, judged in (
        (plan(sizes, sample_size, 0.6, 10, divided=True), JUDGED),
        (plan_alike(sizes, sample_size), STORE_STRATA),
    ):
        assert (planned.wanted, planned.judged) == (sizes, judged)
        assert f"(60) is no larger than the sample size ({sample_size})" in planned.notes[0]


def test_without_candidates_only_a_small_store_is_reviewed() -> None:
    """All of it is judged; the caller refuses a large one."""
    assert plan({LOW: 0, OLD: 0, BASELINE: 30}, 50, 0.6, 10, divided=True).judged == (BASELINE,)
    assert plan({LOW: 0, OLD: 0, BASELINE: 300}, 50, 0.6, 10, divided=True).wanted == {LOW: 0, OLD: 0, BASELINE: 10}


@pytest.mark.parametrize(("total", "drawn", "notes"), [(300, 50, 1), (20, 20, 2), (50, 50, 2)])
def test_an_undivided_store_is_sampled_alike(total: int, drawn: int, notes: int) -> None:
    """Where it has neither confidence nor timestamp; the rate of the whole is what is judged."""
    planned = plan({LOW: 0, OLD: 0, BASELINE: total}, 50, 0.6, 10, divided=False)
    assert planned.wanted == {BASELINE: drawn}
    assert planned.judged == (BASELINE,)
    assert len(planned.notes) == notes
    assert "neither confidence nor timestamp" in planned.notes[0]


def test_an_empty_store_gives_an_empty_draw() -> None:
    """Nothing hangs."""
    sizes = dict.fromkeys(STORE_STRATA, 0)
    assert draw(ListedStrata([]), sizes, sizes, 1) == {LOW: [], OLD: [], BASELINE: []}


def test_a_seeds_sample_is_the_same_for_ever() -> None:
    """A run can be repeated after an upgrade; another seed draws others."""
    store = interleaved({LOW: 300, OLD: 4, BASELINE: 700})
    drawn, other = (draw(store, {LOW: 4, OLD: 2, BASELINE: 2}, store.sizes(), seed) for seed in (20260115, 2))
    assert drawn != other
    assert drawn == {LOW: [345, 1671, 2967, 2985], OLD: [1131, 2637], BASELINE: [471, 1125]}


@pytest.mark.parametrize(
    ("sizes", "number"),
    [
        pytest.param({LOW: 40, OLD: 10, BASELINE: 10}, 5, id="common: from positions of the whole"),
        pytest.param({LOW: 24, OLD: 300, BASELINE: 600}, 6, id="less common: over several batches"),
        pytest.param({LOW: 12, OLD: 800, BASELINE: 800}, 3, id="rare: from positions of its own"),
        pytest.param({LOW: 40, OLD: 20, BASELINE: 20}, 30, id="most of it: from positions of its own"),
    ],
)
def test_each_record_of_a_stratum_is_as_likely_as_any_other(sizes: dict[Stratum, int], number: int) -> None:
    """A chi-square test over many seeds, whichever way it is drawn."""
    store = interleaved(sizes, empty=sizes[LOW])
    counts: Counter[RecordId] = Counter()
    for seed in range(800):
        counts.update(draw(store, {LOW: number}, sizes, seed)[LOW])
    assert len(counts) == sizes[LOW]
    assert chisquare(list(counts.values())).pvalue > 0.001


@given(sizes=SIZES, sample_size=st.integers(1, 400))
def test_a_sample_drawn_alike_is_divided_as_the_store_is(sizes: dict[Stratum, int], sample_size: int) -> None:
    """Each stratum has its share to within a record; all are judged, and the numbers add up."""
    total = sum(sizes.values())
    planned = plan_alike(sizes, sample_size)
    assert sum(planned.wanted.values()) == min(sample_size, total)
    assert planned.judged == STORE_STRATA
    assert len(planned.notes) == 1
    for stratum, wanted in planned.wanted.items():
        assert 0 <= wanted <= sizes[stratum]
        assert abs(wanted - min(sample_size, total) * sizes[stratum] / max(1, total)) < 1


def test_the_largest_remainders_of_a_sample_drawn_alike_are_rounded_up() -> None:
    """As in an election: 2.1, 1.4 and 3.5 of seven."""
    planned = plan_alike({LOW: 300, OLD: 200, BASELINE: 500}, 7)
    assert planned.wanted == {LOW: 2, OLD: 1, BASELINE: 4}


@pytest.mark.parametrize(
    ("records", "size"),
    [(0, 20), (999, 20), (1000, 50), (10_000, 50), (10_001, 100), (100_000, 100), (100_001, 200), (10**9, 200)],
)
def test_a_larger_store_takes_a_larger_sample(records: int, size: int) -> None:
    """In four steps."""
    assert recommended_size(records) == size
