"""Hostile texts: whatever a record, a version or a setting contains, the page shows it as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.outcomes import Outcome, Result, Statistic
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.run import RunReport
from tests.support.browser import NARROW, WIDE, Browsing, Opened
from tests.support.histories import altered
from tests.support.pages import Pages, decided, described, recorded, with_details, write_pages
from tests.support.reports import AGREEMENT, INTEGRITY, LOW, report

pytestmark = pytest.mark.browser

MARKUP = (
    "<script>window.ran = 'script'; alert(1)</script>",
    "</script><script>window.ran = 'script after script'</script>",
    "</style><script>window.ran = 'script after style'</script>",
    "</title></textarea><svg onload=\"window.ran = 'svg'\">",
    '"><img src=x onerror="window.ran = \'image\'">',
    "'><img src=http://127.0.0.1:9/x onerror='window.ran = 1'>",
    '" onmouseover="window.ran = \'mouse\'" autofocus onfocus="window.ran = \'focus\'" x="',
    "javascript:window.ran='link'",
    "<a href=\"javascript:window.ran='link'\">here</a>",
    "<base href='http://127.0.0.1:9/'><meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><iframe src=http://127.0.0.1:9/></iframe>",
    "{{ 7*7 }}{% raw %}${7*7}#{7*7}",
    "]]><!--",
    "&lt;script&gt;alert(2)&lt;/script&gt;&#x202e;",
)
CONTROLS = (
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "nul\x00l",
    "surrogate\udcff",
    "a\u202etxt.exe",
    "b\u2066c\u2069",
    "e\x9b1m",
)
BIG = ("word " * 20_000, "W" * 100_000, "category" * 40)
ALL = " | ".join((*MARKUP, *CONTROLS))
OVERRIDE = "turned\u202eround"
# Control characters, and those that change the direction of text.
TURNING = r"[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]"


def hostile_report(texts: Sequence[str], of_run: str) -> RunReport:
    """Return a run with a record for each text, which fills all its fields; `of_run` fills the fields of the run."""
    made = []
    details: list[Details] = []
    for number, text in enumerate(texts):
        key = f"{number} {text[:200]}"
        made.append(decided(key, text[:300], f"{text[:300]}2", LOW, (0.9, 0.8)))
        made.append(decided(key, text[:300], "x", criterion="record_integrity", message=text))
        details.append(
            replace(
                described(key, text, words=text[:2000]),
                stored=Reasons(text, text, text[:300], text[:300]),
                near=(Near(text[:300], text[:300], 0.5, text),) * 5,
            )
        )
        made.append(replace(made[-2], record_id=f"u{number}", result=Result.UNMEASURED, message=text))
    shares = tuple(Statistic.share(text[:300], 1, 9, text[:300]) for text in texts)
    made.append(Outcome("record_integrity", Result.FAILED, of_run, check="x", statistics=shares))
    return with_details(report(made, (AGREEMENT, INTEGRITY), **of_the_run(lambda _: of_run)), details)


def of_the_run(text: Callable[[str], str]) -> dict[str, Any]:
    """Return the facts of a run with a text in every field, by its name."""
    names = ("db", "table", "chroma", "collection", "reviewer", "model", "prompt", "repeat", "repeat_record")
    return {
        **{name: text(name) for name in names},
        "reviewing": {"reviewed": 3},
        "store_versions": {name: text(name) for name in ("model_version", "prompt_version", "embedding_model")},
        "notes": [text("note")],
        "settings": {"drift_table": text("setting")},
    }


def with_past(made: RunReport) -> RunReport:
    """Return the run after one with other versions."""
    versions = dict.fromkeys(made.facts.store.versions, f"before {ALL}")
    before = altered(
        recorded(made),
        run_id="20260114T020000Z-abc122",
        store={"versions": versions},
        reviewer={"name": ALL, "model": ALL},
    )
    return replace(made, past=(before,))


@pytest.fixture(scope="module")
def hostile_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Pages with hostile markup and control characters in every field."""
    reports = tmp_path_factory.mktemp("hostile") / "reports"
    return write_pages(reports, with_past(hostile_report((*MARKUP, *CONTROLS), ALL)))


