"""What all charts have in common when drawn."""

from __future__ import annotations

import re
from functools import cache

import pytest

from drift_checks.report.page.charts.picture import MOST_ROWS, Picture
from tests.unit.report.page.charts.drawing import ENVIRONMENT, SVG, drawn, read, text_positions
from tests.unit.report.page.charts.samples import SAMPLES

ALL = pytest.mark.parametrize("sample", SAMPLES)


@cache
def svg_of(sample: str) -> str:
    """Return the sample as drawn."""
    template, picture, _ = SAMPLES[sample]
    return drawn(template, picture, id="one")


def picture_of(sample: str) -> Picture:
    """Return the sample before it is drawn."""
    picture = SAMPLES[sample][1]
    assert picture is not None
    return picture


@ALL
def test_it_is_small(sample: str) -> None:
    """A page with all of them stays far below 400 kB, since positions have at most one decimal."""
    assert len(svg_of(sample).encode()) <= SAMPLES[sample][2]
    paths = " ".join(re.findall(r' d="([^"]*)"', svg_of(sample)))
    assert not re.search(r"\.\d\d|\.0(?!\d)|nan|inf|e-", paths)


@ALL
def test_it_has_no_markup_but_its_own(sample: str) -> None:
    """Neither style nor script, which a policy may forbid; hostile names are escaped, without control characters."""
    svg = svg_of(sample)
    found = list(read(svg).iter())
    names = {element.tag.removeprefix(SVG) for element in found}.union(*(element.attrib for element in found))
    assert not names & {"style", "script", "foreignObject", "image", "onload", "onclick", "alert"}
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\ud800-\udfff]", svg)
    assert "<script" not in svg


@ALL
def test_its_references_resolve(sample: str) -> None:
    """Ids are unique, also beside another chart; a screen reader reads title and description."""
    svg, picture = svg_of(sample), picture_of(sample)
    root = read(svg)
    texts = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert [texts[name] for name in root.attrib["aria-labelledby"].split()] == [picture.title, picture.summary]
    ids = [element.attrib["id"] for element in read(svg).iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    assert all(name.startswith("one-") for name in ids)
    assert {*re.findall(r"url\(#([^)]+)\)", svg), *re.findall(r'href="#([^"]+)"', svg)} <= set(ids)


@ALL
def test_its_texts_are_inside_the_view_box(sample: str) -> None:
    """Nothing is cut off."""
    picture = picture_of(sample)
    for x, y in text_positions(read(svg_of(sample))):
        assert 0 <= x <= picture.width
        assert 0 <= y <= picture.height


@ALL
def test_its_data_table_is_small_and_rectangular(sample: str) -> None:
    """Each row has a cell for each column of the header."""
    picture = picture_of(sample)
    assert 0 < len(picture.rows) <= MOST_ROWS
    assert {len(row) for row in picture.rows} == {len(picture.header)}


@pytest.mark.parametrize("page", ["#ffffff", "#0f1318"], ids=["light", "dark"])
def test_colours_stand_out_from_the_page(page: str) -> None:
    """Without any style sheet, the contrast is at least 3 to 1, as WCAG requires of graphics."""
    shared = ENVIRONMENT.get_template("charts/shared.svg.j2").module
    colours: dict[str, str] = shared.colours  # type: ignore[attr-defined]
    assert min(contrast(colour, page) for colour in colours.values()) >= 3


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as `#0f1318`."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
