"""What is written of a run: document, JUnit and HTML."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result
from drift_checks.report.document import drift_document
from drift_checks.report.junit import junit_document
from drift_checks.report.page.html import render
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from tests.support.reports import AGREEMENT, BASELINE, INTEGRITY, LOW, OLD, outcomes, report, reviewed

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"
CONTROLS = "bell\x07 escape\x1b[31m nul\0 bidi\u202e half\ud800 \ufffe"
SAMPLE_KEYS = {"size", "seed", "strata", "record_ids"}
CONTRACT: dict[str, set[str]] = {
    "store": {"db", "chroma", "records", "vectors"},
    "sample": SAMPLE_KEYS,
    "reviewer": {"name", "model", "calls", "failed", "input_tokens", "output_tokens", "cost"},
    "agreement": {"agreed", "reviewed", "rate", "interval", "confidence_change", "population"},
    "criteria": {
        *("name", "verdict", "passed", "failed", "unmeasured"),
        *("rate", "interval", "warn", "critical", "message"),
    },
    "disagreements": {
        *("record_id", "stratum", "stored", "reviewed"),
        *("stored_confidence", "reviewed_confidence"),
    },
}
TOP = {"schema", "run_id", "started", "duration_seconds", "verdict", "exit_code", *CONTRACT}


def full(**changed: Any) -> RunReport:
    """Return a report with something of everything."""
    made = [
        *reviewed(20, 10, stratum=LOW),
        *reviewed(20, 0, stratum=OLD),
        *reviewed(10, 0, stratum=BASELINE),
        *outcomes(Result.FAILED, 2, criterion="record_integrity", message="the text is empty"),
        *outcomes(Result.PASSED, 98, criterion="record_integrity"),
    ]
    return report(made, **changed)


def bare() -> RunReport:
    """Return a report in which everything that can be missing is."""
    made = [Outcome("record_integrity", Result.FAILED), Outcome("agreement", Result.UNMEASURED)]
    changed: dict[str, Any] = {"chroma": None, "vectors": None, "model": None, "record_ids": [], "records": 0}
    return report(made, drawn={}, sizes={}, **changed)


def hostile(text: str) -> RunReport:
    """Return a report in which every text that comes from a store is this one."""
    decision = Decision(text, 0.5, text, 0.6)
    made = [
        Outcome("agreement", Result.FAILED, text, text, LOW, decision),
        Outcome("record_integrity", Result.FAILED, text, text, LOW),
        Outcome("unmeasured", Result.UNMEASURED, text, text, LOW),
    ]
    criteria = [AGREEMENT, INTEGRITY, Criterion("unmeasured", text, remedy=text)]
    return report(made, criteria, collection=text, table=text, settings={"table": text}, model=text)


def through_json(found: RunReport) -> dict[str, Any]:
    """Return the document as another program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(drift_document(found), allow_nan=False))
    return read


@pytest.mark.parametrize("found", [full(), bare(), hostile(HOSTILE)], ids=["full", "bare", "hostile"])
def test_the_document_has_every_key_of_the_contract(found: RunReport) -> None:
    """Whatever is missing; others may be added."""
    document = through_json(found)
    assert set(document) >= TOP
    for key, wanted in CONTRACT.items():
        for part in document[key] if isinstance(document[key], list) else [document[key]]:
            assert set(part) >= wanted


def test_the_document_says_what_the_run_came_to() -> None:
    """In the contract's words."""
    document = through_json(full())
    assert (document["schema"], document["verdict"], document["exit_code"]) == (1, "WARNING", 0)
    assert document["sample"]["strata"] == {"low_confidence": 30, "old": 20, "baseline": 10}
    assert document["agreement"]["agreed"] == 40
    assert document["agreement"]["interval"] == pytest.approx([0.6696, 0.8876], abs=1e-3)
    assert set(document["agreement"]["population"]) == {"rate", "interval"}
    assert document["criteria"][0]["verdict"] == "WARNING"
    assert document["disagreements"][0] == {
        "record_id": 1,
        "stratum": "low_confidence",
        "stored": "financial",
        "reviewed": "regulatory",
        "stored_confidence": 0.5,
        "reviewed_confidence": None,
    }


def test_rates_are_null_where_nothing_was_measured() -> None:
    """Never 0."""
    document = through_json(report(reviewed(0, 0, 50)))
    agreement, criterion = document["agreement"], document["criteria"][0]
    assert (agreement["rate"], agreement["interval"], agreement["population"]) == (None, None, None)
    assert (criterion["rate"], criterion["interval"]) == (None, None)
    assert document["criteria"][1]["verdict"] is None