@pytest.fixture(scope="module")
def big_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Pages with a very long text in every field."""
    reports = tmp_path_factory.mktemp("big") / "reports"
    return write_pages(reports, with_past(hostile_report(BIG, "category" * 40)))


def use(opened: Opened) -> None:
    """Do what a reader does: open, search, filter and hover."""
    opened.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    for text in ("script", "onerror"):
        opened.field("Search").fill(text)
    opened.field("Search").fill("")
    opened.groups("Label pair").first.click()
    opened.evaluate("""() => document.querySelectorAll('*').forEach((element) => {
      element.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
      element.focus?.();
    })""")
    opened.page.get_by_role("button", name="Show all").click()


@pytest.mark.parametrize("which", ["run", "list"])
def test_nothing_in_a_field_runs(browsing: Browsing, hostile_pages: Pages, which: str) -> None:
    """There is no script, request, dialog or error, whatever the reader does."""
    path = getattr(hostile_pages, which)
    opened = browsing.open(path)
    if which == "run":
        use(opened)
    assert (opened.faults, opened.requests) == ([], [path.as_uri()])
    assert opened.evaluate("window.ran === undefined")


@pytest.mark.parametrize("which", ["run", "list"])
def test_the_page_has_only_its_own_elements(browsing: Browsing, hostile_pages: Pages, which: str) -> None:
    """No text becomes an element, a handler, or a link to elsewhere."""
    opened = browsing.open(getattr(hostile_pages, which))
    strange = opened.evaluate("""() => [...document.querySelectorAll('*')].filter((element) =>
        element.matches('img, iframe, base, object, embed, meta[http-equiv], link:not([href="data:,"]), title ~ title')
        || [...element.attributes].some(({name}) => name.startsWith('on'))
        || (element.matches('a')
              && !/^(#|report\\.json$|junit\\.xml$|(\\.\\.\\/)?[\\w-]*\\/?index\\.html(#[^\\s"'<>]+)?$)/
              .test(element.getAttribute('href') ?? '#'))).map((element) => element.outerHTML.slice(0, 150))""")
    assert strange == []
    assert opened.page.locator("script").count() <= 1


def test_markup_is_shown_as_written(browsing: Browsing, hostile_pages: Pages) -> None:
    """The reader sees what the records contain."""
    shown = browsing.open(hostile_pages.run).page.locator("#list > li .text").all_inner_texts()
    texts = [" ".join(text.split()) for text in shown]
    assert [text for text in MARKUP if text not in texts] == []


def marked(field: str) -> str:
    """Return a text that changes direction and names its field."""
    return f"<{field}>\u202eround"


@pytest.fixture(scope="module")
def turned_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Pages with a text that changes direction in every field."""
    key, stored, reviewed = marked("record id"), marked("category"), marked("reviewed category")
    share = Statistic.share(marked("statistic"), 1, 9, marked("statistic's message"))
    made = [
        decided(key, stored, reviewed),
        decided(key, stored, reviewed, criterion="record_integrity", message=marked("message")),
        decided(2, "a", "b", message=marked("reason"), result=Result.UNMEASURED),
        Outcome("record_integrity", Result.PASSED, statistics=(share,)),
    ]
    details = [described(key, marked("text"), words=marked("details"))]
    found = with_details(report(made, **of_the_run(marked)), details)
    return write_pages(tmp_path_factory.mktemp("turned") / "reports", found)


def turning(opened: Opened) -> set[str]:
    """Return the fields whose text changes direction where it is read, or read aloud."""
    texts = opened.evaluate(f"""() => {{
      const texts = [document.title];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) texts.push(walker.currentNode.data);
      document.querySelectorAll('[aria-label]').forEach((element) => texts.push(element.ariaLabel));
      return texts.filter((text) => /{TURNING}/.test(text));
    }}""")
    return {field for text in texts for field in re.findall("<([^>]*)>\u202e", text)}


@pytest.mark.parametrize("which", ["run", "list"])
def test_characters_that_change_direction_are_written_out(browsing: Browsing, turned_pages: Pages, which: str) -> None:
    """A category cannot pass for another one, nor a path for another path."""
    assert turning(browsing.open(getattr(turned_pages, which))) == set()


def test_records_are_filtered_by_a_category_that_changes_direction(browsing: Browsing, tmp_path: Path) -> None:
    """The group finds the records that it counts."""
    made = report([decided(1, OVERRIDE, "b"), decided(2, "a", "b"), decided(3, " two  spaces\n", "b")])
    opened = browsing.open(write_pages(tmp_path / "reports", made).run)
    found = []
    for group in opened.groups("Label pair").all():
        group.click()
        found.append(opened.count)
    assert found == ["1 of 3 shown"] * 3


@pytest.mark.parametrize("which", ["run", "list"])
@pytest.mark.parametrize(("pages", "width"), [("hostile_pages", NARROW), ("hostile_pages", WIDE), ("big_pages", WIDE)])
def test_no_text_makes_the_page_wider(
    browsing: Browsing, request: pytest.FixtureRequest, pages: str, which: str, width: int
) -> None:
    """Neither markup nor a word of 100,000 letters, even with everything unfolded."""
    opened = browsing.open(getattr(request.getfixturevalue(pages), which), width=width)
    opened.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert opened.overflow() <= 0
