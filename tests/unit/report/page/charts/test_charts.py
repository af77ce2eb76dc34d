"""What each chart shows."""

from __future__ import annotations

from math import hypot, inf, nan
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.report.page.charts.calibration import calibration_picture
from drift_checks.report.page.charts.class_mix import class_mix_picture
from drift_checks.report.page.charts.forest import MOST_SLICES, Slice, forest_picture
from drift_checks.report.page.charts.heat_map import MOST_WHOLE, heat_map_picture, neighbouring
from drift_checks.report.page.charts.histogram import histogram_picture
from drift_checks.report.page.charts.picture import WINDOWS
from drift_checks.report.page.charts.scatter import scatter_picture
from drift_checks.report.page.charts.thresholds import effect_bar, rate_bar
from tests.unit.report.page.charts.drawing import drawn, places, words
from tests.unit.report.page.charts.samples import EDGES, flows, slices

RATES = st.floats(0, 1)
Chart = TypeVar("Chart")


@pytest.mark.parametrize(
    "nothing",
    [
        effect_bar(inf, 0.1, None, None),
        heat_map_picture([]),
        heat_map_picture([("a", "b", 0)]),
        histogram_picture([0, 1], [0], [3], WINDOWS),
        calibration_picture([]),
        calibration_picture([[nan, 0.5, 3, 0.1, 0.9]]),
        forest_picture([], 0.9),
        class_mix_picture([("a", 0, 0)]),
        scatter_picture([], 0),
        scatter_picture([[nan, 1]], 1),
    ],
)
def test_without_figures_there_is_no_chart(nothing: object) -> None:
    """The caller leaves it out."""
    assert nothing is None


def present(picture: Chart | None) -> Chart:
    """Return the chart, which has figures."""
    assert picture is not None
    return picture


@given(RATES, RATES, RATES, RATES, RATES)
def test_a_rate_its_interval_and_its_thresholds_share_one_scale(
    value: float, low: float, high: float, warn: float, critical: float
) -> None:
    """Larger values are further right, and all are inside."""
    bar = rate_bar(value, (low, high), warn, critical, None)
    assert bar.interval is not None
    values = [value, low, high, warn, critical]
    found = [bar.value, *bar.interval, bar.warn, bar.critical]
    pairs = sorted((rate, place) for rate, place in zip(values, found, strict=True) if place is not None)
    assert [place for _, place in pairs] == sorted(place for _, place in pairs)
    assert all(0 <= place <= bar.width for _, place in pairs)


@pytest.mark.parametrize(
    ("bar", "kinds"),
    [
        (rate_bar(0.9, (0.8, 0.95), 0.85, 0.75, None), ["critical", "warning", "ok"]),
        (effect_bar(0.9, 0.1, 0.2, None), ["ok", "warning", "critical"]),
        (effect_bar(0.9, 0.1, None, None), ["ok", "warning"]),
    ],
    ids=["rate", "effect", "effect that is never critical"],
)
def test_low_rates_and_large_effects_are_worse(bar: Any, kinds: list[str]) -> None:
    """The zones follow from left to right."""
    assert [kind for kind, *_ in bar.zones] == kinds


@given(st.floats(0, 1e6), st.floats(1e-6, 1e3))
def test_an_effect_is_on_its_scale(value: float, warn: float) -> None:
    """However large it is."""
    bar = present(effect_bar(value, warn, None, None))
    assert bar.warn is not None
    assert 0 <= bar.value < bar.width
    assert (bar.value >= bar.warn) or value < warn


def test_a_bar_describes_its_figures() -> None:
    """For those who do not see it."""
    bar = rate_bar(0.82, (0.7, 0.9), 0.85, 0.75, None)
    assert bar.summary == "82 % (70–90 %), warning below 85 %, critical below 75 %."


def test_confused_categories_are_neighbours() -> None:
    """Each is followed by the one most often confused with it."""
    counts = {("a", "d"): 5, ("b", "c"): 4, ("d", "d"): 99}
    assert neighbouring(["a", "b", "c", "d"], counts) == ["a", "d", "b", "c"]


def test_each_disagreement_is_a_strong_cell_with_its_number() -> None:
    """Each agreement is a quiet one."""
    heat = present(heat_map_picture([("a", "b", 3), ("a", "a", 7), ("b", "b", 2), ("b", "a", 1), ("a", "b", 1)]))
    assert sorted(item.text for item in heat.numbers) == ["1", "4"]
    assert sorted(item.text for item in heat.quiet_numbers) == ["2", "7"]
    assert sum(level.path.count("M") for level in heat.levels) == 2


def test_more_records_make_a_stronger_cell() -> None:
    """There are up to four levels."""
    heat = present(heat_map_picture([("a", "b", 100), ("b", "a", 1)]))
    first, second = (level.opacity for level in heat.levels)
    assert first < second


