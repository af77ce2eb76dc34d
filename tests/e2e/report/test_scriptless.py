"""The report without scripts: with JavaScript off, as a Jenkins artifact, and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from drift_checks.core.text import confidence
from tests.support.browser import Browsing, Opened
from tests.support.pages import LONG_TEXT, Pages, served

pytestmark = pytest.mark.browser

POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
SECTIONS = (
    "All criteria",
    "Not measured, and why",
    "Trends and charts",
    "Records that disagree or failed",
    "How this run was made",
)
# Invisible shapes: without an extent, or in the colour of the page.
UNSEEN = """() => {
  document.body.style.backgroundColor = 'Canvas';
  const paper = getComputedStyle(document.body).backgroundColor;
  const seen = (paint, opacity) => paint !== 'none' && paint !== paper && !/^rgba.*, 0\\)$/.test(paint) && opacity > 0;
  const ink = (shape, style) =>
    seen(style.fill, style.fillOpacity) || (seen(style.stroke, style.strokeOpacity) && style.strokeWidth !== '0px');
  return [...document.querySelectorAll('svg :is(path, circle, rect, line, text)')]
    .filter((shape) => !shape.matches('.halo, .paper, [marker-start]') && (shape.getAttribute('d') ?? 'M') !== '')
    .filter((shape) => {
      const box = shape.getBBox();
      return (box.width <= 0 && box.height <= 0) || !ink(shape, getComputedStyle(shape));
    })
    .map((shape) => shape.outerHTML.slice(0, 200));
}"""
# Texts with a contrast below 4.5 to 1.
FAINT = """() => {
  const light = (colour, over) => {
    const [r, g, b] = colour.map((part, at) => part * colour[3] + over[at] * (1 - colour[3])).slice(0, 3)
      .map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const parts = (text, opacity = 1) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a * opacity];
  };
  document.body.style.backgroundColor = 'Canvas';
  const paper = parts(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('svg text, p, dd, dt, h1, h2, h3, td, th, summary')].filter((element) => {
    const style = getComputedStyle(element);
    const ink = element.tagName === 'text' ? parts(style.fill, style.fillOpacity) : parts(style.color);
    const [a, b] = [light(ink, paper), light(paper, paper)];
    return Math.max(a, b) / Math.min(a, b) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 200));
}"""


@pytest.fixture
def unscripted(browsing: Browsing, demo_pages: Pages) -> Opened:
    """The page of the demo, with JavaScript off."""
    return browsing.open(demo_pages.run, scripts=False)


@pytest.fixture
def policed(demo_pages: Pages) -> Iterator[str]:
    """The address of the page of the demo, served with the policy that Jenkins sends."""
    with served(demo_pages.run.parent, Content_Security_Policy=POLICY) as (address, _):
        yield f"{address}/index.html"


def missing(opened: Opened, document: Any) -> list[str]:
    """Return what report.json says of the verdict, criteria and records that the page does not show."""
    opened.unfold()
    text = opened.text()
    wanted = [document["verdict"], document["headline"].split(" · ")[-1], document["run_id"], document["store"]["db"]]
    for criterion in document["criteria"]:
        wanted += [criterion["name"], criterion["message"].removeprefix("not measured: ").split(" (")[0]]
    for record in document["disagreements"]:
        pair = f"{record['record_id']} {record['stored']} → {record['reviewed']}"
        wanted += [pair, f"{confidence(record['stored_confidence'])} → {confidence(record['reviewed_confidence'])}"]
    return [words for words in wanted if words.replace("\u00a0", " ") not in text]


def test_without_scripts_all_can_be_read(unscripted: Opened, demo_pages: Pages) -> None:
    """What report.json has; charts are drawn, and no filter is shown, since it would do nothing."""
    for words in ("Show all", "Save as CSV", "Search", "Sort by"):
        assert not unscripted.page.get_by_text(words, exact=True).first.is_visible()
    charts = unscripted.page.get_by_role("figure").all()
    assert len(charts) > 3
    for chart in charts:
        box = chart.locator("svg").first.bounding_box()
        assert box
        assert min(box["width"], box["height"]) > 100
    assert missing(unscripted, demo_pages.document) == []


def test_without_scripts_all_details_of_a_record_can_be_read(browsing: Browsing, known_pages: Pages) -> None:
    """Text, both sets of reasons, neighbours, versions and the command."""
    opened = browsing.open(known_pages.run, scripts=False)
    opened.unfold()
    text = " ".join(opened.record("3").inner_text().split())
    said = ["stored evidence", "stored rationale", "new evidence", "new rationale", "model-1", "model-2", "prompt-1"]
    near = [words for n in range(5) for words in (f"class-{n}", f"{0.9 - n / 10:.3f}", f"near-{n}", f"beside {n}")]
    other = ["30 days old", "embedding minilm-6", "source llm", "2026-01-05T10:00:00Z", "--drift-records=3"]
    assert [words for words in (*said, *near, *other, LONG_TEXT[-100:]) if words not in text] == []


def test_under_the_policy_of_jenkins_all_can_be_read(browsing: Browsing, policed: str, demo_pages: Pages) -> None:
    """The report needs neither script nor style; no filter is shown, since its script is refused."""
    opened = browsing.open(policed)
    assert not opened.page.locator("form").is_visible()
    assert not opened.page.get_by_text("No record matches").is_visible()
    assert missing(opened, demo_pages.document) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_under_the_policy_of_jenkins_shapes_and_texts_are_visible(browsing: Browsing, policed: str, dark: bool) -> None:
    """They need no style sheet."""
    opened = browsing.open(policed, dark=dark)
    assert (opened.evaluate(UNSEEN), opened.evaluate(FAINT)) == ([], [])


def test_on_paper_every_section_and_record_is_visible(browsing: Browsing, demo_pages: Pages) -> None:
    """Only the filter, which needs a screen, is left out; it takes several sheets."""
    opened = browsing.open(demo_pages.run)
    printed = opened.page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") > 1
    opened.page.emulate_media(media="print")
    hidden = [name for name in SECTIONS if not opened.page.get_by_role("heading", name=name).is_visible()]
    assert (hidden, opened.page.locator("form").is_visible()) == ([], False)
    text = opened.text()
    pairs = [f"{item['stored']} → {item['reviewed']}" for item in demo_pages.document["disagreements"]]
    assert [words for words in (demo_pages.document["verdict"], *pairs) if words not in text] == []
