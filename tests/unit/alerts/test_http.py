"""Posting to an address that is shown nowhere."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from drift_checks.alerts.channels.base import Deadline, NotDelivered, TryAgain, keep_trying
from drift_checks.alerts.channels.http import Endpoint, post_json
from drift_checks.core.secrets import Secret
from tests.support.alert_server import CUT, CUT_BODY, HANG, SLACK_PATH, AlertServer, Step
from tests.support.ports import closed_port
from tests.support.waiting import PATIENCE


@pytest.fixture
def server() -> Iterator[AlertServer]:
    """A server that accepts everything at first."""
    with AlertServer().running() as running:
        yield running


def endpoint(address: str) -> Endpoint:
    """Return an endpoint whose every answer with 2xx accepts a document."""
    return Endpoint("SLACK_WEBHOOK_URL", Secret(address), lambda body: True, {})


def post(server: AlertServer, seconds: float = PATIENCE) -> str:
    """Post to the webhook; return the answer."""
    document = {"text": "a", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "a"}}]}
    return post_json(endpoint(server.webhook), document, Deadline.after(seconds)).phrase


@pytest.mark.parametrize(
    "step", [(429, "rate_limited", "0.2"), (429, "rate_limited"), (500, "oops"), (503, ""), CUT], ids=str
)
def test_a_failure_that_may_pass_is_tried_again(server: AlertServer, step: Step) -> None:
    """429, 5xx and a broken connection."""
    server.then(SLACK_PATH, step)
    assert post(server) == "200 ok"
    assert server.attempts == {SLACK_PATH: 2}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
def test_a_refusal_is_not_tried_again(server: AlertServer, status: int) -> None:
    """It would be refused again."""
    server.always(SLACK_PATH, (status, "no"))
    with pytest.raises(NotDelivered, match=f"^answered {status} no$"):
        post(server)
    assert server.attempts == {SLACK_PATH: 1}


def test_a_retry_after_header_is_obeyed(server: AlertServer) -> None:
    """In seconds, or as a date, which has no fractions of a second."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    server.then(SLACK_PATH, (429, "", "1"), (429, "", date))
    began = time.monotonic()
    post(server)
    assert 1.5 <= time.monotonic() - began < PATIENCE


def test_a_retry_after_of_zero_still_means_a_pause(server: AlertServer) -> None:
    """A server that answers so for ever is not flooded."""
    server.always(SLACK_PATH, (429, "", "0"))
    with pytest.raises(NotDelivered):
        post(server, seconds=2)
    assert server.attempts[SLACK_PATH] <= 5


def test_an_accepted_document_is_not_sent_again_for_a_broken_answer(server: AlertServer) -> None:
    """What arrived of it is enough."""
    server.then(SLACK_PATH, CUT_BODY)
    assert post(server) == "200 ok"
    assert server.attempts == {SLACK_PATH: 1}


def test_a_netrc_is_not_read(server: AlertServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its passwords are for other hosts."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ann password of-ann\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    post(server)
    assert server.authorizations == [None]


def test_a_retry_after_beyond_the_deadline_ends_at_once(server: AlertServer) -> None:
    """The next run tries again."""
    server.always(SLACK_PATH, (429, "rate_limited", "3600"))
    began = time.monotonic()
    with pytest.raises(NotDelivered, match=r"answered 429 rate_limited, and asks to wait until 20..-.*Z$"):
        post(server)
    assert time.monotonic() - began < PATIENCE
    assert server.attempts == {SLACK_PATH: 1}


def test_a_failure_after_the_deadline_asks_for_no_time() -> None:
    """Only what the other side asked for is reported as asked for."""

    def attempt() -> None:
        raise TryAgain("no answer in time")

    with pytest.raises(NotDelivered, match=r"^no answer in time$"):
        keep_trying(attempt, Deadline.after(0))


@pytest.mark.parametrize("step", [HANG, (500, "oops"), CUT], ids=str)
def test_the_deadline_is_kept(server: AlertServer, step: Step) -> None:
    """Whatever the server does."""
    server.always(SLACK_PATH, step)
    began = time.monotonic()
    with pytest.raises(NotDelivered):
        post(server, seconds=1.5)
    assert time.monotonic() - began < PATIENCE


def test_the_address_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the traceback with everything that led to it, nor in a log of any level."""
    caplog.set_level(logging.DEBUG)
    with (
        closed_port() as port,
        pytest.raises(NotDelivered, match=r"^connection refused: check SLACK_WEBHOOK_URL$") as error,
    ):
        post_json(endpoint(f"http://127.0.0.1:{port}{SLACK_PATH}"), {}, Deadline.after(2))
    shown = "".join(traceback.format_exception(error.value, chain=True)) + caplog.text
    assert SLACK_PATH not in shown
    assert "sEcReT" not in shown
    assert (error.value.__cause__, error.value.__context__) == (None, None)


def test_an_answer_that_quotes_the_address_is_repeated_without_it(
    server: AlertServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As error pages do; the library is silent only meanwhile."""
    caplog.set_level(logging.DEBUG)
    server.always(SLACK_PATH, (404, f"Nothing at {SLACK_PATH} nor {server.webhook}"))
    with pytest.raises(NotDelivered, match=r"^answered 404 Nothing at") as refused:
        post(server)
    assert "sEcReT" not in str(refused.value) + caplog.text
    logging.getLogger("urllib3.connectionpool").debug("of somebody else")
    assert "of somebody else" in caplog.text


def test_a_long_answer_is_cut(server: AlertServer) -> None:
    """And not read to its end."""
    server.then(SLACK_PATH, (200, "x" * 100_000))
    assert len(post(server)) < 300
