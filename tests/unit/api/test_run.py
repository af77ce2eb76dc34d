"""The run that a review from Python returns."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from drift_checks.api import run as module
from drift_checks.api.run import Run
from drift_checks.report.document import drift_document
from tests.support.pages import known_report

FOLDER = Path("/data/reports/20260115T020000Z-abc123")


@pytest.fixture(scope="module")
def run() -> Run:
    """A run in which four records disagree."""
    return Run(known_report(), FOLDER)


class Frames(HTMLParser):
    """Finds the frames of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the attributes of a frame."""
        if tag == "iframe":
            self.found.append(dict(attrs))


def test_it_is_told_in_two_lines(run: Run) -> None:
    """What decided, and where the report is."""
    assert repr(run) == f"{run.headline}\nreport: {FOLDER}/index.html"


def test_another_exit_code_than_the_verdicts_is_told() -> None:
    """Otherwise a broken check would go unnoticed."""
    broken = replace(known_report(), exit_code=3, exit_reason="a check broke")
    assert repr(Run(broken, None)).splitlines()[1:] == ["exit 3: a check broke", "report: not written"]


def test_its_disagreements_are_rows(run: Run) -> None:
    """With what decides on a record: its text, both categories, the reason."""
    found = {item.record_id: item for item in run.disagreements}
    assert found.keys() == {1, 2, 3, 10}
    assert (found[10].stored, found[10].reviewed, found[10].text) == ("fraud", "cyber", "-5 and @home")
    assert found[10].rationale == "new rationale"


def test_a_redacted_run_has_no_texts() -> None:
    """As in its report."""
    report = known_report()
    details = {key: replace(item, text=None) for key, item in report.details.items()}
    assert {item.text for item in Run(replace(report, details=details), None).disagreements} == {None}


def test_its_figures_are_those_of_the_document(run: Run) -> None:
    """Of report.json."""
    document = run.to_dict()
    assert document == drift_document(run.report)
    assert (run.verdict, run.exit_code) == (document["verdict"], document["exit_code"])
    assert run.agreement.rate == document["agreement"]["rate"]
    assert [item.name for item in run.criteria] == [item["name"] for item in document["criteria"]]


def test_a_notebook_shows_its_report_apart(run: Run) -> None:
    """In a frame of bounded height that shares neither style nor origin with the notebook."""
    (frame,) = Frames(run._repr_html_()).found
    page, style, sandbox = frame["srcdoc"], frame["style"], frame["sandbox"]
    assert page is not None
    assert page.startswith("<!doctype html>")
    assert "prefers-color-scheme: dark" in page
    assert style is not None
    assert "height: 40em" in style
    assert sandbox is not None
    assert "allow-same-origin" not in sandbox


def test_a_notebook_has_no_links_to_other_files(run: Run) -> None:
    """It cannot open them, but those inside the report, and into the user's own system."""
    page = Frames(run._repr_html_()).found[0]["srcdoc"]
    assert page is not None
    assert 'href="report.json"' not in page
    assert "report.json" in page
    assert 'href="#criteria"' in page


def test_a_large_report_is_named_and_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook keeps what it shows in its file."""
    monkeypatch.setattr(module, "_LARGEST_PAGE", 1000)
    shown = run._repr_html_()
    assert not Frames(shown).found
    assert f"{FOLDER}/index.html" in shown
