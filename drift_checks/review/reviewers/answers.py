"""The answer of an LLM: its JSON schema, and a lenient parser for endpoints that do not enforce it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from drift_checks.core.records import read_number
from drift_checks.core.text import quoted
from drift_checks.review.reviewers.base import Classification, UnusableAnswer

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THOUGHTS_BEGIN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_THOUGHTS_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
# Longer than any limit on tokens allows; parsing takes quadratic time.
_MAX_LENGTH = 20_000
_MAX_QUOTE = 60


def answer_schema(categories: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of an answer, using only keywords that strict endpoints accept."""
    properties = {
        "evidence": {"type": "string"},
        "rationale": {"type": "string"},
        "category": {"type": "string", "enum": list(categories)},
        "confidence": {"type": "number"},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class AnswerReader:
    """Parses answers."""

    def __init__(self, categories: Iterable[str]) -> None:
        self._categories = {category: category for category in categories}
        similar: dict[str, set[str]] = {}
        for category in self._categories:
            similar.setdefault(_normalized(category), set()).add(category)
        self._by_normalized = {key: names.pop() for key, names in similar.items() if len(names) == 1}

    def read(self, content: str) -> Classification:
        """Return the classification in an answer: a bare JSON object, one in a code fence, or one amid prose.

        Raises:
            UnusableAnswer: There is no JSON object with a valid category, or several that differ.
        """
        if len(content) > _MAX_LENGTH:
            raise UnusableAnswer(f"the answer is {len(content):,} characters long")
        objects = [item for item in objects_in(content) if "category" in item]
        if not objects:
            raise UnusableAnswer(f"the answer holds no JSON object with a category: {quoted(content, _MAX_QUOTE)}")
        categories = {self._category(item["category"]) for item in objects}
        if len(categories) > 1:
            raise UnusableAnswer(f"the answer holds several decisions: {', '.join(sorted(categories))}")
        answer = objects[-1]
        return Classification(
            categories.pop(),
            confidence=read_confidence(answer.get("confidence")),
            rationale=read_text(answer.get("rationale")),
            evidence=read_text(answer.get("evidence")),
        )

    def _category(self, name: object) -> str:
        if isinstance(name, _Conflict):
            raise UnusableAnswer("the answer holds several decisions")
        if not isinstance(name, str) or not name.strip():
            raise UnusableAnswer("the answer's category is not a text")
        category = self._categories.get(name) or self._by_normalized.get(_normalized(name))
        if category is None:
            raise UnusableAnswer(f"the answer's category {quoted(name, _MAX_QUOTE)} is not in the taxonomy")
        return category


def read_confidence(value: object) -> float | None:
    """Return a confidence from 0 to 1 given as text or as a number of any library, else None."""
    if "bool" in type(value).__name__:
        return None
    try:
        number = read_number(value if isinstance(value, str | int | float) else float(value))  # type: ignore[arg-type]
    except Exception:
        # Whatever another library raises for a value that is not a number.
        return None
    return number if number is not None and 0 <= number <= 1 else None


def read_text(value: object) -> str | None:
    """Return a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def objects_in(content: str) -> list[Mapping[str, Any]]:
    """Return the outermost JSON objects in a text, without those in a model's thoughts."""
    try:
        whole = _DECODER.decode(content.strip())
    except (ValueError, RecursionError):
        whole = None
    return [whole] if isinstance(whole, dict) else list(json_objects(without_thoughts(content)))


def without_thoughts(content: str) -> str:
    """Return the content without a model's thoughts; some chat templates omit the opening tag."""
    *_, content = _THOUGHTS_END.split(_THOUGHTS.sub("", content))
    return _THOUGHTS_BEGIN.split(content)[0]


def json_objects(content: str) -> Iterator[Mapping[str, Any]]:
    """Yield the outermost JSON objects in a text."""
    position = content.find("{")
    while position >= 0:
        try:
            value, end = _DECODER.raw_decode(content, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if isinstance(value, dict):
                yield value
        position = content.find("{", end)


class _Conflict:
    """Replaces the category of an object that has two different ones."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    categories = [value for key, value in pairs if key == "category"]
    result = dict(pairs)
    if any(value != categories[0] for value in categories):
        result["category"] = _Conflict()
    return result


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _normalized(category: str) -> str:
    return re.sub(r"[\s_-]+", "_", category.strip()).casefold()
