"""What is read from the exceptions of any client."""

from __future__ import annotations

import http.client
import inspect
import io
import json
import re
import socket
import unicodedata
import urllib.error
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import requests
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st

from drift_checks.reviews.reviewers.failures import (
    describe,
    is_refused,
    is_transient,
    may_pass,
    place_of,
    retry_after,
    status_of,
    was_answered,
)
from tests.support.classifiers import StatusError

Client = Callable[[int, dict[str, str]], Exception]
NOW = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
REQUEST = httpx.Request("POST", "http://localhost/v1")


def by_httpx(status: int, headers: dict[str, str]) -> Exception:
    """Return what httpx raises."""
    with pytest.raises(httpx.HTTPStatusError) as raised:
        httpx.Response(status, headers=headers, request=REQUEST).raise_for_status()
    return raised.value


def by_openai(status: int, headers: dict[str, str]) -> Exception:
    """Return what openai raises."""
    openai = pytest.importorskip("openai")
    response = httpx.Response(status, headers=headers, request=REQUEST)
    error: Exception = openai.APIStatusError("no", response=response, body=None)
    return error


def by_requests(status: int, headers: dict[str, str]) -> Exception:
    """Return what requests raises."""
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    with pytest.raises(requests.HTTPError) as raised:
        response.raise_for_status()
    return raised.value


def by_urllib(status: int, headers: dict[str, str]) -> Exception:
    """Return what urllib raises."""
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return urllib.error.HTTPError("http://localhost", status, "no", message, io.BytesIO())


def by_aiohttp(status: int, headers: dict[str, str]) -> Exception:
    """Return what aiohttp raises."""
    aiohttp: Any = pytest.importorskip("aiohttp")
    multidict: Any = pytest.importorskip("multidict")
    request = SimpleNamespace(real_url="http://localhost")
    error: Exception = aiohttp.ClientResponseError(
        request, (), status=status, message="no", headers=multidict.CIMultiDict(headers)
    )
    return error


def by_google(status: int, headers: dict[str, str]) -> Exception:
    """Return what google.api_core raises: a code, and the response of requests."""

    class GoogleAPICallError(Exception):
        code = HTTPStatus(status)
        response = getattr(by_requests(status, headers), "response", None)

    return GoogleAPICallError("no")


def by_a_plain_client(status: int, headers: dict[str, str]) -> Exception:
    """Return what a client raises that keeps the headers in a dict."""
    return StatusError(status, headers)


CLIENTS = [by_httpx, by_openai, by_requests, by_urllib, by_aiohttp, by_google, by_a_plain_client]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [400, 401, 403, 408, 409, 429, 500, 504])
def test_a_status_is_found_wherever_clients_keep_it(client: Client, status: int) -> None:
    """408, 409, 429 and server errors are transient; 401 and 403 refuse the credentials; all are answers."""
    error = client(status, {})
    assert (status_of(error), was_answered(error)) == (status, True)
    assert is_transient(error) == (status in {408, 409, 429} or status >= 500)
    assert is_refused(error) == (status in {401, 403})


@pytest.mark.parametrize("holder", ["x", None, True, 200, 3.5, "503", lambda: 503])
def test_what_is_no_status_of_a_failure_is_none(holder: object) -> None:
    """Clients keep other things under the same names."""
    error = RuntimeError("no")
    error.code = error.status = error.response = holder  # type: ignore[attr-defined]
    assert status_of(error) is None


@pytest.mark.parametrize("client", CLIENTS)
def test_retry_after_is_found_wherever_clients_keep_it(client: Client) -> None:
    """Its name may be in any case; without it, there is no wait."""
    assert retry_after(client(429, {"retry-after": "7"})) == retry_after(StatusError(429, {"Retry-After": "7"})) == 7
    assert retry_after(client(429, {})) is None


@given(st.integers(-(10**6), 10**6))
def test_a_date_to_wait_for_is_read(seconds: int) -> None:
    """A past date means no wait."""
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after(StatusError(429, {"retry-after": date}), NOW) == max(0, seconds)


@example("0 JAN 0:0 2200000000")
@example("Thu, 32 Foo 100000 25:61:61 +2400")
@example("inf")
@given(st.text() | st.integers().map(str))
def test_any_header_is_a_wait_or_none(value: str) -> None:
    """Without an exception, and never a negative wait."""
    wait = retry_after(StatusError(429, {"retry-after": value}), NOW)
    assert wait is None or wait >= 0


BROKEN: list[Exception] = [
    ConnectionResetError(),
    ConnectionRefusedError(),
    BrokenPipeError(),
    TimeoutError(),
    http.client.RemoteDisconnected(""),
    requests.ConnectionError(),
    requests.ReadTimeout(),
    requests.ConnectTimeout(),
    httpx.ConnectError(""),
    httpx.ReadError(""),
    httpx.RemoteProtocolError(""),
    httpx.ReadTimeout(""),
    urllib3.exceptions.ProtocolError(),
    urllib3.exceptions.ReadTimeoutError(urllib3.HTTPConnectionPool("localhost"), "/", "no"),
    urllib.error.URLError(ConnectionRefusedError()),
    urllib.error.URLError(TimeoutError()),
    http.client.IncompleteRead(b""),
    requests.exceptions.ChunkedEncodingError(),
    urllib3.exceptions.MaxRetryError(urllib3.HTTPConnectionPool("localhost"), "/"),
]


