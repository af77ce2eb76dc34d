"""The parameters of a chat completion, without those that the endpoint rejects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from drift_checks.reviews.reviewers.base import Request

SCHEMA = "response_format"
# The bound on the answer's tokens, and its former name.
BOUND, FORMER_BOUND = "max_completion_tokens", "max_tokens"


class CallParameters:
    """The parameters of calls; a parameter is omitted once a call was answered without it, and none ever with it.

    If `bounded`, the maximum number of tokens must stay, because costs are counted with it.
    """

    def __init__(self, schema: Mapping[str, Any], seed: int, max_output_tokens: int, *, bounded: bool) -> None:
        self.max_output_tokens = max_output_tokens
        self.size = len(json.dumps(schema))
        self._bounded = bounded
        self._accepted: set[str] = set()
        self._omitted: set[str] = set()
        self._all: dict[str, Any] = {
            "temperature": 0,
            "seed": seed % 2**31,
            BOUND: max_output_tokens,
            SCHEMA: {"type": "json_schema", "json_schema": {"name": "decision", "strict": True, "schema": schema}},
        }

    def of(self, request: Request) -> dict[str, Any]:
        """Return the parameters of a request; repeats and retries get another seed, to be independent."""
        omitted = self._omitted | request.omitted
        parameters = {name: value for name, value in self._all.items() if name not in omitted}
        if "seed" in parameters:
            parameters["seed"] += request.repeat + 2 * request.retry
        if BOUND in omitted and (self._bounded or FORMER_BOUND not in omitted):
            parameters[FORMER_BOUND] = self.max_output_tokens
        return parameters

    def may_reject(self, name: str) -> bool:
        """Whether the endpoint may not know the parameter: no call with it was answered yet."""
        return name not in self._accepted and not (name == FORMER_BOUND and self._bounded)

    def answered(self, sent: Mapping[str, Any], request: Request) -> tuple[str, ...]:
        """Note that a call was answered, and return the parameters that it omitted."""
        self._accepted |= sent.keys()
        self._omitted |= request.omitted
        self._omitted -= self._accepted
        omitted = self._all.keys() - sent.keys()
        if FORMER_BOUND in sent:
            # It says the same.
            omitted = omitted - {BOUND}
        return tuple(sorted(omitted))
