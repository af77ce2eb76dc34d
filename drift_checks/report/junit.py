"""junit.xml: one test case per criterion, red only if its verdict is CRITICAL and not acknowledged."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import shorten
from drift_checks.report.headline import deciding_criteria, headline
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict

_LONGEST = 10_000
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_document(report: RunReport) -> ElementTree[Element]:
    """Return the run as a JUnit test suite named `drift`, with its headline and what decided it as properties."""
    verdicts = [None if result.acknowledged else result.verdict for result in report.criteria]
    root = Element("testsuites")
    suite = SubElement(
        root,
        "testsuite",
        name="drift",
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.CRITICAL)),
        errors="0",
        skipped=str(sum(verdict in (None, Verdict.INCONCLUSIVE) for verdict in verdicts)),
        time=f"{report.duration_seconds:.3f}",
        timestamp=report.facts.started,
    )
    decided_by = ", ".join(result.criterion.name for result in deciding_criteria(report))
    properties = SubElement(suite, "properties")
    for name, value in (("verdict", report.verdict), ("headline", headline(report)), ("decided_by", decided_by)):
        SubElement(properties, "property", name=name, value=_xml_text(value))
    for result in report.criteria:
        _add_case(suite, result)
    indent(root)
    return ElementTree(root)


def _add_case(suite: Element, result: CriterionResult) -> None:
    case = SubElement(suite, "testcase", classname="drift", name=_xml_text(result.criterion.name))
    message = _xml_text(result.message)
    if result.verdict is Verdict.CRITICAL and not result.acknowledged:
        SubElement(case, "failure", message=message, type="CRITICAL")
    elif result.verdict in (None, Verdict.INCONCLUSIVE) or result.acknowledged:
        SubElement(case, "skipped", message=message)
    SubElement(case, "system-out").text = f"{result.verdict or 'not measured'}: {message}"


def _xml_text(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", mask_secrets(shorten(text, _LONGEST)))
