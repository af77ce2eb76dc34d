"""A JSON document posted to an address that is shown nowhere, until it is accepted or the time is over."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from drift_checks.alerts.channels.base import Deadline, NotDelivered, TryAgain, keep_trying
from drift_checks.alerts.channels.certificates import why_untrusted
from drift_checks.core.errors import SettingError
from drift_checks.core.instants import retry_after_seconds
from drift_checks.core.secrets import Secret, address_parts, masked_line

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
# They log the path of each request, which is the secret.
TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")
_IN_NO_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f\"'<>\\^`{|}]")
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Answer:
    """An answer: its status and body, and the beginning of the body on one line and without any secret.

    `points_to` is the origin of a redirection that was not followed, empty without one.
    """

    status: int
    body: str
    text: str
    points_to: str = ""

    @property
    def phrase(self) -> str:
        """The answer in a phrase, as in `404 no_service`."""
        redirection = f", a redirection to {self.points_to} that is not followed" if self.points_to else ""
        return f"{self.status} {self.text}".strip() + redirection


@dataclass(frozen=True)
class Endpoint:
    """Where documents are posted.

    `setting` is the variable or setting with the `address`; `accepts` says of a body with a status of 2xx whether the
    document was accepted, and `remedies` what to do, by the status of a refusal; `hide` are secrets beside the address.
    """

    setting: str
    address: Secret
    accepts: Callable[[str], bool]
    remedies: Mapping[int, str]
    hide: tuple[Secret, ...] = ()

    def obstacle(self) -> str:
        """Return what in the environment keeps documents from being posted, empty if nothing does."""
        from drift_checks.alerts.channels.session import environment_fault

        return environment_fault(self.address.reveal())


def check_address(name: str, address: Secret) -> None:
    """Raise SettingError, which does not repeat the address, if nothing can be posted to it."""
    text = address.reveal()
    if _IN_NO_ADDRESS.search(text):
        raise SettingError(
            name,
            "is not a valid address: it holds a space, a quotation mark or another character that no address has",
            "it must be like https://host/path; its value is not shown here",
        )
    try:
        parts = urlsplit(text)
        labels = (parts.hostname or "").rstrip(".").split(".")
        usable = parts.scheme in ("http", "https") and all(labels) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingError(
            name, "is not a valid address", "it must be like https://host/path; its value is not shown here"
        )


def post_json(endpoint: Endpoint, document: Mapping[str, Any], deadline: Deadline) -> Answer:
    """Post the document, again after 429, 5xx and broken connections; return the answer that accepts it.

    Raises:
        NotDelivered: It was not accepted.
    """
    return keep_trying(lambda: _post(endpoint, document, deadline), deadline)


def _post(endpoint: Endpoint, document: Mapping[str, Any], deadline: Deadline) -> Answer:
    import requests

    from drift_checks.alerts.channels.session import Session

    address = endpoint.address.reveal()
    connect = max(0.1, min(CONNECT_SECONDS, deadline.seconds_left))
    read = max(0.1, min(READ_SECONDS, deadline.seconds_left))
    try:
        with silence(), Session(deadline) as session:
            response = session.post(address, json=document, timeout=(connect, read))
        return _accepted(response, endpoint)
    except (requests.RequestException, OSError, ValueError) as error:
        failure = why_failed(error, address, endpoint.setting)
    # Raised outside the handler, so that no traceback leads to the library's words.
    raise failure


def _accepted(response: requests.Response, endpoint: Endpoint) -> Answer:
    """Return the answer if it accepts the document."""
    answer = read_answer(response, (*address_parts(endpoint.address), *endpoint.hide))
    status = answer.status
    if status // 100 == 2 and endpoint.accepts(answer.body):
        return answer
    reason = f"answered {answer.phrase}"
    if status in _LATER or status // 100 == 5:
        raise TryAgain(reason, retry_after_seconds(response.headers.get("Retry-After", "")))
    if status // 100 == 2:
        raise NotDelivered(f"{reason}, which does not say that the message was accepted: check {endpoint.setting}")
    remedy = endpoint.remedies.get(status) or (f"check {endpoint.setting}" if status // 100 == 3 else "")
    raise NotDelivered(f"{reason}{f': {remedy}' if remedy else ''}")


def read_answer(response: requests.Response, secrets: Iterable[Secret]) -> Answer:
    """Return an answer, in which the secrets are masked; the origin of a redirection too."""
    from drift_checks.alerts.channels.session import destination

    secrets = tuple(secrets)
    body = response.content.decode("utf-8", "replace").removeprefix("\ufeff")
    points_to = masked_line(destination(response), secrets)
    return Answer(response.status_code, body, masked_line(body, secrets), points_to)


def why_failed(error: Exception, address: str, setting: str) -> NotDelivered | TryAgain:
    """Return why no answer came, without the library's words, which hold the address."""
    import requests

    from drift_checks.alerts.channels.session import UnusableEnvironment, proxy_variable

    if isinstance(error, UnusableEnvironment):
        return NotDelivered(str(error))
    if isinstance(error, requests.TooManyRedirects):
        return NotDelivered(f"the server redirects without an end: check {setting}")
    if untrusted := why_untrusted(error):
        return NotDelivered(
            f"the server's certificate is not trusted ({untrusted}): check {setting}, or name the file with your own"
            " authority's certificate in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return NotDelivered(f"the address is not valid: check {setting}")
    proxy = proxy_variable(address)
    if isinstance(error, requests.exceptions.ProxyError) or (proxy and isinstance(error, requests.ConnectionError)):
        return TryAgain(f"the proxy in {proxy} could not be reached, or did not connect to the server")
    if isinstance(error, requests.ConnectTimeout):
        return TryAgain(f"no connection within {CONNECT_SECONDS:.0f} s")
    if isinstance(error, requests.Timeout):
        return TryAgain(f"no answer within {READ_SECONDS:.0f} s")
    if isinstance(error, requests.exceptions.SSLError):
        return TryAgain(f"no TLS connection could be made: check https:// and the port in {setting}")
    if isinstance(error, requests.ConnectionError):
        return TryAgain(_why_broken(error, setting))
    return TryAgain(f"the connection broke ({type(error).__name__})")


def _why_broken(error: BaseException | None, setting: str) -> str:
    """Return why a connection failed, by the types of the errors within."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ConnectionRefusedError):
            return f"connection refused: check {setting}"
        if type(error).__name__ in ("NameResolutionError", "gaierror"):
            return f"the host's name cannot be resolved: check {setting}"
        inner = [item for item in (getattr(error, "reason", None), *error.args) if isinstance(item, BaseException)]
        error = error.__cause__ or error.__context__ or next(iter(inner), None)
    return "the connection broke"


class _Silence(logging.Filter):
    """Keeps from the log what a library logs in a thread that is sending."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        withheld: list[str] | None = getattr(self.here, "withheld", None)
        if withheld is not None:
            withheld.append(record.getMessage())
        return withheld is None


_SILENCE = _Silence()


@contextmanager
def silence(loggers: Iterable[str] = TALKATIVE) -> Iterator[list[str]]:
    """Keep libraries from logging addresses in this thread; yield what they would have logged."""
    for name in loggers:
        # A logger adds the same filter only once.
        logging.getLogger(name).addFilter(_SILENCE)
    outer: list[str] | None = getattr(_SILENCE.here, "withheld", None)
    _SILENCE.here.withheld = [] if outer is None else outer
    try:
        yield _SILENCE.here.withheld
    finally:
        _SILENCE.here.withheld = outer
