"""Slack, by an incoming webhook.

The form is that of Block Kit (https://docs.slack.dev/reference/block-kit), with its limits: 50 blocks, 150 characters a
header, 3,000 a text, 2,000 a field, 10 fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from drift_checks.alerts import wording
from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.http import check_address, deliver
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.secrets import Secret
from drift_checks.core.text import percent, printable

VARIABLE = "SLACK_WEBHOOK_URL"
_HEADER, _TEXT, _ADDRESS = 150, 3000, 3000
# Of a record's text, beside which there are four others.
_EXCERPT = 200
_PLACE = 500
_REMEDIES = {
    400: "Slack did not take its form",
    403: "the workspace does not allow it: look to the app in Slack",
    404: "the webhook is gone: make a new one in Slack",
    410: "the channel is archived: make a webhook for another",
}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Slack:
    """Posts messages to an incoming webhook.

    Args:
        webhook: Its address, which is a secret.

    Raises:
        SettingError: It is no address.
    """

    name = key = "slack"

    def __init__(self, webhook: Secret) -> None:
        check_address(VARIABLE, webhook)
        self._webhook = webhook

    def payload(self, message: Message) -> str:
        """Return the document that would be posted."""
        return json.dumps(document(message), indent=1, ensure_ascii=False)

    def send(self, message: Message, deadline: Deadline) -> str:
        """Post the message; return the answer.

        Raises:
            NotDelivered: It was not taken.
        """
        return deliver(self._webhook, document(message), deadline, _REMEDIES).said


def document(message: Message) -> dict[str, Any]:
    """Return the message as Slack takes it; nothing in it is formatted, linked or mentioned but what is ours."""
    return {
        "text": escaped(f"{wording.marker(message)} {message.headline}", _TEXT),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": list(_blocks(message)),
    }


def escaped(text: str, longest: int) -> str:
    """Return the text with Slack's control characters as entities, cut so that none is torn, to so many characters."""
    pieces = [_ENTITIES.get(letter, letter) for letter in printable(text, longest)]
    while sum(map(len, pieces)) > longest:
        pieces = [*pieces[: max(0, min(len(pieces) - 2, longest - 1))], "…"]
    return "".join(pieces)


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    yield {"type": "header", "text": _plain(f"{wording.marker(message)} {message.headline}", _HEADER)}
    if message.kind is Kind.TEST:
        yield _section([wording.TEST])
    else:
        yield _section([wording.observed(message)])
        yield {"type": "section", "fields": list(_fields(message))}
        yield from _list("Since the last run", message.changes)
        yield from _criteria(message)
        yield from _disagreements(message)
        yield from _list("Note", wording.notes(message))
    if message.report_url is not None and _is_link(message.report_url):
        button = {"type": "button", "text": _plain("Open the report", 75), "url": message.report_url}
        yield {"type": "actions", "elements": [button]}
    yield {"type": "context", "elements": [_plain(text, _TEXT) for text in _made(message)]}


def _fields(message: Message) -> Iterator[dict[str, Any]]:
    rate = "not measured" if message.rate is None else percent(message.rate)
    named = {
        "Agreement rate": rate,
        "95 % interval": wording.interval(message.interval),
        "Reviewed": f"{message.reviewed:,}",
        "Disagreements": f"{message.disagreed:,}",
    }
    if estimate := wording.population(message):
        named["Whole store, estimated"] = estimate
    for name, value in named.items():
        yield {"type": "mrkdwn", "text": f"*{name}*\n{value}"}


def _criteria(message: Message) -> Iterator[dict[str, Any]]:
    lines = []
    for item in message.criteria:
        lines.append(f"• {wording.criterion(item)}")
        if item.remedy:
            lines.append(f"   What to do: {printable(item.remedy, 400)}")
    yield from _titled("Criteria", [*lines, wording.more(message.more_criteria, "criterion", "criteria")])


def _disagreements(message: Message) -> Iterator[dict[str, Any]]:
    lines = []
    for item in message.disagreements:
        lines.append(f"• {wording.disagreement(item)}")
        if item.text:
            lines.append(f"   {printable(item.text, _EXCERPT)}")
    yield from _titled("Disagreements", [*lines, wording.more(message.more_disagreements, "disagreement")])


def _made(message: Message) -> Iterator[str]:
    yield printable(f"{message.db}, table {message.table}, collection {message.collection}", _PLACE)
    yield printable(f"run {message.run_id} on {message.host}, {message.started}", _PLACE)
    if not _is_link(message.report_url) and message.report:
        yield f"report: {printable(message.report, _PLACE)}"
    # Room is left for what is escaped.
    yield f"repeat: {wording.command(message.repeat, 2000)}"


def _list(title: str, items: Iterable[str]) -> Iterator[dict[str, Any]]:
    yield from _titled(title, [f"• {item}" for item in items])


def _titled(title: str, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    found = [line for line in lines if line]
    if found:
        yield {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*"}}
        yield _section(found)


def _section(lines: list[str]) -> dict[str, Any]:
    """Return a block of lines that are shown as they are."""
    each = _TEXT // len(lines) - 1
    text = "\n".join(_indented(line, each) for line in lines)
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _indented(line: str, longest: int) -> str:
    indent = line[: len(line) - len(line.lstrip(" "))]
    return indent + escaped(line, longest - len(indent))


def _plain(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, longest), "emoji": False}


def _is_link(address: str | None) -> bool:
    return address is not None and wording.is_address(address) and len(address) <= _ADDRESS
