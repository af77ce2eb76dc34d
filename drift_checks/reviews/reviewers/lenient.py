"""Reading the JSON of language models, which do not always write it as the standard asks.

The usual libraries for this also complete what was cut off, merge repeated keys or take quadratic time. This one reads
what is there: an object that does not end is none, and the time is linear in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]

CATEGORY = "category"
_KEYS = {CATEGORY, "confidence", "rationale", "evidence"}
_DEEPEST = 50
# How much is read again, in lengths of the text, in search of an object with small errors.
_PASSES = 20
# The word that JSON has for it.
_WORDS = {"true": "true", "false": "false", "none": "null", "null": "null", "undefined": "null", "nan": "NaN"}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
# Within a string, a quote that no comma, colon, bracket or comment follows belongs to the text.
_STRING = r"(?P<{name}>[{open}](?:[^{close}\\]|\\.|[{close}](?!\s*(?:[,:}}\]#]|//|/\*|$)))*+[{close}])"
_TOKEN = re.compile(
    "|".join(
        (
            _STRING.format(name="double", open='"', close='"'),
            _STRING.format(name="single", open="'", close="'"),
            _STRING.format(name="curly", open="“”„", close="“”"),
            _STRING.format(name="curly_single", open="‘’", close="’"),
            r"(?P<skipped>\s+|//[^\n]*|#[^\n]*|/\*.*?\*/)",
            r"(?P<comma>,)",
            r"(?P<opened>[{\[])",
            r"(?P<closed>[}\]])",
            r"(?P<colon>:)",
            r"(?P<key>[A-Za-z_]\w*(?=\s*:))",
            r"(?P<word>[A-Za-z]+)(?!\w)",
            r"(?P<number>[-+.]?\d[\d.eE+-]*\s?%?)",
            r"(?P<other>.)",
        )
    ),
    re.DOTALL,
)
# What begins so is meant to be an object; other braces are prose.
_OBJECT = re.compile(r"\{\s*(?:[\"'“”„‘’][^\"'“”„‘’]{0,99}[\"'“”„‘’]|\w{1,99})\s*:")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(.))|"', re.DOTALL)
_JSON_ESCAPES = set('"\\/bfnrtu')


class Conflict:
    """Replaces a category that an object gives twice, differently."""


def object_in(content: str) -> Any:
    """Return the value of a text that is JSON as a whole, perhaps encoded twice; None if it is not."""
    content = content.strip().lstrip("\ufeff").strip()
    try:
        value = _DECODER.decode(content)
    except (ValueError, RecursionError):
        if not content.startswith(("{", "[")):
            return None
        repaired = _repaired(content, 0)
        return repaired[0] if repaired is not None and not content[repaired[1] :].strip() else None
    return object_in(value) if isinstance(value, str) and value != content else value


def objects_amid(content: str) -> list[Object]:
    """Return the outermost objects in a text; none if one of them is cut off, or if it takes too long to tell."""
    found: list[Object] = []
    left = _PASSES * len(content)
    position = content.find("{")
    while position >= 0:
        try:
            value, end = _DECODER.raw_decode(content, position)
        except (ValueError, RecursionError):
            left -= len(content) - position
            if left < 0:
                return []
            value, end = None, position + 1
            if _OBJECT.match(content, position):
                repaired = _repaired(content, position)
                if repaired is None:
                    return []
                value, end = repaired
        if isinstance(value, dict):
            found.append(value)
        position = content.find("{", end)
    return found


def _repaired(content: str, start: int) -> tuple[Any, int] | None:
    """Return the value that begins there, written with small errors, and its end; None if it has no end.

    A value that cannot be read is None.
    """
    parts: list[str] = []
    depth = 0
    position = start
    while token := _TOKEN.match(content, position):
        position = token.end()
        kind, text = str(token.lastgroup), token[0]
        if kind == "closed" and parts and parts[-1] == ",":
            parts.pop()
        if kind != "skipped":
            parts.append(_in_json(kind, text))
        depth += (kind == "opened") - (kind == "closed")
        if depth > _DEEPEST:
            return None
        if depth == 0:
            break
    else:
        return None
    try:
        return _DECODER.decode("".join(parts)), position
    except (ValueError, RecursionError):
        return None, position


def _in_json(kind: str, text: str) -> str:
    if kind in ("double", "single", "curly", "curly_single"):
        return f'"{_ESCAPE.sub(_escape, text[1:-1])}"'
    if kind == "key":
        return f'"{text}"'
    if kind == "word":
        return _WORDS.get(text.lower(), text)
    if kind == "number" and not _NUMBER.fullmatch(text):
        return f'"{text}"'
    return text


def _escape(found: re.Match[str]) -> str:
    letter = found[2]
    if letter is None or letter in _JSON_ESCAPES - {"u"}:
        return '\\"' if found[0] == '"' else found[0]
    # A letter after a backslash is part of a path or a formula; other characters are escaped without need.
    return f"\\\\{letter}" if letter.isalnum() else letter


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = [(_known_key(key), value) for key, value in pairs]
    categories = [value for key, value in named if key == CATEGORY]
    result = dict(named)
    if any(value != categories[0] for value in categories):
        result[CATEGORY] = Conflict()
    return result


def _known_key(key: str) -> str:
    plain = key.strip().lower()
    return plain if plain in _KEYS else key


# Models break lines within strings.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, strict=False)
