"""JSON documents, damaged or forged in each place."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

# Of another type, out of range, or dangerous in a path.
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 10**30, -0.5, 7.5, "", "x", "../../../etc", "/etc/passwd", "a\0b", "a\nb", "\ud800", "\x1b[2J"),
    *([], {}, [[]], [None], {"": 1}),
)
# As text: what Python's own writer cannot, or would not, write.
RAW = ("NaN", "Infinity", "-Infinity", "1e400", "1" * 400, "[" * 500 + "]" * 500, '"' + "x" * 100_000 + '"')
_MARK = "a place for raw text"


def mutations(document: Any) -> Iterator[bytes]:
    """Yield the document with each of its values missing, or replaced by each of these."""
    for path in _paths(document):
        yield _changed(document, path, missing=True)
        for value in VALUES:
            yield _changed(document, path, value)
        for text in RAW:
            yield _changed(document, path, _MARK).replace(json.dumps(_MARK).encode(), text.encode())


def damages(content: bytes) -> Iterator[bytes]:
    """Yield the content cut short, emptied, of bytes that are not text, and with its first key twice."""
    yield from (b"", b"\0" * 100, b"\xff\xfe" * 50, b"null", b"[]", b"{}", b"[" * 100_000, content[:-1], content * 2)
    yield from (content[: len(content) * part // 20] for part in range(1, 20))
    yield content.replace(b"{", b'{"drift": 3, "run_id": 3, ', 1)
    yield content.replace(b'"', b"\0", 1)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


def _changed(document: Any, path: tuple[Any, ...], value: Any = None, *, missing: bool = False) -> bytes:
    changed = copy.deepcopy(document)
    part = changed
    for key in path[:-1]:
        part = part[key]
    if missing:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return json.dumps(changed).encode()
