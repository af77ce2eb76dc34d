"""The labels that are probably wrong, as a run's page and label_issues.csv show them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import chain
from typing import Any

from drift_checks.core.errors import StoreError
from drift_checks.core.records import RecordId, as_text
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import count, percent, shorten, shorten_html, spreadsheet_cell
from drift_checks.report.run import CriterionResult, RunReport
from drift_checks.reviews.labels.issues import LabelIssue
from drift_checks.reviews.run import Pipeline

CRITERION = "label_issues"
LABELS_FILE = "label_issues.csv"
LONGEST_TEXT = 300
# The most bytes of a text on the page.
_LONGEST_SHOWN = 900
# A secret may be cut only after it is masked.
_LONGEST_READ = 4 * LONGEST_TEXT
_READ_AT_ONCE = 10_000
_COLUMNS = (
    "rank",
    "record_id",
    "stored",
    "predicted",
    "margin",
    "stored_probability",
    "predicted_probability",
    "age",
    "text",
)


@dataclass(frozen=True)
class ShownNear:
    """The record of a category that is nearest to another record; its text is None if it is unknown or redacted."""

    record_id: RecordId
    category: str
    similarity: float
    text: str | None


@dataclass(frozen=True)
class ShownIssue:
    """A label that is probably wrong, with the nearest record with either label."""

    record_id: RecordId
    stored: str
    predicted: str
    stored_probability: float
    predicted_probability: float
    text: str | None
    near: tuple[ShownNear, ...]

    @property
    def either(self) -> list[tuple[str, str, float, ShownNear | None]]:
        """Return which label it is, its category and probability, and the nearest record with it, of both labels."""
        near = {item.category: item for item in self.near}
        both = (
            ("stored", self.stored, self.stored_probability),
            ("predicted", self.predicted, self.predicted_probability),
        )
        return [(*label, near.get(label[1])) for label in both]


@dataclass(frozen=True)
class LabelFindings:
    """What a run found about all labels of the store.

    Attributes:
        wrong: How many labels are probably wrong.
        records: Of how many.
        basis: The kind of vectors.
        remarks: What was left out, and what else a reader must know.
        issues: The first of them.
    """

    wrong: int
    records: int
    basis: str
    remarks: tuple[str, ...]
    issues: tuple[ShownIssue, ...]

    @property
    def sentence(self) -> str:
        """How many labels are probably wrong, and what says so."""
        share = f" ({percent(self.wrong / self.records)})" if self.wrong else ""
        verb = "is" if self.wrong == 1 else "are"
        return f"{self.wrong:,} of {count(self.records, 'label')} {verb} probably wrong{share}, by {self.basis}"


def label_findings(report: RunReport) -> LabelFindings | None:
    """Return what the criterion found; None if it was not measured."""
    details = _details(report.criteria)
    if details is None:
        return None
    issues = tuple(_shown(issue, report.label_texts) for issue in details["issues"])
    return LabelFindings(details["wrong"], details["records"], details["basis"], tuple(details["remarks"]), issues)


def ids_to_show(criteria: Iterable[CriterionResult]) -> list[RecordId]:
    """Return the ids of the records whose texts the page shows."""
    details = _details(criteria)
    issues = [] if details is None else details["issues"]
    shown = ((issue["id"], *(near["id"] for near in issue["near"])) for issue in issues)
    return list(dict.fromkeys(chain.from_iterable(shown)))


def texts_of(pipeline: Pipeline, ids: Sequence[RecordId]) -> dict[RecordId, str]:
    """Return the beginnings of the records' texts; none if they are redacted, or if the store cannot be read."""
    if pipeline.settings.redact or not ids:
        return {}
    texts: dict[RecordId, str] = {}
    try:
        # At once, whole texts would take too much memory, and more than the time that a query may take.
        for start in range(0, len(ids), _READ_AT_ONCE):
            part = ids[start : start + _READ_AT_ONCE]
            rows = pipeline.store.read(partial(pipeline.store.rows, ids=part, only=("id", "text")))
            texts |= {key: as_text(row["text"])[:_LONGEST_READ] for key, row in rows.items()}
    except StoreError:
        return {}
    return texts


def issues_csv(issues: Sequence[LabelIssue], texts: Mapping[RecordId, str]) -> str:
    """Return a line for each label that is probably wrong, the most doubtful first."""
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(_COLUMNS)
    for rank, issue in enumerate(issues, 1):
        text = shorten(mask_secrets(texts.get(issue.record_id, "")), LONGEST_TEXT)
        numbers = (issue.other - issue.own, issue.own, issue.other)
        row = (rank, issue.record_id, issue.stored, issue.predicted, *(round(number, 4) for number in numbers))
        writer.writerow([spreadsheet_cell(value) for value in (*row, issue.age, text)])
    return written.getvalue()


def _details(criteria: Iterable[CriterionResult]) -> Mapping[str, Any] | None:
    found = [item.statistic for result in criteria if result.criterion.name == CRITERION for item in result.statistics]
    return next((statistic.details for statistic in found if "issues" in statistic.details), None)


def _shown(issue: Mapping[str, Any], texts: Mapping[RecordId, str]) -> ShownIssue:
    def text_of(key: RecordId) -> str | None:
        return shorten_html(mask_secrets(texts[key]), _LONGEST_SHOWN) if key in texts else None

    near = tuple(
        ShownNear(item["id"], item["category"], item["similarity"], text_of(item["id"])) for item in issue["near"]
    )
    probabilities = issue["own"], issue["other"]
    return ShownIssue(issue["id"], issue["stored"], issue["predicted"], *probabilities, text_of(issue["id"]), near)
