"""Runs for tests of reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result
from drift_checks.core.records import STORE_STRATA, RecordId
from drift_checks.report.acknowledgements import NOTHING_ACKNOWLEDGED, Acknowledged, Acknowledgement
from drift_checks.report.history.recorded import ReviewerFacts, SampleFacts, StoreFacts
from drift_checks.report.judging import build_report
from drift_checks.report.run import Facts, RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.vectors.base import Comparison
from drift_checks.stores.identity import StoreIdentity

AGREEMENT = Criterion(
    "agreement", "Do reviewer and store still agree?", failing="disagree", without_baseline=True, reviewed=True
)
INTEGRITY = Criterion("record_integrity", "Is each record whole?", failing="are damaged", warn=0.99, critical=0.95)
LOW, OLD, BASELINE = map(str, STORE_STRATA)


# Where the facts of a run are that tests name alone.
_STORE = {name: name for name in ("db", "table", "chroma", "collection", "records", "vectors")}
_STORE["store_versions"] = "versions"
_SAMPLE = {name: name for name in ("seed", "as_of", "naive_timezone", "method", "record_ids", "notes")}
_SAMPLE |= {"sizes": "store_strata", "drawn": "strata"}
_REVIEWER = {name: name for name in ("model", "prompt", "omitted_parameters")} | {"reviewer": "name"}


def facts(**changed: Any) -> Facts:
    """Return the facts of a run over 1,000 records, with these changes."""
    values: dict[str, Any] = {
        "run_id": "20260115T020000Z-abc123",
        "started": "2026-01-15T02:00:00Z",
        "db": "/data/risk_classifications.db",
        "table": "risk_classifications",
        "records": 1000,
        "chroma": "/data",
        "collection": "risk_classifications",
        "vectors": 1000,
        "sizes": {LOW: 300, OLD: 200, BASELINE: 500},
        "drawn": {LOW: 30, OLD: 20, BASELINE: 10},
        "judged": [LOW, OLD],
        "chosen": False,
        "record_ids": (1, 2, "three"),
        "seed": 20260115,
        "as_of": "2026-01-15T02:00:00Z",
        "naive_timezone": "UTC",
        "reviewer": "neighbours",
        "model": None,
        "comparable_confidence": False,
        "prompt": None,
        "warn": 0.85,
        "critical": 0.75,
        "min_reviewed": 0.8,
        "demo": False,
        "partial": False,
        "judge": "sample",
    } | changed
    parts = [
        {part: values.pop(name) for name, part in places.items() if name in values}
        for places in (_STORE, _SAMPLE, _REVIEWER)
    ]
    used: dict[str, Any] = dict.fromkeys(("input_tokens", "output_tokens", "cost")) | {"calls": 60, "reviewed": 60}
    used |= values.pop("reviewing", {})
    if basis := values.pop("basis", None):
        used["comparison"] = Comparison(basis=basis, number=1000)
    return Facts(
        store=StoreFacts(**parts[0]),
        sample=SampleFacts(size=len(parts[1]["record_ids"]), **parts[1]),
        reviewer=ReviewerFacts(**parts[2], **used),
        **values,
    )


def outcomes(
    result: Result,
    number: int,
    *,
    stratum: str | None = LOW,
    criterion: str = "agreement",
    message: str = "",
    change: float | None = None,
) -> list[Outcome]:
    """Return outcomes of `number` records whose confidence changed from 0.5 by `change`."""
    reviewed = None if result is Result.UNMEASURED else "regulatory"
    decision = Decision("financial", 0.5, reviewed, None if change is None else 0.5 + change)
    return [Outcome(criterion, result, message, key, stratum, decision) for key in range(1, number + 1)]


def reviewed(agreed: int, disagreed: int, unmeasured: int = 0, *, stratum: str = LOW) -> list[Outcome]:
    """Return outcomes of the criterion `agreement`."""
    return [
        *outcomes(Result.PASSED, agreed, stratum=stratum),
        *outcomes(Result.FAILED, disagreed, stratum=stratum),
        *outcomes(Result.UNMEASURED, unmeasured, stratum=stratum, message="the reviewer is down"),
    ]


def report(
    made: Iterable[Outcome] = (),
    criteria: Sequence[Criterion] = (AGREEMENT, INTEGRITY),
    *,
    acknowledged: Acknowledged = NOTHING_ACKNOWLEDGED,
    **changed: Any,
) -> RunReport:
    """Return the report of these outcomes."""
    return build_report(facts(**changed), criteria, list(made), 3.21, acknowledged)


def known_record(key: RecordId, number: int = 1, **changed: Any) -> Acknowledgement:
    """Return an acknowledgement, until the end of January 2027, of a record that disagrees in `outcomes`."""
    return _known(number, **({"record_id": key, "stored": "financial", "reviewed": "regulatory"} | changed))


def known_criterion(name: str, verdict: Verdict = Verdict.CRITICAL, number: int = 1, **changed: Any) -> Acknowledgement:
    """Return an acknowledgement of a criterion, until the end of January 2027."""
    return _known(number, **({"criterion": name, "verdict": verdict} | changed))


def _known(number: int, **changed: Any) -> Acknowledgement:
    values: dict[str, Any] = {
        "store": StoreIdentity("/data/risk_classifications.db", "risk_classifications", "risk_classifications"),
        "until": datetime(2027, 2, 1, tzinfo=UTC),
        "reason": "the guideline is being changed",
        "made": datetime(2026, 1, 14, tzinfo=UTC),
    }
    return Acknowledgement(number, **(values | changed))