def name(error: Exception) -> str:
    """Return a name for a parametrized test."""
    return f"{type(error).__module__}-{type(error).__name__}"


@pytest.mark.parametrize("error", BROKEN, ids=name)
def test_a_broken_connection_may_pass(error: Exception) -> None:
    """Whichever client tells of it."""
    assert is_transient(error)


@pytest.mark.parametrize(
    ("library", "kind"),
    [
        *(("aiohttp", kind) for kind in ("ServerDisconnectedError", "ClientOSError", "ServerTimeoutError")),
        *(("openai", kind) for kind in ("APIConnectionError", "APITimeoutError")),
    ],
)
def test_a_broken_connection_of_an_extra_client_is_transient(library: str, kind: str) -> None:
    """By the name of its class."""
    error = getattr(pytest.importorskip(library), kind)
    assert is_transient(error(request=REQUEST) if library == "openai" else error())


OTHERS: list[Exception] = [ValueError("429"), KeyError("category"), OSError("503"), socket.herror(), RuntimeError()]


@pytest.mark.parametrize("error", [*OTHERS, httpx.InvalidURL(""), requests.exceptions.MissingSchema()], ids=name)
def test_other_exceptions_do_not_pass(error: Exception) -> None:
    """Whatever number they mention."""
    assert (is_transient(error), is_refused(error), was_answered(error)) == (False, False, False)


@given(st.text(), st.sampled_from([None, 400, 429, 500]))
def test_a_description_is_one_short_line(message: str, status: int | None) -> None:
    """Without control characters, whatever the exception says."""
    error = RuntimeError(message)
    error.status_code = status  # type: ignore[attr-defined]
    said = describe(error)
    assert 0 < len(said) <= 300
    assert len(said.splitlines()) == 1
    assert not any(unicodedata.category(letter) == "Cc" for letter in said)


@pytest.mark.parametrize(
    "message",
    ["", "out of order", "Error code: 500 - out of order", "x" * 400, "gave up after 1500 ms", "x" * 400 + " 500"],
)
def test_a_description_has_the_status(message: str) -> None:
    """Also if the message seems to have it: in a longer number, or past the end of what is shown."""
    error = StatusError(500)
    error.args = (message,)
    assert re.search(r"\b500\b", describe(error))


def test_a_description_names_the_exception() -> None:
    """Its message may be none, or mean little alone, as a key does."""
    assert (describe(RuntimeError()), describe(KeyError("a"))) == ("RuntimeError", "KeyError: 'a'")


def raised_for(error: Exception, cause: Exception) -> Exception:
    """Return an error that was raised while another was handled."""
    try:
        try:
            raise cause
        except Exception:
            raise error  # noqa: B904 - as users do
    except Exception as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *((StatusError(code), True) for code in (408, 429, 500, 503)),
        *((StatusError(code), False) for code in (400, 404, 422)),
        *((error, True) for error in (TimeoutError(), ConnectionResetError(), OSError(5, "broken"), MemoryError())),
        *(
            (error, False)
            for error in (FileNotFoundError(), PermissionError(), KeyError("a"), RuntimeError(), Exception())
        ),
        *(
            (type(name, (Exception,), {})(), True)
            for name in ("RateLimitError", "ServiceUnavailable", "ThrottlingException")
        ),
        (requests.exceptions.ConnectTimeout(), True),
        (requests.exceptions.MissingSchema(), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.UnsupportedProtocol("no"), False),
        (raised_for(RuntimeError("no answer"), ConnectionRefusedError()), True),
        (raised_for(RuntimeError("no answer"), KeyError("a")), False),
    ],
    ids=repr,
)
def test_tells_an_outage_from_what_does_not_pass(error: Exception, expected: bool) -> None:
    """Also if it was raised for another error."""
    assert may_pass(error) is expected


def test_a_circle_of_causes_ends() -> None:
    """Some libraries raise an error for itself."""
    first, second = KeyError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert not may_pass(first)


def test_names_the_place_in_the_users_code() -> None:
    """Not that in a library which it called, or in this package."""
    with pytest.raises(ValueError) as raised:
        json.loads("{")
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    assert place_of(raised.value).endswith(f"{Path(__file__).name}, line {line}")


@pytest.mark.parametrize("source", ["1 +", "1 / 0"])
def test_code_without_a_file_has_no_place(source: str) -> None:
    """A syntax error names its own place; evaluated code has none, so the caller's is named."""
    with pytest.raises((SyntaxError, ZeroDivisionError)) as raised:
        eval(source)
    assert ("" if source == "1 +" else Path(__file__).name) in place_of(raised.value)
    assert place_of(KeyError()) == ""
