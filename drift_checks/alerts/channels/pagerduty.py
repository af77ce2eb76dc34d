"""PagerDuty, by its Events API v2.

The form is that of https://developer.pagerduty.com/docs/send-alert-event, with its limits: 1,024 characters in a
summary, 255 in a key, 512 KB in an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from drift_checks.alerts.channels import wording
from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.http import Answer, Endpoint, check_address, post_json
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.core.text import printable
from drift_checks.report.verdict import Verdict

VARIABLE = "PAGERDUTY_API_KEY"
CLIENT = "Drift Checks"
_SUMMARY, _FIELD, _LIST, _ADDRESS, _COMMAND = 1024, 1000, 10_000, 2000, 20_000
_LONGEST_KEY = 64
# The status in the answer to an event that was taken.
_ACCEPTED = "success"
_REMEDIES = {
    400: "check PAGERDUTY_API_KEY: it must be the integration key of an Events API v2 integration",
    403: "check pagerduty-url, and any proxy or firewall on the way",
    404: "check pagerduty-url",
}


class PagerDuty:
    """Opens and resolves incidents, with PagerDuty's word for each verdict; raises SettingError for an invalid key."""

    name = key = "pagerduty"

    def __init__(self, routing_key: Secret, url: str, severities: Mapping[Verdict, str]) -> None:
        check_address("pagerduty-url", Secret(url))
        if " " in routing_key.reveal() or len(routing_key.reveal()) > _LONGEST_KEY:
            raise SettingError(
                VARIABLE,
                "is not a valid integration key",
                "it must be the key of an Events API v2 integration, one word of 32 letters and digits",
            )
        self._routing_key = routing_key
        self._endpoint = Endpoint("pagerduty-url", Secret(url), _is_accepted, _REMEDIES, hide=(routing_key,))
        self._severities = severities

    def obstacle(self) -> str:
        """Return what in the environment keeps messages from being posted."""
        return self._endpoint.obstacle()

    def payload(self, message: Message) -> str:
        """Return the event that would be sent, without its routing key."""
        return json.dumps({"routing_key": "…"} | self._event(message), indent=1, ensure_ascii=False)

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the event; a test opens an incident of its own and resolves it."""
        if message.kind is Kind.CHANGE and message.before not in (None, Verdict.OK, message.verdict):
            # An open incident keeps its severity, so it is resolved and opened again.
            self._post(resolving(message), deadline)
        answer = self._post(self._event(message), deadline)
        if message.kind is Kind.TEST:
            return f"{self._post(resolving(message), deadline).phrase}, opened and resolved"
        return answer.phrase

    def _event(self, message: Message) -> dict[str, Any]:
        if message.kind is Kind.RECOVERY:
            return resolving(message)
        if message.kind is Kind.TEST:
            return triggering(message, "info")
        usual = "critical" if message.verdict is Verdict.CRITICAL else "warning"
        return triggering(message, self._severities.get(message.verdict, usual))

    def _post(self, event: Mapping[str, Any], deadline: Deadline) -> Answer:
        document = {"routing_key": self._routing_key.reveal(), **event}
        return replace(post_json(self._endpoint, document, deadline), text=_ACCEPTED)


def dedup_key(message: Message) -> str:
    """Return the key of the incident: the same every night for a store and an incident."""
    test = "-test" if message.kind is Kind.TEST else ""
    return f"drift-checks-{message.store_key}-{message.incident}{test}"[:255]


def resolving(message: Message) -> dict[str, Any]:
    """Return the event that resolves the incident, without its routing key."""
    return {"event_action": "resolve", "dedup_key": dedup_key(message)}


def triggering(message: Message, severity: str) -> dict[str, Any]:
    """Return the event that opens or updates the incident, without its routing key."""
    linked = message.report_url if wording.is_address(message.report_url) else None
    event: dict[str, Any] = {
        "event_action": "trigger",
        "dedup_key": dedup_key(message),
        "client": CLIENT,
        "payload": {
            "summary": printable(message.headline, _SUMMARY),
            "source": printable(message.host, _FIELD) or "unknown",
            "severity": severity,
            "timestamp": message.started,
            "component": printable(message.db, _FIELD),
            "group": printable(f"{message.table}, {message.collection}", _FIELD),
            "class": str(message.incident),
            "custom_details": _details(message),
        },
    }
    if linked is not None and len(linked) <= _ADDRESS:
        event |= {"client_url": linked, "links": [{"href": linked, "text": "The run's report"}]}
    return event


def _details(message: Message) -> dict[str, Any]:
    return {
        "verdict": str(message.verdict),
        "confirmed": message.confirmed,
        "agreement_rate": message.rate,
        "interval": message.interval,
        "total_reviewed": message.reviewed,
        "disagreements": message.disagreed,
        "population_rate": message.population,
        "population_interval": message.population_interval,
        "warn": message.warn,
        "critical": message.critical,
        "changes": _lines(message.changes, "change"),
        "criteria": [
            {"name": item.name, "verdict": str(item.verdict)}
            | {"message": printable(item.message, _FIELD), "remedy": printable(item.remedy, _FIELD)}
            for item in message.criteria
        ],
        "more_criteria": message.more_criteria,
        "examples": [
            {"disagreement": wording.disagreement(item)}
            | ({} if item.text is None else {"text": printable(item.text, _FIELD)})
            for item in message.disagreements
        ],
        "acknowledged": message.acknowledged,
        "acknowledgements_ended": _lines(message.ended, "acknowledgement"),
        "store": printable(message.db, _FIELD),
        "table": printable(message.table, _FIELD),
        "collection": printable(message.collection, _FIELD),
        "run_id": message.run_id,
        "report": printable(message.report, _FIELD),
        "repeat": wording.command(message.repeat, _COMMAND),
    }


def _lines(texts: Sequence[str], noun: str) -> list[str]:
    return wording.listed([printable(text, _FIELD) for text in texts], _LIST, noun)


def _is_accepted(body: str) -> bool:
    try:
        return bool(json.loads(body)["status"] == _ACCEPTED)
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
