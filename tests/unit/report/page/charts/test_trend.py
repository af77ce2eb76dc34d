"""Agreement over past runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.report.page.charts.trend import Trend, TrendPoint, trend_picture
from tests.unit.report.page.charts.drawing import SVG, drawn, places, read, words
from tests.unit.report.page.charts.samples import run, runs


def trend(points: list[TrendPoint]) -> Trend:
    """Return the picture of the runs."""
    picture = trend_picture(points, 0.85, 0.75)
    assert picture is not None
    return picture


def test_without_runs_there_is_no_picture() -> None:
    """The caller leaves it out."""
    assert trend_picture([], 0.85, 0.75) is None


def test_one_run_has_a_sentence_in_the_place_of_a_line() -> None:
    """And is drawn all the same."""
    picture = trend([run(0)])
    assert (picture.line, len(picture.links)) == ("", 1)
    assert "One run so far: a line needs two." in words(drawn("trend", picture))


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=100))
def test_all_runs_lie_in_the_plot(rates: list[float | None]) -> None:
    """Whatever the rates."""
    picture = trend([run(number, rate) for number, rate in enumerate(rates)])
    found = [(mark.x, mark.y) for mark in picture.links] + [
        place for _, path in picture.marks for place in places(path)
    ]
    assert len(found) == len(rates)
    assert all(picture.left <= x <= picture.right and picture.top <= y <= picture.bottom for x, y in found)


def test_later_is_further_right_and_more_agreement_higher() -> None:
    """In whatever order the runs are given."""
    first, second = trend([run(3, 0.95), run(1, 0.7)]).links
    assert first.x < second.x
    assert first.y > second.y


def test_a_run_without_a_rate_is_a_mark_on_the_axis() -> None:
    """It is no agreement, and no link of the line."""
    picture = trend([run(0), run(1, None, "INCONCLUSIVE"), run(2)])
    assert (picture.links[1].kind, picture.links[1].y) == ("inconclusive", picture.bottom)
    assert len(places(picture.line)) == 2


def test_a_rate_that_is_no_number_is_none() -> None:
    """Nothing of it reaches the picture."""
    assert "nan" not in drawn("trend", trend([run(0), replace(run(1), rate=float("nan"))]))


def test_a_run_leads_to_its_report_and_says_so() -> None:
    """In words, for those who do not see the mark; the picture is then a group, since an image holds no links."""
    root = read(drawn("trend", trend([run(0, 0.9), run(1, 0.8, "WARNING")])))
    links = list(root.iter(f"{SVG}a"))
    assert root.get("role") == "group"
    assert links[1].attrib == {
        "href": "../run-1/index.html",
        "aria-label": "6 Jan 2026: WARNING, 80\N{NO-BREAK SPACE}%",
    }


def test_without_links_it_is_an_image() -> None:
    """Nothing in it can be chosen."""
    root = read(drawn("trend", trend([replace(item, link=None) for item in runs(5)])))
    assert (root.get("role"), list(root.iter(f"{SVG}a"))) == ("img", [])


def test_changed_versions_are_numbered() -> None:
    """Between the runs before and after the change, with a legend in words."""
    picture = trend([run(0, model_version="a"), run(1, model_version="a"), run(2, model_version="b")])
    assert [(item.number, item.words) for item in picture.changes] == [(1, "7 Jan 2026: model a → b")]
    assert picture.links[1].x < picture.change_marks[0].x < picture.links[2].x


def test_a_version_that_is_not_known_of_a_run_did_not_change() -> None:
    """It is held against the last that is known."""
    assert trend([run(0, prompt_version="1"), run(1), run(2, prompt_version="1")]).changes == ()
    assert len(trend([run(0, prompt_version="1"), run(1), run(2, prompt_version="2")]).changes) == 1


def test_numbers_of_changes_that_lie_close_are_one_label() -> None:
    """Labels do not touch."""
    picture = trend([run(number, model_version=str(number)) for number in (0, 1, 2, 300)])
    assert [mark.label.text for mark in picture.change_marks] == ["1–2", "", "3"]


def test_only_the_newest_changes_are_numbered() -> None:
    """Of the others it is said how many there are."""
    picture = trend([run(number, model_version=str(number)) for number in range(20)])
    assert (len(picture.changes), picture.earlier_changes) == (12, 7)
    assert picture.changes[-1].words.endswith("18 → 19")


@pytest.mark.parametrize(("number", "banded"), [(60, False), (61, True), (400, True)])
def test_intervals_of_many_runs_are_a_band(number: int, banded: bool) -> None:
    """So many lines would be a block."""
    assert trend(runs(number)).banded is banded


def test_labels_of_thresholds_do_not_touch() -> None:
    """Even of thresholds that nearly do."""
    picture = trend_picture([run(0), run(1)], 0.801, 0.8)
    assert picture is not None
    warn, critical = picture.thresholds
    assert critical.label_y - warn.label_y >= 12