def junit(found: RunReport) -> ElementTree.Element:
    """Return the JUnit file as another program reads it."""
    file = io.BytesIO()
    junit_document(found).write(file, encoding="utf-8", xml_declaration=True)
    return ElementTree.fromstring(file.getvalue())


def test_junit_has_one_case_a_criterion() -> None:
    """Named as they are."""
    root = junit(full())
    assert [case.get("name") for case in root.iter("testcase")] == ["agreement", "record_integrity"]


@pytest.mark.parametrize(
    ("made", "failures", "skipped"),
    [
        (reviewed(50, 0), 0, 1),
        (reviewed(40, 10), 0, 1),
        (reviewed(10, 40), 1, 1),
        (reviewed(0, 0, 50), 0, 2),
        (reviewed(10, 40) + outcomes(Result.FAILED, 9, criterion="record_integrity"), 2, 0),
    ],
    ids=["ok", "warning", "critical", "inconclusive", "two critical"],
)
def test_junit_is_red_only_where_a_verdict_is_critical(made: list[Outcome], failures: int, skipped: int) -> None:
    """What has no verdict is skipped."""
    root = junit(report(made))
    [suite] = root.iter("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", str(failures), str(skipped))
    assert len(list(root.iter("failure"))) == failures
    assert len(list(root.iter("skipped"))) == skipped
    assert list(root.iter("error")) == []


@given(st.text())
def test_junit_can_be_read_whatever_the_store_holds(text: str) -> None:
    """Control characters are none of XML's."""
    made = outcomes(Result.UNMEASURED, 1, message=text)
    junit(report(made))


class Tags(HTMLParser):
    """Takes down the tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.scripts = 0
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down a tag."""
        self.tags.add(tag)
        self.scripts += tag == "script"
        self.attributes.update(name for name, _ in attrs)
        loading = {"src", "data", "action", "poster", "srcset"} | ({"href"} if tag == "link" else set())
        self.addresses.update(value or "" for name, value in attrs if name in loading)

    def handle_data(self, data: str) -> None:
        """Take down text."""
        self.text += data


def test_hostile_text_is_text_on_the_page() -> None:
    """It can be read and does nothing."""
    page = Tags(render(hostile(HOSTILE)))
    assert "img" not in page.tags
    assert page.scripts == 1
    assert "onerror" not in page.attributes
    assert page.text.count(HOSTILE) >= 6
    assert "49" not in render(hostile("{{ 7*7 }}")).replace("{{ 7*7 }}", "").split("<body>")[1]


@pytest.mark.parametrize("found", [full(), bare(), full(demo=True, partial=True)], ids=["full", "bare", "demo"])
def test_the_page_can_be_made_of_any_run(found: RunReport) -> None:
    """Whatever is missing; nothing reads as None."""
    page = Tags(render(found))
    assert {"h1", "table", "dl"} <= page.tags
    assert ">None<" not in render(found).replace("<p>None.</p>", "")


def test_the_page_loads_nothing() -> None:
    """It is one file."""
    page = Tags(render(full()))
    assert page.tags.isdisjoint({"iframe", "img", "object", "embed"})
    assert page.addresses == {"data:,"}
    assert page.scripts == 1
    assert "src" not in page.attributes


def test_the_page_can_be_made_of_an_agreement_without_a_record() -> None:
    """As a criterion of the user's own may report it; document and summary can."""
    found = report([Outcome("agreement", Result.FAILED, "whole")])
    assert drift_document(found)["disagreements"][0]["stored"] is None
    assert list(summarise(found, None))
    assert render(found)


@pytest.mark.parametrize("found", [full(), bare(), hostile(HOSTILE)], ids=["full", "bare", "hostile"])
def test_the_summary_can_be_made_of_any_run(found: RunReport) -> None:
    """Its first line is the verdict, its last the exit code."""
    lines = list(summarise(found, None))
    assert lines[0].startswith(str(found.verdict))
    assert lines[-1].startswith(f"exit {found.exit_code}")


def test_nothing_in_the_summary_steers_the_terminal() -> None:
    """The store's text is shown, not obeyed."""
    lines = list(summarise(hostile(CONTROLS), None))
    assert not set("\x07\x1b\0\u202e\ud800\n\r") & set("".join(lines))
