"""How an endpoint for chat completions, compatible with OpenAI's, answers and misbehaves."""

from __future__ import annotations

import json
import math
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from http import HTTPStatus
from typing import Any

FAULTS = ("rate_limited", "server_error", "hanging", "cut", "garbage", "wrong_label", "no_chat")
GARBAGE = "I am sorry, I cannot say."
UNKNOWN_CATEGORY = "of no taxonomy"
_CATEGORY = re.compile(r"\b(financial|regulatory|operational)\b", re.IGNORECASE)
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def name_category(user_text: str) -> dict[str, object]:
    """Answer with the category that the text names first, or with `financial` where it names none."""
    found = _CATEGORY.search(user_text)
    word = found[0] if found else "financial"
    rationale = f"The text speaks of {word.lower()} matters."
    return {"category": word.lower(), "confidence": 0.9, "rationale": rationale, "evidence": word}


@dataclass(frozen=True)
class Behaviour:
    """How the endpoint answers; what stands first below is decided first.

    Args:
        latency: Seconds before any answer, errors as well.
        api_key: Where set, another bearer token is answered with 401 and quoted.
        always: The status of every request; 200 is an answer like any other.
        statuses: The statuses of the first requests, counted from when the behaviour was set; 200 as in `always`.
        retry_after: The header that goes with each 429; None leaves it out.
        refused_parameters: Keys of a request that are answered with 400, one at a time.
        param_named: Whether that error's `param` is the key, which the message names in any case.
        seed: Of the draws.
        rate_limited: The share, from 0 to 1, of requests answered with 429. The shares add up to at most 1.
        server_error: The share answered with 500.
        hanging: The share never answered: until the client leaves or the server stops.
        cut: The share whose connection ends in the middle of the body.
        garbage: The share answered by a message that is no JSON.
        wrong_label: The share answered with `UNKNOWN_CATEGORY`.
        no_chat: The share answered with 200 and a page in place of a JSON document.
        answer: The answer to the user's messages: a mapping is sent as JSON, a text as it is.
        model: The name that the endpoint gives itself.
        usage: Whether answers count tokens: the words of all messages, and those of the answer.

    Raises:
        ValueError: A share lies outside 0 to 1, or together they exceed 1.
    """

    latency: float = 0.0
    api_key: str | None = None
    always: int | None = None
    statuses: Sequence[int] = ()
    retry_after: str | None = "0"
    refused_parameters: frozenset[str] = frozenset()
    param_named: bool = True
    seed: int = 0
    rate_limited: float = 0.0
    server_error: float = 0.0
    hanging: float = 0.0
    cut: float = 0.0
    garbage: float = 0.0
    wrong_label: float = 0.0
    no_chat: float = 0.0
    answer: Callable[[str], Mapping[str, object] | str] = name_category
    model: str = "test-model-2026-01"
    usage: bool = True

    def __post_init__(self) -> None:
        shares = [share for _, share in self.faults()]
        if min(shares) < 0 or math.fsum(shares) > 1:
            raise ValueError(f"shares lie from 0 to 1 and add up to at most 1: {shares}")

    def faults(self) -> list[tuple[str, float]]:
        """Return each fault and its share."""
        return [(name, getattr(self, name)) for name in FAULTS]


@dataclass(frozen=True)
class Request:
    """A POST that arrived; `started` is in monotonic seconds, `status` None until, and unless, it is answered whole."""

    number: int
    body: dict[str, Any]
    headers: Message
    started: float
    status: int | None = None

    @property
    def user_text(self) -> str:
        """The user's messages."""
        return self.text_of("user")

    @property
    def system_text(self) -> str:
        """The messages of the system, or of the developer as newer models call it."""
        return self.text_of("system", "developer")

    def text_of(self, *roles: str) -> str:
        """Return the messages of these roles, of all where none is given, a line feed between two."""
        messages = self.body.get("messages")
        said = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
        return "\n".join(_text(message.get("content")) for message in said if not roles or message.get("role") in roles)


@dataclass(frozen=True)
class Reply:
    """What goes over the wire."""

    status: int
    body: bytes
    content_type: str = "application/json"
    retry_after: str | None = None
    cut: bool = False


class Course:
    """A behaviour and how far it has got."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._lock = threading.Lock()
        self._random = random.Random(behaviour.seed)
        self._statuses = iter(behaviour.statuses)

    def reply(self, request: Request) -> Reply | None:
        """Return the reply, None where there never is one."""
        refusal = self._refusal(request)
        return self._answer(request, self._draw()) if refusal is None else refusal

    def _refusal(self, request: Request) -> Reply | None:
        behaviour = self.behaviour
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if behaviour.api_key is not None and given != behaviour.api_key:
            return error_reply(401, f"Incorrect API key provided: {given}.")
        status = self._next_status()
        if status is not None and status != HTTPStatus.OK:
            return self._failure(status)
        missing = next((key for key in ("model", "messages") if not request.body.get(key)), None)
        if missing is not None:
            return error_reply(400, f"Missing required parameter: '{missing}'.", missing)
        if request.body.get("stream"):
            return error_reply(400, "Unsupported value: 'stream' must be false.", "stream")
        refused = next((key for key in request.body if key in behaviour.refused_parameters), None)
        if refused is not None:
            message = f"Unsupported parameter: '{refused}' is not supported with this model."
            return error_reply(400, message, refused if behaviour.param_named else None)
        return None

    def _answer(self, request: Request, fault: str | None) -> Reply | None:
        match fault:
            case "hanging":
                return None
            case "rate_limited":
                return self._failure(429)
            case "server_error":
                return self._failure(500)
            case "no_chat":
                return Reply(200, b"<html><body>Welcome to the proxy</body></html>", "text/html")
            case "garbage":
                return self._completion(request, GARBAGE)
        answer = self.behaviour.answer(request.user_text)
        if fault == "wrong_label":
            sound = name_category(request.user_text) if isinstance(answer, str) else answer
            answer = {**sound, "category": UNKNOWN_CATEGORY}
        content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return replace(self._completion(request, content), cut=fault == "cut")

    def _next_status(self) -> int | None:
        with self._lock:
            return next(self._statuses, None) if self.behaviour.always is None else self.behaviour.always

    def _draw(self) -> str | None:
        with self._lock:
            left = self._random.random()
        for name, share in self.behaviour.faults():
            if left < share:
                return name
            left -= share
        return None

    def _failure(self, status: int) -> Reply:
        reply = error_reply(status, f"The server answers {status} as it was told to.")
        return replace(reply, retry_after=self.behaviour.retry_after if status == 429 else None)

    def _completion(self, request: Request, content: str) -> Reply:
        message = {"role": "assistant", "content": content, "refusal": None}
        body: dict[str, object] = {
            "id": f"chatcmpl-{request.number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.behaviour.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        }
        if self.behaviour.usage:
            asked, said = (max(1, len(text.split())) for text in (request.text_of(), content))
            body["usage"] = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        return json_reply(200, body)


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def json_reply(status: int, document: object) -> Reply:
    """Return a document as a reply."""
    return Reply(status, json.dumps(document, ensure_ascii=False).encode())


def error_reply(status: int, message: str, param: str | None = None) -> Reply:
    """Return an error as OpenAI words it."""
    kind = _ERROR_TYPES.get(status, "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None)
    error = {"message": message, "type": kind or "invalid_request_error", "param": param, "code": None}
    return json_reply(status, {"error": error})
