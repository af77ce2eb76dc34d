"""The documented rules of Slack's Block Kit and PagerDuty's Events API v2."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_SEVERITIES = {"critical", "error", "warning", "info"}
_LONGEST = {"header": 150, "section": 3000, "field": 2000, "context": 3000, "button": 75}
_MOST_BLOCKS, _MOST_FIELDS, _MOST_ELEMENTS = 50, 10, 10
# What Slack parses in angle brackets: mentions, channels, links.
_ACTIVE = re.compile(r"<[!@#]|<https?:|<mailto:|[<>]")
_BARE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")


def check_slack(document: dict[str, Any]) -> list[str]:
    """Return the faults of a message."""
    return list(_slack(document))


def check_event(event: dict[str, Any]) -> list[str]:
    """Return the faults of an event."""
    return list(_event(event))


def _slack(document: dict[str, Any]) -> Iterator[str]:
    if not document.get("text"):
        yield "there is no text for notifications"
    if document.get("link_names") or document.get("parse") == "full":
        yield "names would become mentions"
    blocks = document.get("blocks", [])
    if not 1 <= len(blocks) <= _MOST_BLOCKS:
        yield f"{len(blocks)} blocks"
    yield from _text(document.get("text", ""), 40_000)
    for block in blocks:
        yield from _block(block)


def _block(block: dict[str, Any]) -> Iterator[str]:
    kind, elements = block.get("type"), block.get("elements", [])
    if kind == "header":
        yield from _object(block["text"], _LONGEST["header"], plain=True)
    elif kind == "section":
        yield from _section(block)
    elif kind == "context":
        if not 1 <= len(elements) <= _MOST_ELEMENTS:
            yield f"{len(elements)} elements"
        for item in elements:
            yield from _object(item, _LONGEST["context"])
    elif kind == "actions":
        for item in elements:
            yield from _object(item["text"], _LONGEST["button"], plain=True)
            if not item["url"].startswith(("https://", "http://")) or len(item["url"]) > 3000:
                yield f"no address: {item['url'][:50]}"
    else:
        yield f"no block: {kind}"


def _section(block: dict[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" in block:
        yield from _object(block["text"], _LONGEST["section"])
    elif not 1 <= len(fields) <= _MOST_FIELDS:
        yield f"a section without text and with {len(fields)} fields"
    for item in fields:
        yield from _object(item, _LONGEST["field"])


def _object(item: dict[str, Any], longest: int, *, plain: bool = False) -> Iterator[str]:
    if item.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        yield f"no text object: {item.get('type')}"
    if not item.get("text"):
        yield "an empty text"
    yield from _text(item.get("text", ""), longest)


def _text(text: str, longest: int) -> Iterator[str]:
    if len(text) > longest:
        yield f"{len(text)} characters of {longest}"
    if found := _ACTIVE.search(text):
        yield f"parsed: {text[found.start() : found.start() + 30]!r}"
    if found := _BARE_AMPERSAND.search(text):
        yield f"a bare or torn entity: {text[found.start() : found.start() + 30]!r}"


def _event(event: dict[str, Any]) -> Iterator[str]:
    size = len(json.dumps(event).encode())
    if size > 512 * 1024:
        yield f"{size} bytes"
    if not event.get("routing_key"):
        yield "no routing key"
    if not 1 <= len(event.get("dedup_key", "")) <= 255:
        yield "no key, or one that is too long"
    action = event.get("event_action")
    if action not in ("trigger", "resolve"):
        yield f"no action: {action}"
    if action == "trigger":
        yield from _payload(event.get("payload", {}))
        for link in event.get("links", []):
            if not link["href"].startswith("http") or not link["text"]:
                yield "a link without address or text"


def _payload(payload: dict[str, Any]) -> Iterator[str]:
    if not 1 <= len(payload.get("summary", "")) <= 1024:
        yield "no summary, or one that is too long"
    if not payload.get("source"):
        yield "no source"
    if payload.get("severity") not in _SEVERITIES:
        yield f"no severity: {payload.get('severity')}"
    if payload.get("class") not in ("drift", "review_unavailable"):
        yield f"no class of ours: {payload.get('class')}"
    if "timestamp" in payload:
        try:
            datetime.fromisoformat(payload["timestamp"])
        except ValueError:
            yield f"no moment: {payload['timestamp']}"
    if not isinstance(payload.get("custom_details"), dict):
        yield "no details"
