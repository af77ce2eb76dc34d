"""What a chat completion says: its answer, wherever the endpoint puts it, and what it used."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from drift_checks.reviews.reviewers.base import UnusableAnswer, token_count
from drift_checks.reviews.reviewers.endpoint import EndpointError, error_message

_NO_COMPLETION = "the endpoint's answer is not a chat completion"
# Thoughts are parts of other types.
_TEXTS = ("text", "output_text")


@dataclass(frozen=True)
class Completion:
    """A chat completion.

    Attributes:
        content: The answer.
        alone: Whether the content may also be thoughts, so that it is an answer only if it is nothing but JSON.
        finish: Why it ended.
        refusal: Why the model did not answer.
        model: The model that answered, as it names itself.
        tokens: The numbers of tokens sent and received, None if they are not known.
    """

    content: str
    alone: bool
    finish: str | None
    refusal: str | None
    model: str | None
    tokens: tuple[int, int] | None


def read_completion(document: Any) -> Completion:
    """Return the chat completion in an endpoint's answer.

    Raises:
        EndpointError: It is an error in place of a completion.
        UnusableAnswer: It is something else.
    """
    choices = document.get("choices") if isinstance(document, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise _no_completion(document)
    if isinstance(choice.get("error"), dict):
        raise _no_completion(choice)
    content, refusal = _content(message)
    alone = False
    if not content.strip():
        content = _called(message)
    if not content.strip():
        content, alone = _reasoning(message), True
    return Completion(
        content,
        alone,
        _text(choice.get("finish_reason")),
        _text(message.get("refusal")) or refusal,
        _text(document.get("model")),
        _tokens(document.get("usage")),
    )


def _no_completion(document: Any) -> Exception:
    error = document.get("error") if isinstance(document, dict) else None
    if not error:
        return UnusableAnswer(_NO_COMPLETION)
    code = error.get("code") if isinstance(error, dict) else None
    message = error_message({"error": error}) or str(error)
    if type(code) is int and 400 <= code <= 599:
        return EndpointError(message, code, {}, {"error": error})
    return UnusableAnswer(f"{_NO_COMPLETION}: {message}")


def _content(message: dict[str, Any]) -> tuple[str, str | None]:
    """Return the message's text, without a model's thoughts, and its refusal."""
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or "", None
    if not isinstance(content, list) or not all(isinstance(part, dict | str) for part in content):
        raise UnusableAnswer(_NO_COMPLETION)
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    texts = [_text(part.get("text")) or "" for part in parts if part.get("type", "text") in _TEXTS]
    refusals = [_text(part.get("refusal")) for part in parts]
    return "".join(texts), next(filter(None, refusals), None)


def _called(message: dict[str, Any]) -> str:
    """Return the arguments of the functions that the model calls, one in a line."""
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    given = [found.get("arguments") for found in (*functions, message.get("function_call")) if isinstance(found, dict)]
    return "\n".join(item if isinstance(item, str) else json.dumps(item) for item in given if item)


def _reasoning(message: dict[str, Any]) -> str:
    """Return what some servers that separate thoughts and answer take for thoughts."""
    return _text(message.get("reasoning_content")) or _text(message.get("reasoning")) or ""


def _tokens(usage: Any) -> tuple[int, int] | None:
    counted = usage if isinstance(usage, dict) else {}
    sent, received = token_count(counted.get("prompt_tokens")), token_count(counted.get("completion_tokens"))
    if sent is None or received is None:
        return None
    total = counted.get("total_tokens")
    if total is None:
        return sent, received
    # Some endpoints count a model's thoughts only in the total, and charge for them.
    total = token_count(total)
    return None if total is None else (sent, max(received, total - sent))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
