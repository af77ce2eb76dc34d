"""A large language model behind an endpoint for chat completions that is compatible with OpenAI's."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.records import Usage
from drift_checks.core.secrets import Secret
from drift_checks.reviews.reviewers.answers import AnswerReader, answer_schema
from drift_checks.reviews.reviewers.base import Classification, Fault, ParametersRejected, Request, UnusableAnswer
from drift_checks.reviews.reviewers.complaints import Complaint
from drift_checks.reviews.reviewers.completions import Completion, read_completion
from drift_checks.reviews.reviewers.endpoint import CallFailed, Endpoint, EndpointError, Redirected
from drift_checks.reviews.reviewers.failures import describe, internal_error, is_transient, retry_after
from drift_checks.reviews.reviewers.parameters import CallParameters
from drift_checks.reviews.reviewers.prompt import Prompt

OPENAI = "https://api.openai.com/v1"
KEYS = ("DRIFT_LLM_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY")
# The tokens of the messages' roles and separators.
_OVERHEAD_TOKENS = 100
# Such an answer may also be about one text, which a firewall or a moderation refuses.
_SEVERAL = 3
# Such an answer is about one text, unless all are answered so.
_MANY = 5


class Price(NamedTuple):
    """The price of a million tokens, in any currency."""

    input: float
    output: float


class PermanentError(CallFailed):
    """An error with which every call would be answered; `fault` says why."""

    def __init__(self, error: EndpointError, fault: Fault) -> None:
        super().__init__(str(error))
        self.status_code = error.status_code
        self.fault = fault


class ChatClassifier:
    """Classifies texts with a model; without a price, costs are not counted.

    Raises:
        ReviewerError: The environment does not allow a client.
    """

    name = "llm"
    comparable_confidence = True
    is_own = False
    capacity = 1

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
        self._endpoint = Endpoint(base_url, key)

    async def open(self) -> None:
        """Create the client."""
        self._endpoint.open()

    async def ready(self, request: Request) -> None:
        """Return at once."""

    async def classify(self, request: Request) -> Classification:
        """Return the model's decision."""
        parameters = self._parameters.of(request)
        try:
            completion = read_completion(await self._endpoint.post(self._body(request, parameters)))
            omitted = self._parameters.answered(parameters, request)
            return replace(self._read(completion), omitted_parameters=omitted)
        except EndpointError as error:
            complaint = Complaint(error, request.record.text)
            if fault := self._fault_of(complaint, error):
                raise PermanentError(error, fault) from None
            if rejected := complaint.rejects(parameters, self._parameters.may_reject):
                raise ParametersRejected(request.omitted | rejected) from None
            if complaint.is_about_answer():
                raise UnusableAnswer(f"the endpoint refused the model's answer: {describe(error)}") from None
            raise
        except UnusableAnswer as error:
            raise UnusableAnswer(self._key.hidden_in(str(error)), error.usage, error.model) from None

    def max_cost(self, request: Request) -> float:
        """Return the most that one call can cost: no token is shorter than a byte."""
        if self._price is None:
            return 0.0
        messages = self._prompt.messages(request.record.text, retry=request.retry)
        size = sum(len(message["content"].encode("utf-8", "replace")) for message in messages) + self._parameters.size
        return self._cost((size + _OVERHEAD_TOKENS, self._parameters.max_output_tokens))

    def fault(self, error: Exception) -> Fault | None:
        """Return what every call would fail with; whatever is not the endpoint's or the network's ends the run."""
        if isinstance(error, PermanentError):
            return error.fault
        if isinstance(error, Redirected):
            return Fault(
                SettingError(
                    "llm-base-url",
                    f"{self._base_url} redirects to {error.target}, where neither the texts nor the key were sent",
                    "set --drift-llm-base-url=URL to the address that answers",
                )
            )
        if isinstance(error, EndpointError):
            return self._refuses_all(error)
        if isinstance(error, ConnectionError):
            return self._untrusted(error)
        if isinstance(error, CallFailed | TimeoutError | UnusableAnswer):
            return None
        raise internal_error(error) from error

    async def close(self) -> None:
        """Close the client."""
        await self._endpoint.close()

    def _body(self, request: Request, parameters: Mapping[str, Any]) -> dict[str, Any]:
        messages = self._prompt.messages(request.record.text, retry=request.retry)
        return {"model": self.model, "messages": messages, **parameters}

    def _read(self, completion: Completion) -> Classification:
        usage, model = self._usage(completion.tokens), completion.model
        if completion.finish == "length":
            limit = self._parameters.max_output_tokens
            raise UnusableAnswer(f"the answer was cut off after {limit} tokens: raise llm-max-tokens", usage, model)
        if not completion.content.strip():
            why = completion.refusal or f"it ended with {completion.finish!r}"
            raise UnusableAnswer(f"the answer is empty: {why}", usage, model)
        try:
            answer = self._reader.read(completion.content, alone=completion.alone)
        except UnusableAnswer as unusable:
            raise UnusableAnswer(str(unusable), usage, model) from None
        except (ValueError, RecursionError, OverflowError) as error:
            raise UnusableAnswer(f"the answer cannot be read ({type(error).__name__})", usage, model) from None
        return replace(answer, model=model, usage=usage)

    def _usage(self, tokens: tuple[int, int] | None) -> Usage:
        if tokens is None:
            return Usage()
        return Usage(*tokens, None if self._price is None else self._cost(tokens))

    def _cost(self, tokens: tuple[int, int]) -> float:
        assert self._price is not None
        return (tokens[0] * self._price.input + tokens[1] * self._price.output) / 1_000_000

    def _fault_of(self, complaint: Complaint, error: EndpointError) -> Fault | None:
        said = f"({describe(error).rstrip('.')})"
        if complaint.status in (401, 403) and not complaint.is_about_credit():
            return Fault(self._refused(said), 1 if complaint.status == 401 else _SEVERAL)
        if complaint.is_about_credit() and retry_after(error) is None:
            problem = f"the account at {self._base_url} has no credit left {said}"
            return Fault(ReviewerError("reviewer", problem, "check the account's plan and balance"))
        if complaint.is_about_model():
            problem = f"{self._base_url} has no model {self.model!r} {said}"
            remedy = "name a model that it has with --drift-llm-model=NAME"
            return Fault(SettingError("llm-model", problem, remedy), 1 if complaint.is_about_path() else _SEVERAL)
        if complaint.is_about_path():
            problem = f"there is nothing at {self._base_url}/chat/completions {said}"
            remedy = "set --drift-llm-base-url=URL to the part before /chat/completions"
            return Fault(SettingError("llm-base-url", problem, remedy))
        if limit := complaint.largest_bound(self._parameters.max_output_tokens):
            bound = self._parameters.max_output_tokens
            problem = f"{bound} is more than the {limit} that {self._base_url} allows {said}"
            return Fault(SettingError("llm-max-tokens", problem, "lower it with --drift-llm-max-tokens=NUMBER"))
        return None

    def _refuses_all(self, error: EndpointError) -> Fault | None:
        if is_transient(error):
            return None
        problem = f"{self._base_url} refuses every call ({describe(error).rstrip('.')})"
        return Fault(ReviewerError("reviewer", problem, "check --drift-llm-base-url and --drift-llm-model"), _MANY)

    def _refused(self, said: str) -> ReviewerError:
        return ReviewerError(
            "reviewer",
            f"{self._base_url} refused the key {said}",
            f"check {KEYS[0]} (or {KEYS[1]}, {KEYS[2]}), and whether it may use the model {self.model!r}",
        )

    def _untrusted(self, error: ConnectionError) -> Fault | None:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            return None
        problem = f"the certificate of {self._base_url} is not trusted ({cause.verify_message.rstrip('.')})"
        return Fault(ReviewerError("reviewer", problem, "name the file of its authority in the variable SSL_CERT_FILE"))
