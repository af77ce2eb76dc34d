"""Posting to an address that nothing shows."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.http import Answer, post_json
from drift_checks.core.secrets import Secret
from tests.support.alert_server import CUT, CUT_BODY, HANG, SLACK_PATH, AlertServer, Step


@pytest.fixture
def server() -> Iterator[AlertServer]:
    """A server that takes everything until it is told otherwise."""
    with AlertServer().running() as running:
        yield running


def post(server: AlertServer, seconds: float = 5.0) -> Answer:
    """Post to the webhook."""
    document = {"text": "a", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "a"}}]}
    return post_json(Secret(server.webhook), document, Deadline.after(seconds))


@pytest.mark.parametrize(
    "step", [(429, "rate_limited", "0.2"), (429, "rate_limited"), (500, "oops"), (503, ""), CUT], ids=str
)
def test_what_may_pass_is_tried_again(server: AlertServer, step: Step) -> None:
    """429, 5xx and a broken connection."""
    server.then(SLACK_PATH, step)
    assert post(server).said == "200 ok"
    assert server.attempts == {SLACK_PATH: 2}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 301, 302, 307])
def test_what_will_not_pass_is_not_tried_again(server: AlertServer, status: int) -> None:
    """Nor is a redirection followed: a secret goes to nobody else."""
    server.always(SLACK_PATH, (status, "no"))
    assert post(server).status == status
    assert server.attempts == {SLACK_PATH: 1}


def test_the_other_side_is_left_alone_for_as_long_as_it_wants(server: AlertServer) -> None:
    """Retry-After in seconds."""
    server.then(SLACK_PATH, (429, "", "1"))
    began = time.monotonic()
    post(server)
    assert time.monotonic() - began >= 1


def test_a_date_to_come_back_is_understood(server: AlertServer) -> None:
    """Retry-After as a date."""
    server.then(SLACK_PATH, (429, "", format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)))
    began = time.monotonic()
    post(server)
    assert 0.5 < time.monotonic() - began < 4


@pytest.mark.parametrize("again", ["0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_who_may_come_back_at_once_is_still_left_alone_for_a_while(server: AlertServer, again: str) -> None:
    """A server that answers so for ever is not flooded."""
    server.always(SLACK_PATH, (429, "", again))
    with pytest.raises(NotDelivered):
        post(server, seconds=2)
    assert server.attempts[SLACK_PATH] <= 5


def test_what_was_taken_is_not_sent_again_for_a_broken_answer(server: AlertServer) -> None:
    """The status says it."""
    server.then(SLACK_PATH, CUT_BODY)
    assert post(server).status == 200
    assert server.attempts == {SLACK_PATH: 1}


def test_a_netrc_is_not_read(server: AlertServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its passwords are for other hosts, or for nobody but those who put them there."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login ann password of-ann\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    post(server)
    assert server.authorizations == [None]


def test_who_is_to_come_back_after_the_deadline_gives_up_at_once(server: AlertServer) -> None:
    """The next run tries again."""
    server.always(SLACK_PATH, (429, "rate_limited", "3600"))
    began = time.monotonic()
    with pytest.raises(NotDelivered, match="answered 429 rate_limited"):
        post(server)
    assert time.monotonic() - began < 2
    assert server.attempts == {SLACK_PATH: 1}


@pytest.mark.parametrize("step", [HANG, (500, "oops"), CUT], ids=str)
def test_the_deadline_is_kept(server: AlertServer, step: Step) -> None:
    """Whatever the other side does."""
    server.always(SLACK_PATH, step)
    began = time.monotonic()
    with pytest.raises(NotDelivered):
        post(server, seconds=1.5)
    assert time.monotonic() - began < 4


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_refused_connection_is_told_in_words() -> None:
    """Not in those of the library."""
    address = Secret(f"http://127.0.0.1:{closed_port()}{SLACK_PATH}")
    with pytest.raises(NotDelivered, match=r"^connection refused$"):
        post_json(address, {}, Deadline.after(1))


def test_the_address_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the traceback with all that led to it, nor in a log of whatever level."""
    caplog.set_level(logging.DEBUG)
    address = Secret(f"http://127.0.0.1:{closed_port()}{SLACK_PATH}")
    with pytest.raises(NotDelivered) as error:
        post_json(address, {}, Deadline.after(1))
    said = "".join(traceback.format_exception(error.value, chain=True)) + caplog.text
    assert SLACK_PATH not in said
    assert "sEcReT" not in said
    assert error.value.__cause__ is None
    assert error.value.__context__ is None


def test_an_answer_that_quotes_the_address_is_told_without_it(
    server: AlertServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As error pages do."""
    caplog.set_level(logging.DEBUG)
    server.always(SLACK_PATH, (404, f"Nothing at {SLACK_PATH} nor {server.webhook}"))
    answer = post(server)
    assert "sEcReT" not in answer.said + caplog.text
    assert answer.said.startswith("404 Nothing at")


def test_others_may_log_what_they_send(server: AlertServer, caplog: pytest.LogCaptureFixture) -> None:
    """The library is silent while alerts are sent, not afterwards."""
    post(server)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug("of somebody else")
    assert "of somebody else" in caplog.text


def test_a_long_answer_is_cut(server: AlertServer) -> None:
    """And read no further."""
    server.then(SLACK_PATH, (200, "x" * 100_000))
    assert len(post(server).said) < 300
