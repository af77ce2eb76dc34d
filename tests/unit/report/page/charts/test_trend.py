"""The chart of agreement over past runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.report.page.charts.trend import Trend, TrendPoint, trend_picture
from tests.unit.report.page.charts.drawing import SVG, drawn, places, read, words
from tests.unit.report.page.charts.samples import change, run, runs


def trend(points: list[TrendPoint]) -> Trend:
    """Return the chart of the runs."""
    picture = trend_picture(points, 0.85, 0.75)
    assert picture is not None
    return picture


def test_one_run_has_a_sentence_in_place_of_a_line() -> None:
    """Its mark is drawn all the same; without runs there is no chart."""
    assert trend_picture([], 0.85, 0.75) is None
    picture = trend([run(0)])
    assert (picture.line, len(picture.links)) == ("", 1)
    assert "One run so far; a line needs two." in words(drawn("trend", picture))


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=100))
def test_all_runs_are_inside_the_plot(rates: list[float | None]) -> None:
    """Whatever their rates."""
    picture = trend([run(number, rate) for number, rate in enumerate(rates)])
    found = [(mark.x, mark.y) for mark in picture.links] + [
        place for _, path in picture.marks for place in places(path)
    ]
    assert len(found) == len(rates)
    assert all(
        picture.box.left <= x <= picture.box.right and picture.box.top <= y <= picture.box.bottom for x, y in found
    )


def test_later_runs_are_further_right_and_higher_agreement_is_higher() -> None:
    """In whatever order the runs are passed."""
    first, second = trend([run(3, 0.95), run(1, 0.7)]).links
    assert first.x < second.x
    assert first.y > second.y


def test_a_run_without_a_rate_is_a_mark_on_the_axis() -> None:
    """It is not part of the line."""
    picture = trend([run(0), run(1, None, "INCONCLUSIVE"), run(2)])
    assert (picture.links[1].kind, picture.links[1].y) == ("inconclusive", picture.box.bottom)
    assert len(places(picture.line)) == 2
    assert "nan" not in drawn("trend", trend([run(0), replace(run(1), rate=float("nan"))]))


def test_a_run_links_to_its_report_and_says_so() -> None:
    """The chart is then a group, since screen readers announce no links inside an image."""
    root = read(drawn("trend", trend([run(0, 0.9), run(1, 0.8, "WARNING")])))
    assert root.get("role") == "group"
    assert list(root.iter(f"{SVG}a"))[1].attrib == {
        "href": "../run-1/index.html",
        "aria-label": "6 Jan 2026: WARNING, 80 %",
    }
    unlinked = read(drawn("trend", trend([replace(item, link=None) for item in runs(5)])))
    assert (unlinked.get("role"), list(unlinked.iter(f"{SVG}a"))) == ("img", [])


def test_changed_versions_are_numbered() -> None:
    """The line is between the runs before and after the change, and a list says what changed."""
    picture = trend([run(0, model_version="a"), run(1, model_version="a"), run(2, model_version="b")])
    assert [(item.number, item.words) for item in picture.changes] == [(1, "7 Jan 2026: model a → b")]
    assert picture.links[1].x < picture.change_marks[0].x < picture.links[2].x


def test_an_unknown_version_is_not_a_change() -> None:
    """The next one is compared with the last known one."""
    assert trend([run(0, prompt_version="1"), run(1), run(2, prompt_version="1")]).changes == ()
    assert len(trend([run(0, prompt_version="1"), run(1), run(2, prompt_version="2")]).changes) == 1


def test_change_of_agreement_lies_where_a_version_changed_on_the_same_night() -> None:
    """Between two runs, as its interval does; below the chart, a sentence says which."""
    points = [run(night, model_version="1" if night < 5 else "2") for night in range(10)]
    picture = trend_picture(points, 0.85, 0.75, [change(5, 4, 7)])
    assert picture is not None
    (shift,), (mark,), runs_at = picture.shifts, picture.change_marks, [link.x for link in picture.links]
    assert shift.x == mark.x
    assert runs_at[3] < shift.left < runs_at[4] < shift.x < runs_at[5]
    assert runs_at[6] < shift.right < runs_at[7]
    assert shift.words.startswith("agreement in the sample fell")
    assert "agreement changed" in words(drawn("trend", picture))
    assert trend(points).shifts == ()


def test_numbers_of_close_changes_are_merged() -> None:
    """Labels do not overlap."""
    picture = trend([run(number, model_version=str(number)) for number in (0, 1, 2, 300)])
    assert [mark.label.text for mark in picture.change_marks] == ["1–2", "", "3"]


def test_only_the_newest_changes_are_numbered() -> None:
    """The earlier ones are counted."""
    picture = trend([run(number, model_version=str(number)) for number in range(20)])
    assert (len(picture.changes), picture.earlier_changes) == (12, 7)
    assert picture.changes[-1].words.endswith("18 → 19")


@pytest.mark.parametrize(("number", "banded"), [(60, False), (61, True)])
def test_intervals_of_many_runs_are_a_band(number: int, banded: bool) -> None:
    """That many lines would be a solid block."""
    assert trend(runs(number)).banded is banded


def test_labels_of_thresholds_do_not_overlap() -> None:
    """Even if the thresholds are almost equal."""
    picture = trend_picture([run(0), run(1)], 0.801, 0.8)
    assert picture is not None
    warn, critical = picture.thresholds
    assert critical.label_y - warn.label_y >= 12
