"""What an endpoint complains of: a parameter of the call, the model's answer, or something that fails every call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from drift_checks.core.text import shorten
from drift_checks.reviews.reviewers.endpoint import EndpointError
from drift_checks.reviews.reviewers.parameters import BOUND, FORMER_BOUND, SCHEMA

# The statuses of an answer to a call that is wrong.
_WRONG = (400, 422)
_NOT_THERE = (404, 405, 410)
# Other names of a parameter.
_ALIASES = {
    SCHEMA: r"(?:response_?format|json_schema|response_?(?:json_?)?schema|structured[ _]outputs?)",
    BOUND: r"max_?(?:completion|output|new)_?tokens",
    FORMER_BOUND: r"max_?tokens",
}
# An error may quote the model's answer or the text in these.
_QUOTING = {"failed_generation", "flagged_input", "generated_text", "output", "content", "input", "inputs", "prompt"}
_ABOUT_ANSWER = re.compile(
    r"json_validate_failed|output_parse_failed|failed_generation|failed to (?:generate|parse)"
    r"|model(?:'s)? (?:output|response|answer)|(?:output|response) (?:did|does) not (?:follow|match)",
    re.IGNORECASE,
)
# Gemini, vLLM and others reject a schema without naming the parameter.
_ABOUT_SCHEMA = re.compile(r"invalid argument|too many states|grammar|schema|enum values|guided", re.IGNORECASE)
_TOO_LARGE = re.compile(
    r"too large|too high|at most|exceed|maximum|less than|<=|>|≤|range|greater|supports? (?:only|up)", re.IGNORECASE
)
_CONTEXT = re.compile(r"context (?:length|window|size)(?: (?:of|is|limit))*\D{0,20}?([\d,]{3,})", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?![\w-]|\.\d)")
_NO_MODEL = re.compile(
    r"model_not_found|DeploymentNotFound"
    r"|model\b.{0,80}?\b(?:not found|(?:does|do) ?n[o']t exist|not exist|is not a valid)"
    r"|(?:invalid|unknown|no such) model\b(?!'s)",
    re.IGNORECASE | re.DOTALL,
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](?:quota|credit|balance|funds)|credit balance|billing_(?:hard_limit|not_active)"
    r"|exceeded_current_quota",
    re.IGNORECASE,
)


class Complaint:
    """An endpoint's error about one call.

    Args:
        error: The error.
        text: The record's text, whose words in the error mean nothing.
    """

    def __init__(self, error: EndpointError, text: str) -> None:
        self.status = error.status_code
        self._text = text
        self._named = _named_parameter(error.document)
        words = json.dumps(_unquoted(error.document), ensure_ascii=False, default=str)
        self._words = _without(f"{error} {words}", text)

    def rejects(self, sent: Iterable[str], may_reject: Callable[[str], bool]) -> frozenset[str]:
        """Return those of the parameters that the error says are rejected, and that may be."""
        if self.status not in _WRONG or self.is_about_answer():
            return frozenset()
        candidates = [name for name in sent if may_reject(name)]
        if self._named:
            return frozenset(name for name in candidates if _is_named(name, self._named))
        found = frozenset(name for name in candidates if self._mentions(name))
        if not found and SCHEMA in candidates and _ABOUT_SCHEMA.search(self._words):
            return frozenset({SCHEMA})
        return found

    def is_about_answer(self) -> bool:
        """Whether the model's answer did not have the form that the endpoint enforces."""
        return self.status in _WRONG and _ABOUT_ANSWER.search(self._words) is not None

    def is_about_path(self) -> bool:
        """Whether there is nothing at the URL."""
        return self.status in _NOT_THERE

    def is_about_model(self) -> bool:
        """Whether there is no such model."""
        return self.status in (*_WRONG, *_NOT_THERE) and _NO_MODEL.search(self._words) is not None

    def is_about_credit(self) -> bool:
        """Whether the account must be charged up before it is answered again."""
        return self.status == 402 or (self.status in (400, 403, 429) and _NO_CREDIT.search(self._words) is not None)

    def largest_bound(self, bound: int) -> int | None:
        """Return the endpoint's limit on an answer's tokens if this bound exceeds it; None if it does not, or not only.

        A text may be so long that less than the bound is left of the context.
        """
        named = _is_named(BOUND, self._words) or _is_named(FORMER_BOUND, self._words)
        if self.status not in _WRONG or not named or not _TOO_LARGE.search(self._words):
            return None
        if context := _CONTEXT.search(self._words):
            length = int(context[1].replace(",", ""))
            return length if length <= bound else None
        numbers = [int(number.replace(",", "")) for number in _NUMBER.findall(self._words)[:50]]
        return max((number for number in numbers if 1 < number < bound), default=None)

    def _mentions(self, name: str) -> bool:
        if re.search(re.escape(name), self._text, re.IGNORECASE):
            # The error may quote a part of the text.
            return re.search(rf"['\"`]{name}['\"`]", self._words) is not None
        return _is_named(name, self._words)


def _is_named(name: str, words: str) -> bool:
    return re.search(rf"(?<![a-zA-Z]){_ALIASES.get(name, name)}(?![a-zA-Z])", words, re.IGNORECASE) is not None


def _named_parameter(document: Any) -> str:
    error = document.get("error") if isinstance(document, dict) else None
    name = error.get("param") if isinstance(error, dict) else None
    return name if isinstance(name, str) else ""


def _unquoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unquoted(item) for key, item in value.items() if str(key).lower() not in _QUOTING}
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    return value


def _without(words: str, text: str) -> str:
    # The rest of a long text would be escaped for nothing.
    text = text if len(text) <= len(words) else ""
    for quoted in (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]):
        words = words.replace(quoted, " ") if quoted.strip() else words
    return shorten(words, 20_000)
