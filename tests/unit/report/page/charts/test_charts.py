"""What each picture shows."""

from __future__ import annotations

from math import hypot, inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.report.page.charts.calibration import calibration_picture
from drift_checks.report.page.charts.class_mix import class_mix_picture
from drift_checks.report.page.charts.forest import MOST_SLICES, forest_picture
from drift_checks.report.page.charts.heat_map import MOST_WHOLE, heat_map_picture
from drift_checks.report.page.charts.histogram import histogram_picture
from drift_checks.report.page.charts.scatter import scatter_picture
from drift_checks.report.page.charts.seriation import neighbouring
from drift_checks.report.page.charts.thresholds import effect_bar, rate_bar
from tests.unit.report.page.charts.drawing import drawn, places, words
from tests.unit.report.page.charts.samples import EDGES, flows, slices

RATES = st.floats(0, 1)


@pytest.mark.parametrize(
    "nothing",
    [
        rate_bar(None, None, 0.85, 0.75),
        rate_bar(nan, None, 0.85, 0.75),
        effect_bar(inf, None, 0.1),
        heat_map_picture([]),
        heat_map_picture([("a", "b", 0)]),
        histogram_picture([], [], []),
        histogram_picture([0, 1], [0], [3]),
        calibration_picture([]),
        calibration_picture([[nan, 0.5, 3, 0.1, 0.9]]),
        forest_picture([("g", "l", None, None, None, 0, None)]),
        class_mix_picture([("a", 0, 0)]),
        scatter_picture([], 0),
        scatter_picture([[nan, 1]], 1),
    ],
)
def test_without_anything_to_show_there_is_no_picture(nothing: object) -> None:
    """The caller leaves it out."""
    assert nothing is None


@given(RATES, RATES, RATES, RATES, RATES)
def test_a_rate_its_interval_and_its_thresholds_are_on_one_scale(
    value: float, low: float, high: float, warn: float, critical: float
) -> None:
    """What is larger lies further right, all of it inside."""
    bar = rate_bar(value, (low, high), warn, critical)
    assert bar is not None
    assert bar.interval is not None
    values = [value, low, high, warn, critical]
    found = [bar.value, *bar.interval, bar.warn, bar.critical]
    pairs = sorted((rate, place) for rate, place in zip(values, found, strict=True) if place is not None)
    assert [place for _, place in pairs] == sorted(place for _, place in pairs)
    assert all(0 <= place <= bar.width for _, place in pairs)


def test_the_zones_of_a_rate_rise_to_the_right() -> None:
    """A low rate is critical."""
    bar = rate_bar(0.9, None, 0.85, 0.75)
    assert bar is not None
    assert [kind for kind, *_ in bar.zones] == ["critical", "warning", "ok"]


def test_the_zones_of_an_effect_fall_to_the_right() -> None:
    """A large effect is critical, where any is."""
    with_critical, without = effect_bar(0.9, None, 0.1, 0.2), effect_bar(0.9, None, 0.1)
    assert with_critical is not None
    assert without is not None
    assert [kind for kind, *_ in with_critical.zones] == ["ok", "warning", "critical"]
    assert [kind for kind, *_ in without.zones] == ["ok", "warning"]


@given(st.floats(0, 1e6), st.floats(1e-6, 1e3))
def test_an_effect_is_on_its_scale(value: float, warn: float) -> None:
    """However large it is."""
    bar = effect_bar(value, None, warn)
    assert bar is not None
    assert bar.warn is not None
    assert 0 <= bar.value < bar.width
    assert (bar.value >= bar.warn) or value < warn


def test_a_bar_says_its_figures() -> None:
    """They stand beside it in the table, and here for those who do not see it."""
    bar = rate_bar(0.82, (0.7, 0.9), 0.85, 0.75)
    assert bar is not None
    assert bar.summary == "82 % (70–90 %), warning below 85 %, critical below 75 %.".replace(
        " %", "\N{NO-BREAK SPACE}%"
    )


def test_what_is_confused_lies_together() -> None:
    """Each is followed by what it is most often taken for."""
    counts = {("a", "d"): 5, ("b", "c"): 4, ("d", "d"): 99}
    assert neighbouring(["a", "b", "c", "d"], counts) == ["a", "d", "b", "c"]


def test_each_disagreement_is_a_strong_cell_with_its_number() -> None:
    """And each agreement a quiet one."""
    heat = heat_map_picture([("a", "b", 3), ("a", "a", 7), ("b", "b", 2), ("b", "a", 1), ("a", "b", 1)])
    assert heat is not None
    assert sorted(item.text for item in heat.numbers) == ["1", "4"]
    assert sorted(item.text for item in heat.quiet_numbers) == ["2", "7"]
    assert sum(level.path.count("M") for level in heat.levels) == 2


def test_more_records_are_a_stronger_cell() -> None:
    """By four levels."""
    heat = heat_map_picture([("a", "b", 100), ("b", "a", 1)])
    assert heat is not None
    assert [level.opacity for level in heat.levels] == sorted(level.opacity for level in heat.levels)
    assert len(heat.levels) == 2


