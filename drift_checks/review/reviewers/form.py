"""The form of a question to an endpoint: the parameters that it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from drift_checks.review.reviewers.base import Question


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
            parameters["seed"] += question.repeat + 2 * (question.again)
        return parameters

    def learn(self, given: Mapping[str, Any], about: str | None, error: str) -> bool:
        """Leave out the parameters that the endpoint does not take.

        Args:
            given: The parameters that it was given.
            about: The one that the error is about, where it says so.
            error: The error's words.

        Returns:
            Whether any of those given was among them, so that asking again makes sense.
        """
        told = about if about is not None and about in given else error
        named = [name for name in given if re.search(rf"\b{_NAMES.get(name, name)}\b", told)]
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
