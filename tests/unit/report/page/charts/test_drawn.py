"""What all pictures have in common, as they are drawn."""

from __future__ import annotations

import re

import pytest

from drift_checks.report.page.charts.picture import MOST_ROWS
from tests.unit.report.page.charts.drawing import ENVIRONMENT, SVG, beginnings, drawn, read
from tests.unit.report.page.charts.samples import SAMPLES

ALL = pytest.mark.parametrize("sample", SAMPLES)
PAGES = ("#ffffff", "#0f1318")


def picture_of(sample: str) -> str:
    """Return the sample as it is drawn."""
    template, picture, _ = SAMPLES[sample]
    return drawn(template, picture, id="one")


@ALL
def test_it_is_well_formed(sample: str) -> None:
    """Whatever the names hold, what is drawn is one svg."""
    assert read(picture_of(sample)).tag == f"{SVG}svg"


@ALL
def test_it_is_small(sample: str) -> None:
    """A page of all of them stays far below 400 KB."""
    assert len(picture_of(sample).encode()) <= SAMPLES[sample][2]


@ALL
def test_it_needs_neither_style_nor_script(sample: str) -> None:
    """A policy that forbids both leaves it as it is."""
    found = list(read(picture_of(sample)).iter())
    names = {element.tag.removeprefix(SVG) for element in found} | {
        name for element in found for name in element.attrib
    }
    assert not names & {"style", "script", "foreignObject", "image", "onload", "onclick"}


@ALL
def test_it_says_what_it_shows(sample: str) -> None:
    """Its title and its description are named as such, and hold the words of the picture."""
    root = read(picture_of(sample))
    _, picture, _ = SAMPLES[sample]
    assert picture is not None
    said = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert [said[name] for name in root.attrib["aria-labelledby"].split()] == [picture.title, picture.summary]


@ALL
def test_ids_are_its_own(sample: str) -> None:
    """No id comes twice, and each begins with the picture's, so that two pictures share a page."""
    ids = [element.attrib["id"] for element in read(picture_of(sample)).iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))
    assert all(name.startswith("one-") for name in ids)


@ALL
def test_what_it_refers_to_is_there(sample: str) -> None:
    """Each mark that is used is defined."""
    svg = picture_of(sample)
    used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
    assert used <= set(re.findall(r' id="([^"]+)"', svg))


@ALL
def test_its_texts_lie_inside(sample: str) -> None:
    """No text is set outside of the view box."""
    _, picture, _ = SAMPLES[sample]
    assert picture is not None
    for x, y in beginnings(read(picture_of(sample))):
        assert 0 <= x <= picture.width
        assert 0 <= y <= picture.height


@ALL
def test_hostile_names_are_text(sample: str) -> None:
    """No control or direction character is drawn, and none of the markup of a name is."""
    svg = picture_of(sample)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\ud800-\udfff]", svg)
    assert "alert" not in {element.tag for element in read(svg).iter()}
    assert "<script" not in svg


@ALL
def test_numbers_are_short(sample: str) -> None:
    """Places have one decimal, and no zero behind it, so that pictures stay small."""
    paths = " ".join(re.findall(r' d="([^"]*)"', picture_of(sample)))
    assert not re.search(r"\.\d\d|\.0(?!\d)|nan|inf|e-", paths)


@ALL
def test_the_table_is_small_and_even(sample: str) -> None:
    """Each row has a cell for each word of the header."""
    _, picture, _ = SAMPLES[sample]
    assert picture is not None
    assert 0 < len(picture.rows) <= MOST_ROWS
    assert {len(row) for row in picture.rows} == {len(picture.header)}


@pytest.mark.parametrize("page", PAGES)
def test_colours_of_meaning_can_be_told_from_the_page(page: str) -> None:
    """Light or dark, without any style sheet: a contrast of 3 to 1 at the least, as WCAG asks of graphics."""
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
