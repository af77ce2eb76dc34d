"""The parameters of a chat completion, without those that the endpoint rejects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from drift_checks.review.reviewers.base import Request

# Other names of a parameter in error messages.
_ALIASES = {"response_format": r"(?:response_format|json_schema|responseSchema|response_schema|structured outputs?)"}


class CallParameters:
    """The parameters of a call; those that the endpoint rejects are omitted from then on.

    If `bounded`, the maximum number of tokens must stay, because costs are counted with it.
    """

    def __init__(self, schema: Mapping[str, Any], seed: int, max_output_tokens: int, *, bounded: bool) -> None:
        self.max_output_tokens = max_output_tokens
        self.size = len(json.dumps(schema))
        self._bounded = bounded
        self._accepted: dict[str, Any] = {
            "temperature": 0,
            "seed": seed % 2**31,
            "max_completion_tokens": max_output_tokens,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "decision", "strict": True, "schema": schema},
            },
        }

    def of(self, request: Request) -> dict[str, Any]:
        """Return the parameters of a request; repeats and retries get another seed, to be independent."""
        parameters = dict(self._accepted)
        if "seed" in parameters:
            parameters["seed"] += request.repeat + 2 * request.retry
        return parameters

    def omit_rejected(self, sent: Mapping[str, Any], name: str | None, message: str) -> bool:
        """Omit the parameters that the endpoint rejected: the one that the error names, or those in its message.

        Returns:
            Whether a parameter that was sent is now omitted, so that another call makes sense.
        """
        searched = name if name is not None and name in sent else message
        rejected = [key for key in sent if re.search(rf"\b{_ALIASES.get(key, key)}\b", searched)]
        for key in rejected:
            self._omit(key)
        return any(key not in self._accepted for key in rejected)

    def _omit(self, name: str) -> None:
        if name == "max_tokens" and self._bounded:
            return
        if self._accepted.pop(name, None) is not None and name == "max_completion_tokens":
            # Its former name.
            self._accepted["max_tokens"] = self.max_output_tokens
