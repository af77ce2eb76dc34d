"""The answer of an LLM: its JSON schema, and a lenient parser for endpoints that do not enforce it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from drift_checks.core.records import read_number
from drift_checks.core.text import quoted
from drift_checks.reviews.reviewers.base import Classification, UnusableAnswer
from drift_checks.reviews.reviewers.lenient import CATEGORY, Conflict, Object, object_in, objects_amid
from drift_checks.reviews.reviewers.thoughts import after_thoughts, unfenced, without_thoughts

# Longer than any limit on tokens allows.
_MAX_LENGTH = 20_000
_MAX_QUOTE = 60
_PERCENTAGE = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s*%")
# What models put around a category.
_AROUND = " \t\n\r.,;:!?\"'`*_()[]<>«»“”„‘’"


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
        names = list(categories)
        self._readings = [(_unique(names, form), form) for form in _FORMS]

    def read(self, content: str, *, alone: bool = False) -> Classification:
        """Return the classification in an answer: a JSON object, perhaps in a code fence, amid prose or after thoughts.

        With `alone`, nothing may stand around the object.

        Raises:
            UnusableAnswer: There is no JSON object with a valid category, or several that differ.
        """
        if len(content) > _MAX_LENGTH:
            raise UnusableAnswer(f"the answer is {len(content):,} characters long")
        objects = decisions_in(content, alone=alone)
        if not objects:
            raise UnusableAnswer(f"the answer holds no JSON object with a category: {quoted(content, _MAX_QUOTE)}")
        categories = {self._category(item[CATEGORY]) for item in objects}
        if len(categories) > 1:
            raise UnusableAnswer(f"the answer holds several decisions: {', '.join(sorted(categories))}")
        answer = objects[-1]
        return Classification(
            categories.pop(),
            confidence=_stated_confidence(answer.get("confidence")),
            rationale=read_text(answer.get("rationale")),
            evidence=read_text(answer.get("evidence")),
        )

    def _category(self, name: object) -> str:
        if isinstance(name, list) and len(name) == 1:
            (name,) = name
        if isinstance(name, Conflict) or (isinstance(name, list) and name):
            raise UnusableAnswer("the answer holds several decisions")
        if not isinstance(name, str) or not name.strip():
            raise UnusableAnswer("the answer's category is not a text")
        if (category := self.category_named(name)) is None:
            raise UnusableAnswer(f"the answer's category {quoted(name, _MAX_QUOTE)} is not in the taxonomy")
        return category

    def category_named(self, name: str) -> str | None:
        """Return the category that a text names, perhaps in another spelling; None if it names none."""
        return next((known[form(name)] for known, form in self._readings if form(name) in known), None)


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


def decisions_in(content: str, *, alone: bool = False) -> list[Object]:
    """Return the JSON objects with a category in a text, without those in a model's thoughts."""
    whole = whole_in(content)
    if whole is not None:
        return _with_category(whole)
    if alone:
        return []
    return [found for item in objects_amid(without_thoughts(content)) for found in _with_category(item)]


def whole_in(content: str) -> Any:
    """Return the JSON object or list that a text consists of, perhaps in a code fence or after thoughts, else None."""
    for reading in (content, unfenced(content), after_thoughts(content), unfenced(after_thoughts(content))):
        whole = object_in(reading)
        if isinstance(whole, dict | list):
            return whole
    return None


def _with_category(value: Any) -> list[Object]:
    """Return the object, or those one level deeper if it has no category itself."""
    if isinstance(value, dict) and CATEGORY in value:
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    items = [item[0] if isinstance(item, list) and len(item) == 1 else item for item in inner]
    return [item for item in items if isinstance(item, dict) and CATEGORY in item]


def _stated_confidence(value: object) -> float | None:
    """Return a confidence as models state it: from 0 to 1, or in percent.

    A number from 1 to 10 without a percent sign may be on a scale of 5, 10 or 100.
    """
    if isinstance(value, str):
        value = value.strip()
        if percentage := _PERCENTAGE.fullmatch(value):
            return read_confidence(float(percentage[1].replace(",", ".")) / 100)
        value = value.replace(",", ".")
    number = None if isinstance(value, bool) else read_number(value)
    return read_confidence(number / 100 if number is not None and number > 10 else number)


def _folded(category: str) -> str:
    category = unicodedata.normalize("NFKC", category.replace("\\", ""))
    return re.sub(r"[\s_-]+", "_", category.strip()).casefold()


def _bare(category: str) -> str:
    return _folded(category.strip(_AROUND)).strip("_")


# From the strictest on: two categories that differ only so are told apart by a stricter one.
_FORMS: tuple[Callable[[str], str], ...] = (str, _folded, _bare)


def _unique(names: Iterable[str], form: Callable[[str], str]) -> dict[str, str]:
    similar: dict[str, set[str]] = {}
    for name in names:
        similar.setdefault(form(name), set()).add(name)
    return {key: found.pop() for key, found in similar.items() if key and len(found) == 1}
