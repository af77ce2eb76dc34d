"""Calling a classifier without the pool, and a chat server with scripted replies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from drift_checks.core.records import Record, Stratum
from drift_checks.core.secrets import Secret
from drift_checks.reviews.reviewers.base import Classification, Classifier, ParametersRejected, Request
from drift_checks.reviews.reviewers.llm import ChatClassifier, Price
from drift_checks.reviews.reviewers.prompt import Prompt
from tests.support.chat_behaviour import Behaviour, Course, Reply
from tests.support.chat_behaviour import Request as ChatRequest
from tests.support.chat_server import ChatServer

Result = TypeVar("Result")
CATEGORIES = ("financial", "regulatory", "operational")
KEY = "sk-test-0123456789abcdef"
SOUND = {"category": "operational", "confidence": 0.5, "rationale": "why", "evidence": "words"}
# A user's module, with a classifier of every kind and something that is none.
OWN_MODULE = """
def decide(text):
    return text.upper()

class Model:
    def classify(self, text):
        return text.upper()

    @staticmethod
    def decide(text):
        return text.upper()

class Space:
    inner = Model()

made = Model()
number = 5
"""


def question(text: str = "a text", *, retry: bool = False) -> Request:
    """Return a question about a text."""
    return Request(Record(1, Stratum.BASELINE, {"text": text, "category": "financial"}), retry=retry)


def outcomes(
    classifier: Classifier, *questions: Request, at_once: bool = False
) -> list[Classification | BaseException]:
    """Return the outcome of each request, one after the other or all at once."""

    async def put() -> list[Classification | BaseException]:
        if at_once:
            return await asyncio.gather(*map(classifier.classify, questions), return_exceptions=True)
        settled = [await asyncio.gather(classifier.classify(one), return_exceptions=True) for one in questions]
        return [outcome for (outcome,) in settled]

    return asyncio.run(_between(classifier, put))


def ask(classifier: Classifier, asked: Request | None = None) -> Classification:
    """Return the answer to one request, with whatever parameters the endpoint accepts."""

    async def put() -> Classification:
        request = asked or question()
        for _ in range(10):
            try:
                return await classifier.classify(request)
            except ParametersRejected as rejected:
                request = replace(request, omitted=rejected.omitted)
        raise AssertionError("it was never taken")

    return asyncio.run(_between(classifier, put))


async def _between(classifier: Classifier, put: Callable[[], Awaitable[Result]]) -> Result:
    await classifier.open()
    try:
        return await put()
    finally:
        await classifier.close()


def chat(
    server: ChatServer,
    prompt: Prompt | None = None,
    price: Price | None = None,
    key: str = KEY,
    max_output_tokens: int = 2048,
) -> ChatClassifier:
    """Return a classifier that asks this server."""
    return ChatClassifier(
        "a-model",
        Secret(key),
        prompt or Prompt("a-version", "the instructions"),
        CATEGORIES,
        base_url=server.base_url,
        price=price,
        seed=7,
        max_output_tokens=max_output_tokens,
    )


def completion(content: object, finish_reason: str = "stop", usage: object = None, refusal: str | None = None) -> bytes:
    """Return the body of a chat completion; a mapping as content is sent as JSON."""
    said = json.dumps(content) if isinstance(content, Mapping) else content
    message = {"role": "assistant", "content": said, "refusal": refusal}
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "a-model-2026",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": usage,
        }
    ).encode()


class ScriptedServer(ChatServer):
    """Answers the first requests with these statuses and bodies, the others soundly.

    Args:
        replies: A status and a body each.
        behaviour: Of the sound answers.
    """

    def __init__(self, *replies: tuple[int, bytes], behaviour: Behaviour | None = None) -> None:
        super().__init__(behaviour)
        self._listener.course = _Scripted(behaviour or Behaviour(), replies)


class _Scripted(Course):
    def __init__(self, behaviour: Behaviour, replies: Sequence[tuple[int, bytes]]) -> None:
        super().__init__(behaviour)
        self._replies = iter(replies)

    def reply(self, request: ChatRequest) -> Reply | None:
        status, body = next(self._replies, (None, b""))
        return super().reply(request) if status is None else Reply(status, body)