def test_many_categories_without_disagreement_are_grouped() -> None:
    """The chart says how many they are."""
    agreeing = [(f"same {number}", f"same {number}", 2) for number in range(MOST_WHOLE)]
    heat = present(heat_map_picture([*agreeing, ("a", "b", 1)]))
    assert [item.text for item in heat.row_labels] == ["a", "b", "others that agree (25)"]
    assert [item.text for item in heat.quiet_numbers] == ["50"]
    assert "25 categories are grouped" in heat.summary


def test_grouped_disagreement_is_not_hidden() -> None:
    """With more categories than the chart holds, the group is not said to agree."""
    moved = [(f"{number}", f"{number + 1}", 1) for number in range(0, 400, 2)]
    heat = present(heat_map_picture([*moved, ("same", "same", 9)]))
    assert heat.row_labels[-1].text == "others (324)"
    assert sum(level.path.count("M") for level in heat.levels) == 40
    assert heat.diagonal == ""


@pytest.mark.parametrize("categories", [1, 11, 25, 77])
def test_cells_are_inside(categories: int) -> None:
    """From one category to 77."""
    heat = present(heat_map_picture(flows(categories, 200)))
    assert heat.left + heat.size <= heat.width
    assert heat.top + heat.size <= heat.height
    assert heat.font_size >= 9


def test_each_distribution_is_relative_to_its_own_total() -> None:
    """Ten times the records with the same shares give the same line."""
    shown = present(histogram_picture(EDGES, [1] * 20, [10] * 20, WINDOWS))
    assert shown.reference == shown.recent + "z"


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=60))
def test_steps_are_inside(counts: list[tuple[int, int]]) -> None:
    """Whatever the counts."""
    edges = [float(number) for number in range(len(counts) + 1)]
    shown = histogram_picture(edges, [before for before, _ in counts], [after for _, after in counts], WINDOWS)
    if shown is None:
        assert not all(sum(side) for side in zip(*counts, strict=True))
        return
    assert all(0 <= x <= shown.width and 0 <= y <= shown.box.bottom for x, y in places(shown.reference + shown.recent))


def test_clearly_overconfident_bins_have_their_own_shape() -> None:
    """Their whole interval is below the diagonal."""
    curve = present(calibration_picture([[0.9, 0.6, 50, 0.5, 0.7], [0.7, 0.6, 50, 0.5, 0.75]]))
    assert [bubble.over for bubble in curve.bubbles] == [False, True]
    assert "clearly overconfident" in words(drawn("calibration", curve))


def test_a_bin_with_more_records_is_larger() -> None:
    """Its area grows with the number, and never becomes too small to see."""
    curve = present(calibration_picture([[0.5, 0.5, 100, 0.4, 0.6], [0.7, 0.6, 25, 0.5, 0.75], [0.9, 0.9, 1, 0.2, 1]]))
    assert [bubble.radius for bubble in curve.bubbles] == [10, 5, 3.5]


def test_the_worst_slices_are_drawn_and_the_rest_counted() -> None:
    """The remark gives the range of their rates."""
    forest = present(forest_picture(slices(60), 0.8))
    assert len(forest.marks) == MOST_SLICES
    assert forest.remark == "35 more slices, 71 % to 99 %, not shown."


def test_a_judged_slice_comes_before_a_worse_one_that_was_not_judged() -> None:
    """A slice of two records may have any rate by chance."""
    many = [Slice("age", f"{number}", 0.1, 0.0, 0.9, 2, None) for number in range(MOST_SLICES)]
    forest = present(forest_picture([*many, Slice("source", "llm", 0.6, 0.5, 0.7, 90, "CRITICAL")], None))
    assert forest.labels[0].text == "llm"


def test_the_largest_change_comes_first_and_the_rest_is_summed_up() -> None:
    """The row that sums up has no dumbbell."""
    mix = present(
        class_mix_picture([("same", 50, 50), ("down", 40, 10), ("up", 10, 40), *((f"{n}", 1, 1) for n in range(40))])
    )
    assert [row[0] for row in mix.rows[:2]] == ["down", "up"]
    assert mix.rows[-1][0] == "others (18 categories)"
    assert len(mix.dumbbells) == len(mix.labels) - 1


def test_both_axes_of_a_scatter_plot_have_the_same_unit() -> None:
    """A distance twice as long is drawn twice as long, horizontally or vertically."""
    scatter = present(scatter_picture([[0, 0], [10, 0], [0, 5]], 3))
    origin, across, up = places(scatter.reference)
    assert hypot(across[0] - origin[0], across[1] - origin[1]) == pytest.approx(
        2 * hypot(up[0] - origin[0], up[1] - origin[1]), abs=0.2
    )


def test_identical_points_are_in_the_middle() -> None:
    """Nothing is divided by their spread."""
    scatter = present(scatter_picture([[3, 3]] * 4, 2))
    assert set(places(scatter.recent)) == {(scatter.width / 2, (scatter.box.top + scatter.box.bottom) / 2)}
