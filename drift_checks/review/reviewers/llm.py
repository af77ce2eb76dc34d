"""A large language model behind an endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Usage
from drift_checks.core.secrets import Secret
from drift_checks.review.reviewers.answers import AnswerReader, answer_schema
from drift_checks.review.reviewers.base import Answer, AskDifferently, Question, UnusableAnswer
from drift_checks.review.reviewers.form import Form
from drift_checks.review.reviewers.prompt import Prompt

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

OPENAI = "https://api.openai.com/v1"
KEYS = ("DRIFT_LLM_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY")
# What an endpoint answers to a parameter that it does not know.
_NOT_TAKEN = (400, 422)
# Tokens that the form of the messages takes beside their text.
_FORM_TOKENS = 100


class Price(NamedTuple):
    """What a million tokens cost, in any currency."""

    input: float
    output: float


class EndpointError(Exception):
    """The endpoint answered with an error; without the key, which some quote in their message."""

    def __init__(self, message: str, status_code: int, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.headers = headers


class ChatClassifier:
    """Asks a model about each text.

    Args:
        model: The model, as the endpoint calls it.
        key: For the endpoint.
        prompt: What it is told.
        categories: What it may decide for.
        base_url: Of the endpoint.
        price: What its tokens cost, None where nobody counts.
        seed: For endpoints that take one.
        max_output_tokens: The most that it may answer.
    """

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
        self._form = Form(answer_schema(categories), seed, max_output_tokens, bounded=price is not None)
        self._client: AsyncOpenAI | None = None

    async def open(self) -> None:
        """Make the client."""
        from openai import AsyncOpenAI

        # Retries and time limits are the pool's.
        self._client = AsyncOpenAI(api_key=self._key.reveal(), base_url=self._base_url, max_retries=0, timeout=None)

    async def classify(self, question: Question) -> Answer:
        """Return what the model decides."""
        from openai import APIConnectionError, APIStatusError

        assert self._client is not None, "it was not opened"
        parameters = self._form.parameters(question)
        messages: Any = self._prompt.messages(question.record.text, again=question.again)
        try:
            completion: Any = await self._client.chat.completions.create(
                model=str(self.model), messages=messages, **parameters
            )
            return self._read(completion)
        except APIStatusError as error:
            if error.status_code in _NOT_TAKEN and self._form.learn(parameters, *_complaint(error, question)):
                raise AskDifferently from None
            raise self._endpoint_error(error) from None
        except APIConnectionError as error:
            raise ConnectionError(self._key.hidden_in(f"{self._base_url}: {error.__cause__ or error}")) from None
        except UnusableAnswer as error:
            raise UnusableAnswer(self._key.hidden_in(str(error)), error.usage, error.model) from None
        except json.JSONDecodeError:
            raise UnusableAnswer("the endpoint's answer is no JSON") from None

    def most_cost(self, question: Question) -> float:
        """Return the most that one call can cost: no token is shorter than a byte."""
        if self._price is None:
            return 0.0
        messages = self._prompt.messages(question.record.text, again=question.again)
        size = sum(len(message["content"].encode("utf-8", "replace")) for message in messages) + self._form.size
        return self._cost(size + _FORM_TOKENS, self._form.max_output_tokens)

    def explain_refusal(self, message: str) -> ReviewerError:
        """Return the error for a key that was refused."""
        return ReviewerError(
            "reviewer",
            f"{self._base_url} refused the key ({message.rstrip('.')})",
            f"check {KEYS[0]} (or {KEYS[1]}, {KEYS[2]}), and that it may use the model {self.model!r}",
        )

    async def close(self) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _read(self, completion: Any) -> Answer:
        try:
            choice = completion.choices[0]
            content, finish = choice.message.content, choice.finish_reason
            refusal = getattr(choice.message, "refusal", None)
        except (AttributeError, IndexError, KeyError, TypeError):
            said = getattr(completion, "error", None)
            raise UnusableAnswer(f"the endpoint's answer is no chat completion{f': {said}' if said else ''}") from None
        usage = self._usage(getattr(completion, "usage", None))
        model = completion.model if isinstance(completion.model, str) and completion.model else None
        if finish == "length":
            limit = self._form.max_output_tokens
            raise UnusableAnswer(f"the answer was cut off after {limit} tokens: raise llm-max-tokens", usage, model)
        if content is not None and not isinstance(content, str):
            raise UnusableAnswer("the endpoint's answer is no chat completion", usage, model)
        if not content or not content.strip():
            raise UnusableAnswer(f"the answer is empty: {refusal or f'it ended with {finish!r}'}", usage, model)
        try:
            answer = self._reader.read(content)
        except UnusableAnswer as unusable:
            raise UnusableAnswer(str(unusable), usage, model) from None
        return replace(answer, model=model, usage=usage)

    def _usage(self, counted: Any) -> Usage:
        used, made = getattr(counted, "prompt_tokens", None), getattr(counted, "completion_tokens", None)
        if not isinstance(used, int) or not isinstance(made, int):
            return Usage()
        # Some endpoints count a model's thoughts in the total alone, and charge for them.
        total = getattr(counted, "total_tokens", None)
        made = max(made, total - used) if isinstance(total, int) else made
        return Usage(used, made, None if self._price is None else self._cost(used, made))

    def _cost(self, input_tokens: int, output_tokens: int) -> float:
        assert self._price is not None
        return (input_tokens * self._price.input + output_tokens * self._price.output) / 1_000_000

    def _endpoint_error(self, error: APIStatusError) -> EndpointError:
        said = error.body.get("message") if isinstance(error.body, dict) else None
        message = self._key.hidden_in(str(said or error))
        return EndpointError(message, error.status_code, error.response.headers)


def _complaint(error: APIStatusError, question: Question) -> tuple[str | None, str]:
    """Return the parameter that an error is about, where it says so, and its words without the record's."""
    named = getattr(error, "param", None)
    words = f"{error} {json.dumps(error.body, ensure_ascii=False, default=str)}"
    text = question.record.text
    for quoted in (text, json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]):
        words = words.replace(quoted, " ") if quoted.strip() else words
    return (named if isinstance(named, str) else None), words
