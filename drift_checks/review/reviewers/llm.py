"""A large language model behind an endpoint for chat completions that is compatible with OpenAI's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Usage
from drift_checks.core.secrets import Secret
from drift_checks.review.reviewers.answers import AnswerReader, answer_schema
from drift_checks.review.reviewers.base import Classification, ParametersRejected, Request, UnusableAnswer
from drift_checks.review.reviewers.parameters import CallParameters
from drift_checks.review.reviewers.prompt import Prompt

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

OPENAI = "https://api.openai.com/v1"
KEYS = ("DRIFT_LLM_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY")
# The status of an answer that rejects a parameter.
_REJECTED = (400, 422)
# The tokens of the messages' roles and separators.
_OVERHEAD_TOKENS = 100
_NO_COMPLETION = "the endpoint's answer is not a chat completion"


class Price(NamedTuple):
    """The price of a million tokens, in any currency."""

    input: float
    output: float


class EndpointError(Exception):
    """The endpoint answered with an error; the message omits the key, which some endpoints quote."""

    def __init__(self, message: str, status_code: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.headers = headers


class ChatClassifier:
    """Classifies texts with a model; without a price, costs are not counted."""

    name = "llm"
    comparable_confidence = True
    is_own = False

    def __init__(
        self,
        model: str,
        key: Secret,
        prompt: Prompt,
        categories: tuple[str, ...],
        base_url: str = OPENAI,
        price: Price | None = None,
        seed: int = 0,
        max_output_tokens: int = 2048,
    ) -> None:
        self.model: str | None = model
        self.prompt_version = prompt.version
        self._key = key
        self._prompt = prompt
        self._base_url = base_url
        self._price = price
        self._reader = AnswerReader(categories)
        self._parameters = CallParameters(answer_schema(categories), seed, max_output_tokens, bounded=price is not None)
        self._client: AsyncOpenAI | None = None

    async def open(self) -> None:
        """Create the client."""
        # chromadb, which another thread loads during the calls, imports it, and the client uses it half loaded.
        with suppress(ImportError):
            import httpx  # noqa: F401
        from openai import AsyncOpenAI

        # The pool handles retries and timeouts.
        self._client = AsyncOpenAI(api_key=self._key.reveal(), base_url=self._base_url, max_retries=0, timeout=None)

    async def classify(self, request: Request) -> Classification:
        """Return the model's decision."""
        from openai import APIConnectionError, APIStatusError

        assert self._client is not None, "open() was not called"
        parameters = self._parameters.of(request)
        messages: Any = self._prompt.messages(request.record.text, retry=request.retry)
        try:
            completion: Any = await self._client.chat.completions.create(
                model=str(self.model), messages=messages, **parameters
            )
            return self._read(completion)
        except APIStatusError as error:
            rejection = _rejection(error, request)
            if error.status_code in _REJECTED and self._parameters.omit_rejected(parameters, *rejection):
                raise ParametersRejected from None
            raise self._endpoint_error(error) from None
        except APIConnectionError as error:
            raise ConnectionError(self._key.hidden_in(f"{self._base_url}: {error.__cause__ or error}")) from None
        except UnusableAnswer as error:
            raise UnusableAnswer(self._key.hidden_in(str(error)), error.usage, error.model) from None
        except json.JSONDecodeError:
            raise UnusableAnswer("the endpoint's answer is not JSON") from None

    def max_cost(self, request: Request) -> float:
        """Return the most that one call can cost: no token is shorter than a byte."""
        if self._price is None:
            return 0.0
        messages = self._prompt.messages(request.record.text, retry=request.retry)
        size = sum(len(message["content"].encode("utf-8", "replace")) for message in messages) + self._parameters.size
        return self._cost(size + _OVERHEAD_TOKENS, self._parameters.max_output_tokens)

    def refusal_error(self, reason: str) -> ReviewerError:
        """Return the error for a key that was refused."""
        return ReviewerError(
            "reviewer",
            f"{self._base_url} refused the key ({reason.rstrip('.')})",
            f"check {KEYS[0]} (or {KEYS[1]}, {KEYS[2]}), and whether it may use the model {self.model!r}",
        )

    async def close(self) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _read(self, completion: Any) -> Classification:
        try:
            choice = completion.choices[0]
            content, finish = choice.message.content, choice.finish_reason
            refusal = getattr(choice.message, "refusal", None)
        except (AttributeError, IndexError, KeyError, TypeError):
            error = getattr(completion, "error", None)
            raise UnusableAnswer(f"{_NO_COMPLETION}: {error}" if error else _NO_COMPLETION) from None
        usage = self._usage(getattr(completion, "usage", None))
        model = completion.model if isinstance(completion.model, str) and completion.model else None
        if finish == "length":
            limit = self._parameters.max_output_tokens
            raise UnusableAnswer(f"the answer was cut off after {limit} tokens: raise llm-max-tokens", usage, model)
        if content is not None and not isinstance(content, str):
            raise UnusableAnswer(_NO_COMPLETION, usage, model)
        if not content or not content.strip():
            raise UnusableAnswer(f"the answer is empty: {refusal or f'it ended with {finish!r}'}", usage, model)
        try:
            answer = self._reader.read(content)
        except UnusableAnswer as unusable:
            raise UnusableAnswer(str(unusable), usage, model) from None
        return replace(answer, model=model, usage=usage)

    def _usage(self, counted: Any) -> Usage:
        sent, received = getattr(counted, "prompt_tokens", None), getattr(counted, "completion_tokens", None)
        if not isinstance(sent, int) or not isinstance(received, int):
            return Usage()
        # Some endpoints count a model's thoughts only in the total, and charge for them.
        total = getattr(counted, "total_tokens", None)
        received = max(received, total - sent) if isinstance(total, int) else received
        return Usage(sent, received, None if self._price is None else self._cost(sent, received))

    def _cost(self, input_tokens: int, output_tokens: int) -> float:
        assert self._price is not None
        return (input_tokens * self._price.input + output_tokens * self._price.output) / 1_000_000

    def _endpoint_error(self, error: APIStatusError) -> EndpointError:
        message = error.body.get("message") if isinstance(error.body, dict) else None
        return EndpointError(self._key.hidden_in(str(message or error)), error.status_code, error.response.headers)


def _rejection(error: APIStatusError, request: Request) -> tuple[str | None, str]:
    """Return the rejected parameter, if the error names one, and its message without the record's text."""
    name = getattr(error, "param", None)
    message = f"{error} {json.dumps(error.body, ensure_ascii=False, default=str)}"
    text = request.record.text
    for quoted in (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]):
        message = message.replace(quoted, " ") if quoted.strip() else message
    return (name if isinstance(name, str) else None), message
