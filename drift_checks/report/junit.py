"""junit.xml: one test case a criterion, red only where its verdict is CRITICAL and nobody acknowledged it."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.report.verdict import Verdict

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_document(report: RunReport) -> ElementTree[Element]:
    """Return the run as a JUnit test suite named `drift`."""
    verdicts = [None if result.acknowledged else result.verdict for result in report.criteria]
    suite = Element(
        "testsuite",
        name="drift",
        tests=str(len(verdicts)),
        failures=str(verdicts.count(Verdict.CRITICAL)),
        errors="0",
        skipped=str(sum(verdict in (None, Verdict.INCONCLUSIVE) for verdict in verdicts)),
        time=f"{report.duration_seconds:.3f}",
        timestamp=report.facts.started,
    )
    for result in report.criteria:
        suite.append(_case(result))
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return ElementTree(root)


def _case(result: CriterionResult) -> Element:
    case = Element("testcase", classname="drift", name=result.criterion.name)
    message = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", result.message)
    if result.verdict is Verdict.CRITICAL and not result.acknowledged:
        SubElement(case, "failure", message=message, type="CRITICAL")
    elif result.verdict in (None, Verdict.INCONCLUSIVE) or result.acknowledged:
        SubElement(case, "skipped", message=message)
    SubElement(case, "system-out").text = f"{result.verdict or 'not measured'}: {message}"
    return case
