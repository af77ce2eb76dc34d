"""What an LLM answered: the schema that it is held to, and a lenient reading of what came."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from drift_checks.core.text import quoted
from drift_checks.review.reviewers.base import Answer, UnusableAnswer
from drift_checks.review.reviewers.values import read_confidence, read_text

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THOUGHTS_BEGIN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_THOUGHTS_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
# More than any bound on its tokens lets through; reading takes the square of it.
_MOST_LETTERS = 20_000
_LONGEST = 60


def answer_schema(categories: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of an answer, in the part of the language that strict endpoints take."""
    properties = {
        "evidence": {"type": "string"},
        "rationale": {"type": "string"},
        "category": {"type": "string", "enum": list(categories)},
        "confidence": {"type": "number"},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class AnswerReader:
    """Reads answers.

    Args:
        categories: What may be decided for.
    """

    def __init__(self, categories: Iterable[str]) -> None:
        self._categories = {category: category for category in categories}
        alike: dict[str, set[str]] = {}
        for category in self._categories:
            alike.setdefault(_folded(category), set()).add(category)
        self._alike = {folded: same.pop() for folded, same in alike.items() if len(same) == 1}

    def read(self, content: str) -> Answer:
        """Return the answer that the content holds, bare, in a fence, or with prose around it.

        Raises:
            UnusableAnswer: It holds no JSON object with a category that there is, or several that differ.
        """
        if len(content) > _MOST_LETTERS:
            raise UnusableAnswer(f"the answer is {len(content):,} letters long")
        found = [item for item in objects_in(content) if "category" in item]
        if not found:
            raise UnusableAnswer(f"the answer holds no JSON object with a category: {quoted(content, _LONGEST)}")
        decided = {self._category(item["category"]) for item in found}
        if len(decided) > 1:
            raise UnusableAnswer(f"the answer holds several decisions: {', '.join(sorted(decided))}")
        answer = found[-1]
        return Answer(
            decided.pop(),
            confidence=read_confidence(answer.get("confidence")),
            rationale=read_text(answer.get("rationale")),
            evidence=read_text(answer.get("evidence")),
        )

    def _category(self, named: object) -> str:
        if isinstance(named, _Several):
            raise UnusableAnswer("the answer holds several decisions")
        if not isinstance(named, str) or not named.strip():
            raise UnusableAnswer("the answer's category is no text")
        category = self._categories.get(named) or self._alike.get(_folded(named))
        if category is None:
            raise UnusableAnswer(f"the answer's category {quoted(named, _LONGEST)} is none of the taxonomy")
        return category


def objects_in(content: str) -> list[Mapping[str, Any]]:
    """Return the JSON objects in a text that are not part of another, and of which it was not only thought."""
    try:
        whole = _DECODER.decode(content.strip())
    except (ValueError, RecursionError):
        whole = None
    return [whole] if isinstance(whole, dict) else list(json_objects(without_thoughts(content)))


def without_thoughts(content: str) -> str:
    """Return the content without what a model thought aloud; a template may leave out the tag that opens it."""
    spoken = _THOUGHTS.sub("", content)
    *_, spoken = _THOUGHTS_END.split(spoken)
    return _THOUGHTS_BEGIN.split(spoken)[0]


def json_objects(content: str) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in a text that are not part of another."""
    position = content.find("{")
    while position >= 0:
        try:
            found, end = _DECODER.raw_decode(content, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            if isinstance(found, dict):
                yield found
        position = content.find("{", end)


class _Several:
    """In place of a category that an object holds twice, differently."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = [value for key, value in pairs if key == "category"]
    made = dict(pairs)
    if any(value != named[0] for value in named):
        made["category"] = _Several()
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _folded(category: str) -> str:
    return re.sub(r"[\s_-]+", "_", category.strip()).casefold()
