"""How an endpoint for chat completions, compatible with OpenAI's, answers and misbehaves."""

from __future__ import annotations

import json
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import Message
from http import HTTPStatus
from typing import Any

FAULTS = ("rate_limited", "server_error", "hanging", "cut", "garbage")
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
    """How the endpoint answers; the first of these that applies decides.

    Args:
        latency: Seconds before any answer, also before an error.
        spread: The standard deviation of the logarithm of the latency, which is then log-normal.
        most_at_once: How many requests may be in progress; above, they are answered with 429 at once.
        workers: How many requests can be worked on at once; above, the latency grows in proportion.
        api_key: If set, another bearer token is answered with 401 and quoted.
        always: The status of every request.
        statuses: The statuses of the first requests after the behaviour was set.
        retry_after: The header of each 429.
        refused_parameters: Keys of a request that are answered with 400, one at a time.
        param_named: Whether that error's `param` is the key, which the message names in any case.
        rate_limited: The share, from 0 to 1, of requests answered with 429. The shares add up to at most 1.
        server_error: The share answered with 500.
        hanging: The share never answered: until the client leaves or the server stops.
        cut: The share whose connection ends in the middle of the body.
        garbage: The share answered with a message that is not JSON.
        answer: The answer to the user's messages: a mapping is sent as JSON, a text as it is.
        model: The model's name in the answers.
    """

    latency: float = 0.0
    spread: float = 0.0
    most_at_once: int | None = None
    workers: int | None = None
    api_key: str | None = None
    always: int | None = None
    statuses: Sequence[int] = ()
    retry_after: str = "0"
    refused_parameters: frozenset[str] = frozenset()
    param_named: bool = True
    rate_limited: float = 0.0
    server_error: float = 0.0
    hanging: float = 0.0
    cut: float = 0.0
    garbage: float = 0.0
    answer: Callable[[str], Mapping[str, object] | str] = name_category
    model: str = "test-model-2026-01"


@dataclass(frozen=True)
class Request:
    """A POST that arrived, when by the monotonic clock; `status` is None until, and unless, it is answered whole."""

    number: int
    body: dict[str, Any]
    headers: Message
    status: int | None = None
    arrived: float = field(default_factory=time.monotonic)

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
    retry_after: str | None = None
    cut: bool = False


class Course:
    """A behaviour and how far it has got."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._lock = threading.Lock()
        self._random = random.Random(0)
        self._lengths = random.Random(0)
        self._statuses = iter(behaviour.statuses)
        self._in_progress = 0
        self.most_in_progress = 0

    @contextmanager
    def progress(self) -> Iterator[float | None]:
        """Hold a request in progress; yield the seconds until its answer, None if there are too many."""
        behaviour = self.behaviour
        with self._lock:
            is_refused = behaviour.most_at_once is not None and self._in_progress >= behaviour.most_at_once
            self._in_progress += not is_refused
            self.most_in_progress = max(self.most_in_progress, self._in_progress)
            slower = self._in_progress / behaviour.workers if behaviour.workers else 1
            latency = behaviour.latency * max(1, slower) * math.exp(self._lengths.gauss(0, behaviour.spread))
        try:
            yield None if is_refused else latency
        finally:
            with self._lock:
                self._in_progress -= not is_refused

    def refusal(self) -> Reply:
        """Return the reply to a request that is one too many."""
        return self._failure(429)

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
            case "garbage":
                return self._completion(request, GARBAGE)
        answer = self.behaviour.answer(request.user_text)
        content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return replace(self._completion(request, content), cut=fault == "cut")

    def _next_status(self) -> int | None:
        with self._lock:
            return next(self._statuses, None) if self.behaviour.always is None else self.behaviour.always

    def _draw(self) -> str | None:
        with self._lock:
            left = self._random.random()
        for name in FAULTS:
            share: float = getattr(self.behaviour, name)
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
