"""Pages for tests in a browser: of a real run, and of runs with known records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.document import drift_document
from drift_checks.report.folder import PAGE, ReportsFolder
from drift_checks.report.history.kept import KeptRun
from drift_checks.report.history.recorded import RecordedRun, recorded_run
from drift_checks.report.page.html import render_list
from drift_checks.report.run import RunReport
from tests.support.reports import AGREEMENT, BASELINE, INTEGRITY, LOW, OLD, outcomes, report

LONG_TEXT = " ".join(f"sentence {number} of a long text." for number in range(60))
FORMULA = '=HYPERLINK("http://127.0.0.1:9/","pay here")'
LAYOUT = 'Rates, rising; "hedged"\nonly, in part'
CONSISTENCY = Criterion(
    "store_consistency", "Do both stores hold the same?", failing="differ", remedy="Index it again.", critical=0.5
)


@dataclass(frozen=True)
class Pages:
    """The page of a run, and the list of all runs."""

    run: Path
    list: Path
    document: Mapping[str, Any]


def write_pages(reports: Path, made: RunReport) -> Pages:
    """Write the pages of a run as a review does."""
    document = drift_document(made)
    folder = ReportsFolder(reports)
    page = folder.write(made, {"drift": document})
    finished = recorded(made)
    folder.write_file(PAGE, render_list([KeptRun(finished, whole=True)], [*made.past, finished]))
    folder.release()
    return Pages(page, reports / PAGE, document)


def recorded(made: RunReport) -> RecordedRun:
    """Return the run as the history has it."""
    return recorded_run(json.loads(json.dumps(drift_document(made))))


def decided(
    key: RecordId,
    stored: str,
    reviewed: str,
    stratum: str = LOW,
    confidences: tuple[float, float] = (0.5, 0.5),
    *,
    criterion: str = "agreement",
    message: str = "",
    result: Result = Result.FAILED,
) -> Outcome:
    """Return the outcome of a check of one record."""
    decision = Decision(stored, confidences[0], reviewed, confidences[1])
    return Outcome(criterion, result, message, key, stratum, decision)


def described(key: RecordId, text: str | None, stratum: str = LOW, age: int | None = None, words: str = "") -> Details:
    """Return full details of a record, each prefixed with `words`."""
    near = tuple(Near(f"{words}near-{n}", f"{words}class-{n}", 0.9 - n / 10, f"{words}beside {n}") for n in range(5))
    return Details(
        key,
        stratum,
        text,
        Reasons(f"{words}stored evidence", f"{words}stored rationale", f"{words}model-1", f"{words}prompt-1"),
        Reasons(f"{words}new evidence", f"{words}new rationale", f"{words}model-2", f"{words}prompt-2"),
        f"{words}2026-01-05T10:00:00Z",
        age,
        f"{words}llm",
        f"{words}minilm-6",
        near,
    )


def known_report() -> RunReport:
    """Return a run that lists six records: four disagree (two are also damaged), one is damaged, one is not reviewed.

    The criterion `store_consistency` is OK although two records fail it.
    """
    made = [
        decided(3, "fraud", "cyber", LOW, (0.5, 0.6)),
        decided(10, "fraud", "cyber", BASELINE, (0.7, 0.0)),
        decided(1, "financial", "regulatory", LOW, (0.95, 0.9)),
        decided(2, "financial", "regulatory", OLD, (0.6, 0.8)),
        *outcomes(Result.PASSED, 5, stratum=OLD),
        *outcomes(Result.PASSED, 200, criterion="store_consistency"),
        *outcomes(Result.PASSED, 20, criterion="record_integrity"),
        decided(1, "financial", "regulatory", criterion="record_integrity", message="the hash does not fit"),
        decided("four", "fraud", "fraud", OLD, criterion="store_consistency", message="no vector"),
        decided(2, "fraud", "fraud", OLD, criterion="store_consistency", message="another text"),
        replace(outcomes(Result.UNMEASURED, 1, message="the reviewer timed out")[0], record_id=30),
    ]
    details = [
        described(1, LAYOUT, LOW, 10),
        described(2, FORMULA, OLD, 200),
        described(3, LONG_TEXT, LOW, 30),
        described(10, "-5 and @home", BASELINE, 5),
        described("four", "a whole text", OLD, 90),
        described(30, None, LOW),
    ]
    return with_details(report(made, (AGREEMENT, INTEGRITY, CONSISTENCY), **_KNOWN), details)


_KNOWN: dict[str, Any] = {
    "repeat": "python -m drift_checks --drift-seed=7",
    "repeat_record": "python -m drift_checks --drift-records=",
    "settings": {"drift_sample_size": "60"},
    "versions": {"drift-checks": "0.1.0"},
    "store_versions": {"model_version": "sage-2"},
}


def with_details(made: RunReport, details: Sequence[Details]) -> RunReport:
    """Return the run with these details of its records."""
    return replace(made, details={item.record_id: item for item in details})


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, headers: Mapping[str, str], asked: list[str], **named: Any) -> None:
        self._headers, self._asked = headers, asked
        super().__init__(*arguments, **named)

    def end_headers(self) -> None:
        for name, value in self._headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base's
        self._asked.append(self.path)


@contextmanager
def served(folder: Path, **headers: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on 127.0.0.1 with headers; yield the address and the requested paths."""
    asked: list[str] = []
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    handler = partial(_Handler, directory=str(folder), headers=named, asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()
