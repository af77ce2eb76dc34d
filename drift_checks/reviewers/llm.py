"""A large language model behind an endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from drift_checks.credentials import Secret
from drift_checks.records import Usage
from drift_checks.reviewers.answers import AnswerReader, answer_schema
from drift_checks.reviewers.base import Answer, AskDifferently, Question, UnusableAnswer
from drift_checks.reviewers.prompt import Prompt

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
        messages: Any = self._prompt.messages(question.record.text, question.complaint)
        try:
            completion: Any = await self._client.chat.completions.create(
                model=str(self.model), messages=messages, **parameters
            )
        except APIStatusError as error:
            if error.status_code in _NOT_TAKEN and self._form.learn(parameters, str(error)):
                raise AskDifferently from None
            raise self._endpoint_error(error) from None
        except APIConnectionError as error:
            raise ConnectionError(f"{self._base_url}: {error.__cause__ or error}") from None
        except ValueError:
            raise UnusableAnswer("the endpoint's answer is no JSON") from None
        return self._read(completion)

    def most_cost(self, question: Question) -> float:
        """Return the most that one call can cost: no token is shorter than a byte."""
        if self._price is None:
            return 0.0
        messages = self._prompt.messages(question.record.text, question.complaint)
        size = sum(len(message["content"].encode("utf-8", "replace")) for message in messages) + self._form.size
        return self._cost(size + _FORM_TOKENS, self._form.max_output_tokens)

    def explain_refusal(self, message: str) -> str:
        """Return the sentence for a key that was refused."""
        return (
            f"reviewer: {self._base_url} refused the key ({message.rstrip('.')}); check {KEYS[0]} (or {KEYS[1]},"
            f" {KEYS[2]}), and that it may use the model {self.model!r}."
        )

    async def close(self) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _read(self, completion: Any) -> Answer:
        choices = getattr(completion, "choices", None)
        if not choices:
            raise UnusableAnswer("the endpoint's answer is no chat completion")
        usage = self._usage(completion.usage)
        model = completion.model or None
        message = choices[0].message
        if not message.content:
            why = getattr(message, "refusal", None) or f"it ended with {choices[0].finish_reason!r}"
            raise UnusableAnswer(f"it is empty: {why}", usage, model)
        try:
            answer = self._reader.read(message.content)
        except UnusableAnswer as unusable:
            cut = f"; it was cut off after {self._form.max_output_tokens} tokens: raise llm-max-tokens"
            raise UnusableAnswer(
                f"{unusable}{cut if choices[0].finish_reason == 'length' else ''}", usage, model
            ) from None
        return replace(answer, model=model, usage=usage)

    def _usage(self, counted: Any) -> Usage:
        if counted is None:
            return Usage()
        used, made = counted.prompt_tokens or 0, counted.completion_tokens or 0
        return Usage(used, made, None if self._price is None else self._cost(used, made))

    def _cost(self, input_tokens: int, output_tokens: int) -> float:
        assert self._price is not None
        return (input_tokens * self._price.input + output_tokens * self._price.output) / 1_000_000

    def _endpoint_error(self, error: APIStatusError) -> EndpointError:
        said = error.body.get("message") if isinstance(error.body, dict) else None
        message = self._key.hidden_in(str(said or error))
        return EndpointError(message, error.status_code, error.response.headers)


class Form:
    """The parameters of a call; those that the endpoint does not take are left out from then on.

    Args:
        schema: That the answer is held to.
        seed: For endpoints that take one.
        max_output_tokens: The most that may be answered.
        bounded: Whether the bound on tokens must stay, because costs are counted by it.
    """

    def __init__(self, schema: Mapping[str, Any], seed: int, max_output_tokens: int, *, bounded: bool) -> None:
        self.max_output_tokens = max_output_tokens
        self.size = len(json.dumps(schema))
        self._bounded = bounded
        self._taken: dict[str, Any] = {
            "temperature": 0,
            "seed": seed % 2**31,
            "max_completion_tokens": max_output_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "decision", "strict": True, "schema": schema},
            },
        }

    def parameters(self, question: Question) -> dict[str, Any]:
        """Return the parameters for a question; one that is asked again gets another seed, to be independent."""
        parameters = dict(self._taken)
        if "seed" in parameters:
            parameters["seed"] += question.repeat + 2 * (question.complaint is not None)
        return parameters

    def learn(self, given: Mapping[str, Any], error: str) -> bool:
        """Leave out the parameters that an error names; return whether any of those given was among them."""
        named = [name for name in given if re.search(rf"\b{_NAMES.get(name, name)}\b", error)]
        for name in named:
            self._leave_out(name)
        return any(name not in self._taken for name in named)

    def _leave_out(self, name: str) -> None:
        if name == "max_tokens" and self._bounded:
            return
        if self._taken.pop(name, None) is not None and name == "max_completion_tokens":
            # What it was called before.
            self._taken["max_tokens"] = self.max_output_tokens


# Other words by which errors call a parameter.
_NAMES = {"response_format": r"(?:response_format|json_schema|responseSchema|response_schema|structured outputs?)"}
