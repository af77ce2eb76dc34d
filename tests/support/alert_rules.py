"""The documented rules of Slack's Block Kit and PagerDuty's Events API v2."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_BLOCKS = {"header", "section", "actions", "context", "divider"}
_SEVERITIES = {"critical", "error", "warning", "info"}
_LONGEST = {"header": 150, "section": 3000, "field": 2000, "context": 3000, "button": 75}
_MOST_BLOCKS, _MOST_FIELDS, _MOST_ELEMENTS = 50, 10, 10
# What Slack parses in angle brackets: mentions, channels, links.
_ACTIVE = re.compile(r"<[!@#]|<https?:|<mailto:|[<>]")
_BARE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")


def check_slack(document: dict[str, Any]) -> list[str]:
    """Return the errors of a message."""
    blocks = document.get("blocks", [])
    errors = {
        "no text for notifications": not document.get("text"),
        "names would become mentions": document.get("link_names") or document.get("parse") == "full",
        f"{len(blocks)} blocks": not 1 <= len(blocks) <= _MOST_BLOCKS,
    }
    found = [error for error, holds in errors.items() if holds]
    return [*found, *_text(document.get("text", ""), 40_000), *(error for block in blocks for error in _block(block))]


def check_event(event: dict[str, Any]) -> list[str]:
    """Return the errors of an event."""
    action, size = event.get("event_action"), len(json.dumps(event).encode())
    links = event.get("links", [])
    errors = {
        f"{size} bytes": size > 512 * 1024,
        "no routing key": not event.get("routing_key"),
        "no key, or too long": not 1 <= len(event.get("dedup_key", "")) <= 255,
        f"not an action: {action}": action not in ("trigger", "resolve"),
        "a link without URL or text": not all(link["href"].startswith("http") and link["text"] for link in links),
    }
    found = [error for error, holds in errors.items() if holds]
    return [*found, *(_payload(event.get("payload", {})) if action == "trigger" else [])]


def _block(block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCKS:
        yield f"not a block: {kind}"
    elif kind == "header":
        yield from _object(block["text"], _LONGEST["header"], plain=True)
    elif kind == "section":
        yield from _section(block)
    elif kind == "context":
        if not 1 <= len(block["elements"]) <= _MOST_ELEMENTS:
            yield f"{len(block['elements'])} elements"
        for element in block["elements"]:
            yield from _object(element, _LONGEST["context"])
    else:
        for element in block.get("elements", []):
            yield from _button(element)


def _section(block: dict[str, Any]) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield "a section without text or fields"
    if "text" in block:
        yield from _object(block["text"], _LONGEST["section"])
    fields = block.get("fields", [])
    if len(fields) > _MOST_FIELDS:
        yield f"{len(fields)} fields"
    for field in fields:
        yield from _object(field, _LONGEST["field"])


def _button(element: dict[str, Any]) -> Iterator[str]:
    yield from _object(element["text"], _LONGEST["button"], plain=True)
    if not element["url"].startswith(("https://", "http://")) or len(element["url"]) > 3000:
        yield f"not a URL: {element['url'][:50]}"


def _object(item: dict[str, Any], longest: int, *, plain: bool = False) -> Iterator[str]:
    if item.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        yield f"not a text object: {item.get('type')}"
    if not item.get("text"):
        yield "empty text"
    yield from _text(item.get("text", ""), longest)


def _text(text: str, longest: int) -> Iterator[str]:
    if len(text) > longest:
        yield f"{len(text)} characters of {longest}"
    if found := _ACTIVE.search(text):
        yield f"parsed: {text[found.start() : found.start() + 30]!r}"
    if found := _BARE_AMPERSAND.search(text):
        yield f"a bare or broken entity: {text[found.start() : found.start() + 30]!r}"


def _payload(payload: dict[str, Any]) -> list[str]:
    errors = {
        "no summary, or too long": not 1 <= len(payload.get("summary", "")) <= 1024,
        "no source": not payload.get("source"),
        f"not a severity: {payload.get('severity')}": payload.get("severity") not in _SEVERITIES,
        f"not one of our classes: {payload.get('class')}": payload.get("class") not in ("drift", "review_unavailable"),
        f"not a timestamp: {payload.get('timestamp')}": not _is_moment(payload.get("timestamp", "2026-01-15")),
        "no details": not isinstance(payload.get("custom_details"), dict),
    }
    return [error for error, holds in errors.items() if holds]


def _is_moment(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text))
    except ValueError:
        return False
