"""Messages for tests of the channels."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from drift_checks.alerts.message import CriterionLine, DisagreementLine, Incident, Kind, Message
from drift_checks.report.verdict import Verdict

# What a record's text may hold to mislead its readers.
HOSTILE = (
    "<!channel> <@U123> <https://evil.example|click> *bold* _it_ ~s~ `code` ```x``` </b><script>alert(1)</script>"
    " & &amp; \x1b[31m\r\nBcc: all@example.com \u202e"
)
LONG = HOSTILE + "x" * 100_000


def message(**changes: Any) -> Message:
    """Return a message about a CRITICAL verdict, with these changes."""
    values: dict[str, Any] = {
        "kind": Kind.CHANGE,
        "incident": Incident.DRIFT,
        "verdict": Verdict.CRITICAL,
        "before": Verdict.OK,
        "confirmed": True,
        "headline": "CRITICAL · risk.db · 30 of 50 agree (60 %, 95 % interval 46–72 %), below 75 %",
        "store_key": "0123456789abcdef",
        "db": "/data/risk.db",
        "table": "risk_classifications",
        "collection": "risk_classifications",
        "host": "reviewer-1",
        "run_id": "20260115T020000Z-abc123",
        "started": "2026-01-15T02:00:00Z",
        "agreed": 30,
        "reviewed": 50,
        "rate": 0.6,
        "interval": (0.46, 0.72),
        "population": 0.7,
        "population_interval": (0.6, 0.8),
        "warn": 0.85,
        "critical": 0.75,
        "changes": (
            "record 7 (fraud → loan) is no longer acknowledged: it was until 2026-01-14 (known)",
            "verdict OK → CRITICAL",
            "agreement 90 % → 60 %",
            "newly failed: agreement",
        ),
        "criteria": (
            CriterionLine("agreement", Verdict.CRITICAL, "20 of 50 disagree, 40 %", "Read the disagreements."),
        ),
        "more_criteria": 2,
        "disagreements": (
            DisagreementLine(12, "financial", "regulatory", 0.62, 0.91, "We are subject to laws and regulations."),
        ),
        "more_disagreements": 19,
        "acknowledged": 1,
        "ended": ("record 7 (fraud → loan) is no longer acknowledged: it was until 2026-01-14 (known)",),
        "repeat": "cd /srv && python -m drift_checks --drift-db=/data/risk.db",
        "report": "/srv/reports/20260115T020000Z-abc123/index.html",
        "report_url": "https://drift.example.com/reports/20260115T020000Z-abc123/index.html",
    }
    return Message(**(values | changes))


def hostile(text: str = HOSTILE) -> Message:
    """Return a message with this text wherever a store or a model may have written one."""
    return message(
        headline=f"CRITICAL · {text}",
        db=f"/data/{text}",
        table=text,
        collection=text,
        changes=(text,) * 30,
        criteria=(CriterionLine(text, Verdict.CRITICAL, text, text),) * 3,
        disagreements=(DisagreementLine(text, text, text, 0.5, None, text),) * 5,
        outside=text,
        ended=(text,) * 10,
        repeat=f"echo {text}",
        report=f"/srv/{text}",
        report_url=None,
    )


def many_changes(number: int) -> Message:
    """Return a message with so many changes."""
    changes = tuple(f"record {place} (fraud → loan) is no longer acknowledged" for place in range(number))
    return message(changes=changes, ended=changes)


_TEXTS = st.text(max_size=200) | st.sampled_from([HOSTILE, "&" * 4000, "<" * 4000, "é" * 4000])
MESSAGES = st.builds(
    message,
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.TEST]),
    incident=st.sampled_from(Incident),
    verdict=st.sampled_from(Verdict),
    headline=_TEXTS.map("CRITICAL · {}".format),
    db=_TEXTS,
    host=_TEXTS,
    changes=st.lists(_TEXTS, max_size=12).map(tuple),
    criteria=st.lists(
        st.builds(CriterionLine, _TEXTS, st.sampled_from([Verdict.WARNING, Verdict.CRITICAL]), _TEXTS, _TEXTS),
        max_size=3,
    ).map(tuple),
    disagreements=st.lists(
        st.builds(DisagreementLine, st.integers() | _TEXTS, _TEXTS, _TEXTS, st.none(), st.none(), st.none() | _TEXTS),
        max_size=5,
    ).map(tuple),
    ended=st.lists(_TEXTS, max_size=3).map(tuple),
    report_url=st.none() | st.just("https://drift.example.com/r/index.html"),
)
