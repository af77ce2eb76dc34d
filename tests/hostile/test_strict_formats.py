"""Whatever a store, a model or a criterion is called, other programs can read what a run writes."""

from __future__ import annotations

import csv
import json
import logging
from io import StringIO
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from drift_checks.commands import history as history_command
from drift_checks.core.plain import read_json, to_json
from drift_checks.report.document import drift_document
from drift_checks.report.history.recorded import recorded_run
from drift_checks.report.junit import junit_document
from drift_checks.report.logs import JsonLines
from drift_checks.report.metrics import metrics_text
from tests.support.reports import report, reviewed

# Lone surrogates, controls, directions, characters that XML forbids, and what formats escape.
_ODD = "\0\x01\x1b\x7f\x85\u2028\u202e\u200b\ud800\udfff\ufffe\uffff\\\"'{}<&]]>\r\n\t ,=+-@"
TEXTS = st.text(st.characters() | st.sampled_from(_ODD), min_size=1, max_size=20)


def named(text: str) -> Any:
    """Return a run of a store and a model of this name."""
    return report(reviewed(45, 5), db=text, table=text, collection=text, model=text, prompt=text)


@given(TEXTS)
def test_report_json_is_strict(text: str) -> None:
    """It is UTF-8 without lone surrogates and without numbers that JSON lacks."""
    content = to_json({"drift": drift_document(named(text)), "odd": [float("nan"), float("inf"), text]})
    found = read_json(content)
    assert found["odd"][:2] == [None, None]
    json.dumps(found, ensure_ascii=False).encode()


@given(TEXTS)
def test_junit_xml_is_well_formed(text: str) -> None:
    """XML 1.0 forbids most control characters, even as references."""
    found = ElementTree.tostring(junit_document(named(text)).getroot(), encoding="utf-8", xml_declaration=True)
    assert ElementTree.fromstring(found).find("testsuite") is not None


@given(TEXTS)
def test_metrics_are_what_prometheus_reads(text: str) -> None:
    """One family and one label are not taken for another."""
    run = recorded_run(drift_document(named(text)))
    families = {family.name for family in text_string_to_metric_families(metrics_text([run]))}
    assert "drift_checks_run_info" in families


@given(TEXTS)
def test_csv_is_read_back_row_by_row(text: str) -> None:
    """No cell is a formula, or holds a character that a terminal obeys."""
    run = recorded_run(drift_document(named(text)))
    printed = "\r\n".join(history_command._csv([run])) + "\r\n"
    (row,) = csv.DictReader(StringIO(printed, newline=""))
    assert None not in row
    assert not row["table"].lstrip().startswith(("=", "+", "-", "@"))
    assert not set(row["table"]) & set("\0\x01\x1b\x7f\x85\u202e\ud800")


@given(TEXTS)
def test_an_event_is_one_line_of_json(text: str) -> None:
    """Its own fields included."""
    record = logging.makeLogRecord(
        {"msg": text, "run_id": text, "db": text, "levelname": "INFO", "name": "drift_checks"}
    )
    line = JsonLines().format(record)
    assert "\n" not in line
    json.dumps(read_json(line), ensure_ascii=False).encode()
