"""What `drift_checks.review` returns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import visible
from drift_checks.report.document import drift_document, record
from drift_checks.report.folder import PAGE
from drift_checks.report.headline import headline
from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.history.recorded import Agreement, RecordedCriterion, RecordedDisagreement
from drift_checks.report.run import RunReport
from drift_checks.report.summary import summarise
from drift_checks.report.verdict import MEANINGS, Verdict

# A notebook keeps the page in its file.
_LARGEST_PAGE = 2_000_000
# Otherwise its links to its own parts would lead to parts of the notebook.
_HEAD = '<head><base href="about:srcdoc">'
# They lead to files beside the report, which a notebook cannot open.
_BESIDE = re.compile(r'<a href="(?!#|https?:|data:)[^"]*">(.*?)</a>')


@dataclass(frozen=True, kw_only=True)
class Disagreement(RecordedDisagreement):
    """A record to which the reviewer gives another category than the store; the text is None if it is redacted."""

    text: str | None
    rationale: str | None


@dataclass(frozen=True)
class Run:
    """A finished review. In a notebook it shows its report.

    Attributes:
        report: The run as the report shows it.
        folder: The folder of its files; None if they could not be written.
    """

    report: RunReport
    folder: Path | None

    @property
    def verdict(self) -> Verdict:
        """OK, WARNING, CRITICAL or INCONCLUSIVE; equal to the text."""
        return self.report.verdict

    @property
    def exit_code(self) -> int:
        """The exit code that a command would have had."""
        return self.report.exit_code

    @property
    def headline(self) -> str:
        """What decided the verdict, in a line."""
        return headline(self.report)

    @property
    def agreement(self) -> Agreement:
        """How far store and reviewer agree: `rate` and `interval` of the sample, `population`, `kappa`."""
        return self.report.agreement

    @property
    def accuracy(self) -> Accuracy | None:
        """How often `store` and `reviewer` are right, estimated from judgements; None without any."""
        return self.report.facts.accuracy

    @cached_property
    def criteria(self) -> tuple[RecordedCriterion, ...]:
        """The result of each criterion."""
        return record(self.report).criteria

    @cached_property
    def disagreements(self) -> list[Disagreement]:
        """The disagreements; a list that pandas and Polars make a table of."""
        found = []
        for item in record(self.report).disagreements:
            details = None if item.record_id is None else self.report.details.get(item.record_id)
            decided = {field.name: getattr(item, field.name) for field in fields(item)}
            text, rationale = (details.text, details.reviewed.rationale) if details else (None, None)
            found.append(Disagreement(**decided, text=text, rationale=rationale))
        return found

    @property
    def page(self) -> Path | None:
        """The HTML report; None if it could not be written."""
        return self.folder and self.folder / PAGE

    @property
    def summary(self) -> str:
        """The summary that pytest prints."""
        return _printable(summarise(self.report, self.page))

    def to_dict(self) -> dict[str, Any]:
        """Return the run as in `report.json` under the key `drift`."""
        return drift_document(self.report)

    def __repr__(self) -> str:
        lines = [self.headline, f"report: {self.page or 'not written'}"]
        if self.exit_code != self.verdict.exit_code:
            reason = self.report.exit_reason or MEANINGS[self.exit_code].removesuffix(", see above")
            lines.insert(1, f"exit {self.exit_code}: {reason}")
        return _printable(lines)

    def _repr_html_(self) -> str:
        """Return the report in a frame, apart from the notebook's style."""
        from drift_checks.report.page.html import render

        page = _BESIDE.sub(r"\1", render(self.report)).replace("<head>", _HEAD, 1)
        where = f"<p>Report: <code>{escape(str(self.page or 'not written'))}</code></p>"
        if len(page) > _LARGEST_PAGE:
            return f"<p>{escape(self.headline)}</p>{where}"
        content = page.replace("&", "&amp;").replace('"', "&quot;")
        frame = 'sandbox="allow-scripts allow-popups allow-downloads" style="width: 100%; height: 40em; border: 0"'
        return f'<iframe title="Drift report" {frame} srcdoc="{content}"></iframe>{where}'


def _printable(lines: Iterable[str]) -> str:
    """Return the lines without secrets, and without what could control a terminal."""
    return "\n".join(visible(mask_secrets(line)) for line in lines)
