"""What a user's own classifier returns, in the forms that people and libraries use.

No library is imported: mappings, objects, arrays and texts are read by what they hold. An answer that can be read in
two ways is unusable.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from drift_checks.core.records import Usage
from drift_checks.core.text import printable, quoted
from drift_checks.reviews.reviewers.answers import read_confidence, read_text, whole_in
from drift_checks.reviews.reviewers.base import Classification, UnusableAnswer, token_count
from drift_checks.reviews.reviewers.lenient import CATEGORY, objects_amid
from drift_checks.reviews.reviewers.thoughts import without_thoughts

ACCEPTED = (
    "return the category as text, {'category': …, 'confidence': …}, (category, confidence), or what a Hugging Face"
    " pipeline, a scikit-learn classifier or a chat client returns"
)
# The first that is there, in this order.
_CONFIDENCES = ("confidence", "score", "probability", "prob", "proba", "confidence_score")
# Besides `category`, which decides if it is there.
_OTHER_CATEGORIES = (
    *("label", "class", "class_", "class_name", "predicted_class", "predicted_label", "prediction", "predicted"),
    *("intent", "topic"),
)
# What clients put around an answer: spaCy, openai, anthropic, ollama, Gemini's and langchain.
_WRAPPERS = ("cats", "parsed", "output_parsed", "choices", "message", "output_text", "content", "response", "text")
_INPUT_TOKENS = ("input_tokens", "prompt_tokens", "prompt_eval_count", "prompt_token_count")
_OUTPUT_TOKENS = ("output_tokens", "completion_tokens", "eval_count", "candidates_token_count")
_DEEPEST = 8
# What is longer is prose, and no JSON is so long.
_LONGEST_CATEGORY, _LONGEST_TEXT = 200, 20_000
_LONGEST_SHOWN = 80
_NOTHING = "which has no category"
Fields = Callable[[str], Any]


class _Unclear(Exception):
    """The part of a result cannot be read; the message goes on from what was returned."""


def read_result(result: object) -> Classification:
    """Return the classification in a result.

    Raises:
        UnusableAnswer: It has no category, or several.
    """
    try:
        return _decision(result, _DEEPEST)
    except _Unclear as unclear:
        raise UnusableAnswer(f"the classifier returned {_shown(result)}, {unclear}") from None


def _decision(value: object, left: int) -> Classification:
    value = _plain(value)
    if not left or value is None or isinstance(value, type):
        raise _Unclear(_NOTHING)
    if isinstance(value, str):
        return _from_text(value, left - 1)
    if (number := _whole(value)) is not None:
        return Classification(str(number))
    if isinstance(value, Mapping):
        return _from_mapping(value, left - 1)
    if isinstance(value, list | tuple) and not any(map(_reader(value), (CATEGORY, *_OTHER_CATEGORIES))):
        return _from_items(value, left - 1)
    return _from_fields(_reader(value), left - 1)


def _from_mapping(value: Mapping[Any, Any], left: int) -> Classification:
    fields = {str(key).lower(): item for key, item in value.items()}.get
    if _holds(fields, "labels", "scores"):
        return _from_items((fields("labels"), fields("scores")), left)
    known = (CATEGORY, *_OTHER_CATEGORIES, *_CONFIDENCES, *_WRAPPERS)
    if len(value) > 1 and not any(_holds(fields, name) for name in known):
        scores = [read_confidence(_plain(item)) for item in value.values()]
        if all(isinstance(key, str | Enum) for key in value) and None not in scores:
            return _highest([replace(_named(key), confidence=score) for key, score in zip(value, scores, strict=True)])
    return _from_fields(fields, left)


def _from_fields(fields: Fields, left: int) -> Classification:
    confidence = next((fields(name) for name in _CONFIDENCES if _holds(fields, name)), None)
    named = [CATEGORY] if _holds(fields, CATEGORY) else [name for name in _OTHER_CATEGORIES if _holds(fields, name)]
    if not named and confidence is not None and _holds(fields, "name"):
        named = ["name"]
    if not named:
        return _from_wrapper(fields, left)
    found = [_named(fields(name), left) for name in named]
    if len({item.category for item in found}) > 1:
        raise _Unclear(f"whose {' and '.join(named)} differ")
    decided = found[0]
    return replace(
        decided,
        confidence=decided.confidence if confidence is None else read_confidence(_only(_plain(confidence))),
        rationale=read_text(fields("rationale")) or decided.rationale,
        evidence=read_text(fields("evidence")) or decided.evidence,
        model=_model(fields) or decided.model,
        usage=_usage(fields).plus(decided.usage),
    )


def _from_wrapper(fields: Fields, left: int) -> Classification:
    for name in _WRAPPERS:
        inside = _plain(fields(name))
        # Only of a block of text, or of Gemini's response: elsewhere it is the text that was classified.
        is_other_text = name == "text" and fields("type") != "text" and fields("candidates") is None
        is_empty = inside is None or (isinstance(inside, str | list) and not inside)
        if is_empty or is_other_text or (name == "message" and isinstance(inside, str)):
            continue
        if name == "content" and isinstance(inside, list):
            inside = [block for block in inside if _reader(block)("type") in (None, "text")]
        decided = _decision(inside, left)
        return replace(decided, model=decided.model or _model(fields), usage=_usage(fields).plus(decided.usage))
    raise _Unclear(_NOTHING)


def _from_items(items: Sequence[Any], left: int) -> Classification:
    items = list(map(_plain, items)) if isinstance(items, list) else tuple(map(_plain, items))
    if len(items) == 1:
        return _decision(items[0], left)
    if len(items) == 2 and isinstance(items[0], float) and isinstance(items[1], str):
        items = (items[1], items[0])
    first, *others = items or (None,)
    if isinstance(first, str) and others and (isinstance(items, tuple) or isinstance(others[0], int | float)):
        return replace(_named(first), confidence=read_confidence(others[0]))
    if _whole(first) is not None and len(others) == 1 and isinstance(others[0], float):
        return replace(_named(first), confidence=read_confidence(others[0]))
    if len(items) == 2 and all(isinstance(item, list | tuple) for item in items) and len(items[0]) == len(items[1]) > 0:
        names, scores = (list(map(_plain, item)) for item in items)
        if all(isinstance(name, str) for name in names) and all(isinstance(score, float) for score in scores):
            pairs = zip(names, scores, strict=True)
            return _highest([replace(_named(name), confidence=read_confidence(score)) for name, score in pairs])
    if not items:
        raise _Unclear(_NOTHING)
    return _highest([_decision(item, left) for item in items])


def _highest(found: Sequence[Classification]) -> Classification:
    """Return the one with the highest confidence, or the one that all name.

    Raises:
        _Unclear: It is not clear which that is.
    """
    scores = [item.confidence for item in found if item.confidence is not None]
    if len(scores) == len(found) and scores:
        found = [item for item in found if item.confidence == max(scores)]
    if len({item.category for item in found}) != 1:
        what = "equally likely categories" if scores else "categories without confidences"
        raise _Unclear(f"which has {len(found)} {what}")
    return found[0]


def _from_text(text: str, left: int) -> Classification:
    if len(text) > _LONGEST_TEXT:
        raise _Unclear(f"which is a text of {len(text):,} characters rather than a category")
    said = without_thoughts(text)
    if "{" in said:
        whole = whole_in(text)
        if isinstance(whole, dict | list):
            return _decision(whole, left)
        if objects := objects_amid(said):
            return _highest([_decision(item, left) for item in objects])
        if said.lstrip().startswith(("{", "[", "`")):
            raise _Unclear("which is not a JSON object with a category")
    if len(said) > _LONGEST_CATEGORY or "\n" in said.strip():
        raise _Unclear(f"which is a text of {len(said):,} characters rather than a category")
    return _named(said)


def _named(value: object, left: int = 1) -> Classification:
    """Return the classification with a category that is given by name, or by a part of the result."""
    value = _plain(value)
    if isinstance(value, str):
        if not value.strip():
            raise _Unclear(_NOTHING)
        return Classification(str(value))
    return _decision(value, left)


def _plain(value: Any) -> Any:
    """Return an enum's value, and an array, a tensor or a number of another library as Python's own."""
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, str | int) else value.name
    if isinstance(value, str | int | float | Mapping | list | tuple | type):
        return float(value) if isinstance(value, float) else value
    convert = getattr(value, "tolist", None)
    try:
        return convert() if callable(convert) else value
    except Exception:
        # Whatever another library raises for a tensor that cannot be converted.
        return value


def _only(value: Any) -> Any:
    while isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    return value


def _reader(value: object) -> Fields:
    """Return a function that reads an attribute, or a key of a mapping; None for methods, and for what fails."""
    if isinstance(value, Mapping):
        return value.get

    def read(name: str) -> Any:
        try:
            found = getattr(value, name, None)
        except Exception:
            # Properties run the user's code.
            return None
        return None if callable(found) and not isinstance(found, Enum) else found

    return read


def _holds(fields: Fields, *names: str) -> bool:
    return all(fields(name) is not None for name in names)


def _model(fields: Fields) -> str | None:
    return read_text(fields("model")) or read_text(fields("model_version"))


def _usage(fields: Fields) -> Usage:
    inside = next((found for name in ("usage", "usage_metadata") if (found := fields(name)) is not None), None)
    read = fields if inside is None else _reader(inside)
    counts = ([token_count(_whole(read(name))) for name in names] for names in (_INPUT_TOKENS, _OUTPUT_TOKENS))
    return Usage(*(next((number for number in numbers if number is not None), None) for numbers in counts))


def _whole(value: object) -> int | None:
    if "bool" in type(value).__name__:
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except Exception:
        # Whatever another library raises for a value that is not a whole number.
        return None


def _shown(result: object) -> str:
    try:
        return printable(quoted(result), _LONGEST_SHOWN)
    except Exception:
        # The user's own `__repr__` may fail.
        return f"a {type(result).__name__}"
