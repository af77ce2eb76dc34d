"""What keeps Apprise's plugins within the limits of the other channels: they send with libraries that have none.

In a thread that is `guarded`, the plugins' requests go through our sessions and their mail through our client. All
others, such as those of a user's own code, are sent as the plugin sends them.
"""

from __future__ import annotations

import json
import smtplib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from types import ModuleType
from typing import Any

import requests

from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.http import Answer, read_answer, why_failed
from drift_checks.alerts.channels.session import Session
from drift_checks.alerts.channels.smtp_client import Client, TlsClient
from drift_checks.core.secrets import Secret

_VARIABLE = "DRIFT_APPRISE_URLS"
_FAILED = ("error", "fail", "failed", "failure")
# Microsoft Teams answers so with a status of 200.
_FAILED_IN_WORDS = "Webhook message delivery failed"
_guarded = threading.local()


class Exchange:
    """The requests of one message: the answers, and why the last request failed, empty if it did not."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.answers: list[requests.Response] = []
        self.failure = ""

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """Send a plugin's request."""
        options["stream"] = False
        try:
            with Session(self.deadline) as session:
                response = session.request(method, url, **options)
        except (requests.RequestException, OSError, ValueError) as error:
            self.failure = str(why_failed(error, url, _VARIABLE))
            raise requests.ConnectionError(self.failure) from None
        self.failure = ""
        self.answers.append(response)
        return response

    def why_refused(self, secrets: tuple[Secret, ...], *, accepted: bool) -> str:
        """Return why the message was not accepted, empty if it was; a plugin may only have looked at the status."""
        last = {response.url: response for response in self.answers}
        answers = [read_answer(response, secrets) for response in last.values()]
        refusals = [answer for answer in answers if answer.status // 100 != 2 or _says_no(answer.body)]
        if accepted and not any(answer.status // 100 == 2 for answer in refusals):
            return ""
        if self.failure:
            return self.failure
        if not refusals:
            return "the service did not accept it, or could not be reached; `apprise -vv` with the same URL says why"
        return f"the service answered {_phrase(refusals[-1])}; check its URL, and what the service allows"


@contextmanager
def guarded(deadline: Deadline) -> Iterator[Exchange]:
    """Guard this thread's requests until the deadline."""
    _guarded.exchange = Exchange(deadline)
    try:
        yield _guarded.exchange
    finally:
        _guarded.exchange = None


def guard_plugins() -> None:
    """Have the plugins that are loaded send through this module; again after others were loaded."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("apprise."):
            for stand_in in (_REQUESTS, _SMTPLIB):
                if vars(module).get(stand_in.__name__) is stand_in.original:
                    setattr(module, stand_in.__name__, stand_in)


class _StandIn(ModuleType):
    """A library whose functions are replaced in guarded threads; everything else is the library's own."""

    def __init__(self, original: ModuleType) -> None:
        super().__init__(original.__name__)
        self.original = original

    def __getattr__(self, name: str) -> Any:
        exchange = getattr(_guarded, "exchange", None)
        return getattr(self.original, name) if exchange is None else self.replaced(name, exchange)

    def replaced(self, name: str, exchange: Exchange) -> Any:
        """Return what stands for the library's attribute."""
        raise NotImplementedError


class _Requests(_StandIn):
    def replaced(self, name: str, exchange: Exchange) -> Any:
        if name == "request":
            return exchange.request
        if name in ("get", "post", "put", "patch", "delete", "head", "options"):
            return lambda url, data=None, **options: exchange.request(
                name, url, **({"params": data} if name == "get" and data is not None else {"data": data}), **options
            )
        return getattr(self.original, name)


class _Smtplib(_StandIn):
    def replaced(self, name: str, exchange: Exchange) -> Any:
        clients = {"SMTP": Client, "SMTP_SSL": TlsClient}
        if name in clients:
            return lambda host="", port=0, local_hostname=None, timeout=None, **options: clients[name](
                host, port, exchange.deadline, **options
            )
        return getattr(self.original, name)


_REQUESTS, _SMTPLIB = _Requests(requests), _Smtplib(smtplib)


def _says_no(body: str) -> bool:
    """Whether a body says that the message was refused."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body.startswith(_FAILED_IN_WORDS)
    if not isinstance(found, dict):
        return False
    return found.get("ok") is False or found.get("success") is False or found.get("status") in _FAILED


def _phrase(answer: Answer) -> str:
    """Return the answer with the usual words for its status, as in `403 Forbidden no_access`."""
    words = {item.value: item.phrase for item in HTTPStatus}.get(answer.status, "")
    shown = answer.phrase.removeprefix(str(answer.status))
    return f"{answer.status} {words}".rstrip() + shown
