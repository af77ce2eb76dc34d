"""Charts as the page draws them, read back."""

from __future__ import annotations

import re
from cmath import rect
from collections.abc import Iterator
from math import radians
from xml.etree import ElementTree

from jinja2 import Environment, PackageLoader, StrictUndefined

from drift_checks.report.page.charts.picture import Picture

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&{{ 7*7 }} \u202egnp \x07\x1b[31m \ud800 שלום " + "endless " * 30
ENVIRONMENT = Environment(
    loader=PackageLoader("drift_checks.report.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def drawn(template: str, picture: Picture | None, id: str = "picture") -> str:  # noqa: A002
    """Return the chart as the template of that name draws it."""
    assert picture is not None
    return str(ENVIRONMENT.get_template(f"charts/{template}.svg.j2").module.draw(picture, id=id))  # type: ignore[attr-defined]


def read(svg: str) -> ElementTree.Element:
    """Return the root of a well-formed chart."""
    return ElementTree.fromstring(svg)


def words(svg: str) -> list[str]:
    """Return the visible texts, without tooltips."""
    return [element.text or "" for element in read(svg).iter(f"{SVG}text")]


def text_positions(
    element: ElementTree.Element, frame: complex = 0, turn: complex = 1
) -> Iterator[tuple[float, float]]:
    """Yield where each text of the element starts, in the chart's units."""
    for kind, numbers in re.findall(r"(translate|rotate)\(([^)]*)\)", element.get("transform", "")):
        first, second = ([float(number) for number in numbers.split()] + [0.0])[:2]
        if kind == "translate":
            frame += turn * complex(first, second)
        else:
            turn *= rect(1, radians(first))
    if element.tag == f"{SVG}text":
        found = frame + turn * complex(float(element.get("x", 0)), float(element.get("y", 0)))
        yield found.real, found.imag
    for inner in element:
        yield from text_positions(inner, frame, turn)


def places(path: str) -> list[tuple[float, float]]:
    """Return the points of a path of absolute points."""
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))
