"""index.html: the report as one file, from templates."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from drift_checks.reporting.phrases import confidence, percent, percent_range
from drift_checks.reporting.run import RunReport
from drift_checks.reporting.summary import STRATUM_WORDS, accused, headline, rate_in_words, usage, wanted
from drift_checks.reporting.verdict import severity


def render(report: RunReport) -> str:
    """Return the page; every value in it is escaped."""
    environment = Environment(
        loader=PackageLoader("drift_checks.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_unbroken,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent, percent_range=lambda bounds: percent_range(*bounds), confidence=confidence
    )
    criteria = sorted(report.criteria, key=lambda item: (severity(item.verdict), item.criterion.name))
    return environment.get_template("run.html.j2").render(
        report=report,
        facts=report.facts,
        agreement=report.agreement,
        headline=headline(report),
        accused=accused(report),
        figures="" if report.agreement.rate is None else rate_in_words(report) + wanted(report),
        used=usage(report.facts.reviewing),
        criteria=criteria,
        stratum_words=STRATUM_WORDS,
    )


def _unbroken(value: object) -> object:
    """Return the value with each percent sign held to its number."""
    return value.replace(" %", "\N{NO-BREAK SPACE}%") if isinstance(value, str) else value