def test_of_many_categories_those_that_agree_stand_together() -> None:
    """And the picture says how many they are."""
    agreeing = [(f"same {number}", f"same {number}", 2) for number in range(MOST_WHOLE)]
    heat = heat_map_picture([*agreeing, ("a", "b", 1)])
    assert heat is not None
    assert [item.text for item in heat.row_labels] == ["a", "b", "others that agree (25)"]
    assert [item.text for item in heat.quiet_numbers] == ["50"]
    assert "25 categories stand together" in heat.summary


def test_disagreement_of_categories_that_stand_together_is_not_hidden() -> None:
    """With more categories than the picture holds, the rest is no longer said to agree."""
    moved = [(f"{number}", f"{number + 1}", 1) for number in range(0, 400, 2)]
    heat = heat_map_picture([*moved, ("same", "same", 9)])
    assert heat is not None
    assert heat.row_labels[-1].text == "others (324)"
    assert sum(level.path.count("M") for level in heat.levels) == 40
    assert heat.diagonal == ""


@pytest.mark.parametrize("categories", [1, 2, 11, 25, 40, 77])
def test_cells_lie_inside(categories: int) -> None:
    """From one category to 77."""
    heat = heat_map_picture(flows(categories, 200))
    assert heat is not None
    assert heat.left + heat.size <= heat.width
    assert heat.top + heat.size <= heat.height
    assert heat.font_size >= 9


def test_shares_are_of_each_side() -> None:
    """Ten times the records with the same shares draw the same line."""
    shown = histogram_picture(EDGES, [1] * 20, [10] * 20)
    assert shown is not None
    assert shown.reference == shown.recent + "z"


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=60))
def test_steps_lie_inside(counts: list[tuple[int, int]]) -> None:
    """Whatever the counts."""
    edges = [float(number) for number in range(len(counts) + 1)]
    shown = histogram_picture(edges, [before for before, _ in counts], [after for _, after in counts])
    if shown is None:
        assert not all(sum(side) for side in zip(*counts, strict=True))
        return
    assert all(0 <= x <= shown.width and 0 <= y <= shown.bottom for x, y in places(shown.reference + shown.recent))


def test_surely_overconfident_bins_have_a_shape_of_their_own() -> None:
    """Those whose whole interval lies below the diagonal."""
    curve = calibration_picture([[0.9, 0.6, 50, 0.5, 0.7], [0.7, 0.6, 50, 0.5, 0.75]])
    assert curve is not None
    assert [bubble.over for bubble in curve.bubbles] == [False, True]
    assert "surely overconfident" in words(drawn("calibration", curve))


def test_a_bin_of_more_records_is_larger() -> None:
    """By area, down to what can still be seen."""
    curve = calibration_picture([[0.5, 0.5, 100, 0.4, 0.6], [0.7, 0.6, 25, 0.5, 0.75], [0.9, 0.9, 1, 0.2, 1]])
    assert curve is not None
    assert [bubble.radius for bubble in curve.bubbles] == [10, 5, 3.5]


def test_the_worst_slices_are_drawn_and_the_rest_counted() -> None:
    """With the span of their rates."""
    forest = forest_picture(slices(60), 0.8)
    assert forest is not None
    assert len(forest.marks) == MOST_SLICES
    assert forest.remark == "35 more slices, from 71 % to 99 %, not drawn.".replace(" %", "\N{NO-BREAK SPACE}%")


def test_a_judged_slice_is_drawn_before_a_worse_one_that_was_not() -> None:
    """A slice of two records may have any rate by chance."""
    many: list[Any] = [("age", f"{number}", 0.1, 0.0, 0.9, 2, None) for number in range(MOST_SLICES)]
    forest = forest_picture([*many, ("source", "llm", 0.6, 0.5, 0.7, 90, "CRITICAL")])
    assert forest is not None
    assert forest.labels[0].text == "llm"


def test_what_changed_most_comes_first_and_the_rest_is_summed_up() -> None:
    """All shares of a side come to one."""
    mix = class_mix_picture([("same", 50, 50), ("down", 40, 10), ("up", 10, 40), *((f"{n}", 1, 1) for n in range(40))])
    assert mix is not None
    assert [row[0] for row in mix.rows[:2]] == ["down", "up"]
    assert mix.rows[-1][0] == "others (18 categories)"
    assert len(mix.dumbbells) == len(mix.labels) - 1


def test_clouds_have_one_measure() -> None:
    """What is twice as far apart in numbers is so in the picture, across or up."""
    scatter = scatter_picture([[0, 0], [10, 0], [0, 5]], 3)
    assert scatter is not None
    origin, across, up = places(scatter.reference)
    assert hypot(across[0] - origin[0], across[1] - origin[1]) == pytest.approx(
        2 * hypot(up[0] - origin[0], up[1] - origin[1]), abs=0.2
    )


def test_points_that_are_all_alike_lie_in_the_middle() -> None:
    """Nothing is divided by their spread."""
    scatter = scatter_picture([[3, 3]] * 4, 2)
    assert scatter is not None
    assert set(places(scatter.recent)) == {(scatter.width / 2, (scatter.top + scatter.bottom) / 2)}
