"""Slack, by an incoming webhook.

The form is Block Kit (https://docs.slack.dev/reference/block-kit), with its limits: 50 blocks, 150 characters in a
header, 3,000 in a text, 2,000 in a field, 10 fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from drift_checks.alerts.channels import wording
from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.http import Endpoint, check_address, post_json
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.secrets import Secret
from drift_checks.core.text import percent, printable

VARIABLE = "SLACK_WEBHOOK_URL"
_HEADER, _TEXT, _ADDRESS, _PLACE = 150, 3000, 3000, 500
# Three criteria with their remedies, or five disagreements with their excerpts, fit into a text.
_LINE, _DISAGREEMENT, _EXCERPT = 480, 380, 200
# By the statuses of https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks; a message that
# was posted is answered with `ok`.
_REMEDIES = {
    400: "Slack did not accept the message's form",
    403: "the workspace does not allow it: check the app in Slack",
    404: "the webhook is gone: make a new one in Slack",
    410: "the channel is archived: make a webhook for another",
}
_POSTED = "ok"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Slack:
    """Posts messages to an incoming webhook; raises SettingError if it is not a valid address."""

    name = key = "slack"

    def __init__(self, webhook: Secret) -> None:
        check_address(VARIABLE, webhook)
        self._endpoint = Endpoint(VARIABLE, webhook, lambda body: body.strip() == _POSTED, _REMEDIES)

    def obstacle(self) -> str:
        """Return what in the environment keeps messages from being posted."""
        return self._endpoint.obstacle()

    def payload(self, message: Message) -> str:
        """Return the document that would be posted."""
        return json.dumps(document(message), indent=1, ensure_ascii=False)

    def send(self, message: Message, deadline: Deadline) -> str:
        """Post the message; return the answer."""
        return post_json(self._endpoint, document(message), deadline).phrase


def document(message: Message) -> dict[str, Any]:
    """Return the message in Slack's form, where stored text is never formatted, linked or a mention."""
    return {
        "text": escaped(f"{wording.marker(message)} {message.headline}", _TEXT),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": list(_blocks(message)),
    }


def escaped(text: str, longest: int) -> str:
    """Return the text on one line with Slack's control characters as entities, in at most `longest` characters."""
    return _with_entities(printable(text, longest), longest)


def _with_entities(text: str, longest: int) -> str:
    pieces = [_ENTITIES.get(letter, letter) for letter in text]
    length = sum(map(len, pieces))
    if length <= longest:
        return "".join(pieces)
    # Whole entities are cut off, since a torn one is shown as it is.
    while pieces and length >= longest:
        length -= len(pieces.pop())
    return "".join(pieces) + "…"[:longest]


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    headline = f"{wording.marker(message)} {message.headline}"
    yield {"type": "header", "text": _plain(escaped(headline, _HEADER))}
    if message.kind is Kind.TEST:
        yield _section([wording.TEST])
    else:
        yield _section([escaped(wording.observed(message), _TEXT)])
        yield {"type": "section", "fields": list(_fields(message))}
        changes = [f"• {escaped(item, _LINE)}" for item in message.changes]
        yield from _titled("Since the last run", wording.listed(changes, _TEXT, "change"))
        criteria = wording.listed(list(_criteria(message)), _TEXT, "criterion", "criteria", message.more_criteria)
        yield from _titled("Criteria", criteria)
        disagreements = list(_disagreements(message))
        yield from _titled(
            "Disagreements", wording.listed(disagreements, _TEXT, "disagreement", others=message.more_disagreements)
        )
        yield from _titled("Note", [f"• {escaped(item, _LINE)}" for item in wording.notes(message)])
    if message.report_url is not None and _is_link(message.report_url):
        button = {"type": "button", "text": _plain("Open the report"), "url": message.report_url}
        yield {"type": "actions", "elements": [button]}
    yield {"type": "context", "elements": [_plain(text) for text in _origin(message)]}


def _fields(message: Message) -> Iterator[dict[str, Any]]:
    estimate = {"Whole store, estimated": found} if (found := wording.population(message)) else {}
    name = "Agreement in the sample" if message.by_estimate else "Agreement rate"
    values = {
        **(estimate if message.by_estimate else {}),
        name: "not measured" if message.rate is None else percent(message.rate),
        "95 % interval": wording.interval(message.interval),
        "Reviewed": f"{message.reviewed:,}",
        "Disagreements": f"{message.disagreed:,}",
    }
    for title, value in {**values, **estimate}.items():
        yield {"type": "mrkdwn", "text": f"*{title}*\n{value}"}


def _criteria(message: Message) -> Iterator[str]:
    for item in message.criteria:
        remedy = f"\n   What to do: {escaped(item.remedy, _LINE)}" if item.remedy else ""
        yield f"• {escaped(wording.criterion(item), _LINE)}{remedy}"


def _disagreements(message: Message) -> Iterator[str]:
    for item in message.disagreements:
        excerpt = f"\n   {escaped(item.text, _EXCERPT)}" if item.text else ""
        yield f"• {escaped(wording.disagreement(item), _DISAGREEMENT)}{excerpt}"


def _origin(message: Message) -> Iterator[str]:
    """Yield the store, the run, its report and how to repeat it."""
    yield escaped(f"{message.db}, table {message.table}, collection {message.collection}", _PLACE)
    yield escaped(f"run {message.run_id} on {message.host}, {message.started}", _PLACE)
    if not _is_link(message.report_url) and message.report:
        yield f"report: {escaped(message.report, _PLACE)}"
    # Room is left for entities.
    yield _with_entities(f"repeat: {wording.command(message.repeat, 2000)}", _TEXT)


def _titled(title: str, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    if found := list(lines):
        yield {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*"}}
        yield _section(found)


def _section(lines: Iterable[str]) -> dict[str, Any]:
    """Return a block of lines that Slack does not format."""
    return {"type": "section", "text": _plain("\n".join(lines))}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _is_link(address: str | None) -> bool:
    return address is not None and wording.is_address(address) and len(address) <= _ADDRESS
