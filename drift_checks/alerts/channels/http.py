"""A JSON document posted to an address that nothing shows, until it is taken or the time is over."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.core.errors import SettingError
from drift_checks.core.instants import retry_after_seconds
from drift_checks.core.secrets import Secret
from drift_checks.core.text import printable

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_MOST_READ, _LONGEST_SAID = 1000, 200
# They write the path of each request, which is the secret.
TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")
# Shorter parts of a path tell nothing, and may be anywhere.
_LEAST_SECRET = 6


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and the beginning of the body, fit for a line and without any secret."""

    status: int
    text: str

    @property
    def taken(self) -> bool:
        """Whether the document was taken."""
        return self.status // 100 == 2

    @property
    def said(self) -> str:
        """The answer as a phrase, as in `404 no_service`."""
        return f"{self.status} {self.text}".strip()


class _Again(Exception):
    """It may go better later: why it did not, and for how long the other side wants to be left alone."""

    def __init__(self, reason: str, seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


def check_address(name: str, address: Secret) -> None:
    """Refuse an address to which nothing can be posted.

    Raises:
        SettingError: Naming the variable; what it holds is not repeated.
    """
    try:
        parts = urlsplit(address.reveal())
        labels = (parts.hostname or "").rstrip(".").split(".")
        usable = parts.scheme in ("http", "https") and all(labels) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError(name, "holds no address", "allowed is one as https://host/path, which is not shown here")


def deliver(
    address: Secret,
    document: Mapping[str, Any],
    deadline: Deadline,
    remedies: Mapping[int, str],
    hide: tuple[Secret, ...] = (),
) -> Answer:
    """Post the document until it is taken; return the answer.

    Args:
        address: Where to; it may be a secret as a whole.
        document: What is posted.
        deadline: By when it is given up.
        remedies: What to do, by the status of an answer that refuses it.
        hide: What must not be repeated beside the address.

    Raises:
        NotDelivered: It was not taken.
    """
    answer = post_json(address, document, deadline, hide)
    if not answer.taken:
        remedy = remedies.get(answer.status)
        raise NotDelivered(f"answered {answer.said}{f': {remedy}' if remedy else ''}")
    return answer


def post_json(
    address: Secret, document: Mapping[str, Any], deadline: Deadline, hide: tuple[Secret, ...] = ()
) -> Answer:
    """Post the document, again where that may help: after 429, 5xx and broken connections.

    Args:
        address: Where to; it may be a secret as a whole.
        document: What is posted.
        deadline: By when it is given up.
        hide: What must not be repeated beside the address.

    Returns:
        The answer, also one that refuses the document.

    Raises:
        NotDelivered: There was none that says anything.
    """
    wait = _FIRST_WAIT
    while True:
        try:
            return _post(address, document, deadline, hide)
        except _Again as again:
            pause = max(wait * random.uniform(0.5, 1.0), again.seconds or 0.0)  # noqa: S311 - a pause
            reason = again.reason
        if pause >= deadline.seconds_left:
            # Outside of the handler, so that no traceback leads to the library's words.
            raise NotDelivered(reason)
        time.sleep(pause)
        wait = min(wait * 2, _LONGEST_WAIT)


def _post(address: Secret, document: Mapping[str, Any], deadline: Deadline, hide: tuple[Secret, ...]) -> Answer:
    import requests

    connect = max(0.1, min(CONNECT_SECONDS, deadline.seconds_left))
    read = max(0.1, min(READ_SECONDS, deadline.seconds_left))
    refused, failure = False, None
    try:
        with (
            silence(),
            requests.post(
                address.reveal(),
                json=document,
                timeout=(connect, read),
                allow_redirects=False,
                stream=True,
                auth=_unchanged,
            ) as response,
        ):
            return _answer(response, address, deadline, hide)
    except requests.ConnectTimeout:
        failure = f"no connection within {connect:.0f} s"
    except requests.Timeout:
        failure = f"no answer within {read:.0f} s"
    except requests.exceptions.SSLError as error:
        refused = _is_not_trusted(error)
        failure = "the certificate of the other side is not trusted" if refused else "TLS could not be agreed on"
    except requests.exceptions.InvalidURL:
        refused, failure = True, "the address is none"
    except requests.exceptions.ProxyError:
        failure = "the proxy could not be reached, or refused"
    except requests.ConnectionError as error:
        failure = _why_broken(error)
    except (requests.RequestException, OSError, ValueError) as error:
        failure = f"the connection broke ({type(error).__name__})"
    # Outside of the handlers, so that no traceback leads to the library's words.
    raise NotDelivered(failure) if refused else _Again(failure)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request as it is: without any `auth` the library sends what a .netrc holds."""
    return request


def _is_not_trusted(error: BaseException) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _why_broken(error: BaseException | None) -> str:
    """Return in a word why a connection failed, from the kinds of the errors within; their words hold the address."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        if type(error).__name__ in ("NameResolutionError", "gaierror"):
            return "the name of the host is not known"
        inner = [item for item in error.args if isinstance(item, BaseException)]
        reason = getattr(error, "reason", None)
        error = error.__cause__ or error.__context__ or (reason if isinstance(reason, BaseException) else None)
        error = error or (inner[0] if inner else None)
    return "the connection broke"


def _answer(response: requests.Response, address: Secret, deadline: Deadline, hide: tuple[Secret, ...]) -> Answer:
    status = response.status_code
    if status // 100 == 2:
        # It was taken, whatever becomes of the rest of the answer.
        return Answer(status, _hidden(_body_or_none(response, deadline), address, hide))
    answer = Answer(status, _hidden(_body(response, deadline), address, hide))
    if status == HTTPStatus.TOO_MANY_REQUESTS or status // 100 == 5:
        raise _Again(f"answered {answer.said}", retry_after_seconds(response.headers.get("Retry-After", "")))
    return answer


def _body_or_none(response: requests.Response, deadline: Deadline) -> str:
    import requests

    try:
        return _body(response, deadline)
    except (requests.RequestException, OSError, ValueError):
        return ""


def _body(response: requests.Response, deadline: Deadline) -> str:
    """Return the beginning of the body; one that comes by the byte is not waited for."""
    body = b""
    for piece in response.iter_content(1):
        body += piece
        if len(body) >= _MOST_READ or not deadline.seconds_left:
            break
    return printable(body.decode("utf-8", "replace"), _LONGEST_SAID)


def _hidden(text: str, address: Secret, hide: tuple[Secret, ...]) -> str:
    """Return the text without the address, the parts of its path and other secrets."""
    for secret in (address, *hide):
        text = secret.hidden_in(text)
    parts = urlsplit(address.reveal())
    for part in (*parts.path.split("/"), parts.query, parts.password or ""):
        for form in (part, unquote(part)):
            if len(form) >= _LEAST_SECRET:
                text = text.replace(form, "…")
    return text


class _Silence(logging.Filter):
    """Drops what the library logs in a thread while that is sending."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        return not getattr(self.here, "sending", False)


_SILENCE = _Silence()


@contextmanager
def silence(names: Iterable[str] = TALKATIVE) -> Iterator[None]:
    """Keep libraries from logging addresses in this thread.

    Args:
        names: Of their loggers.
    """
    for name in names:
        # Added once, however often it is asked for.
        logging.getLogger(name).addFilter(_SILENCE)
    _SILENCE.here.sending = True
    try:
        yield
    finally:
        _SILENCE.here.sending = False
