"""Channels whose server answers without an end, byte by byte, with a bomb, or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest

from tests.hostile.conftest import probe
from tests.support.raw_server import Peer, RawServer, answer, answering, bomb, flooding, raw_server
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.server

Handle = Callable[[RawServer, Peer], None]
OK = b"HTTP/1.1 200 OK\r\n"
LONG = b"x" * 65_536
HTTP: dict[str, Handle] = {
    "a body without an end": flooding(OK + b"\r\n", LONG),
    "chunks without an end": flooding(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + LONG + b"\r\n"),
    "a bomb": answering(answer(bomb(500), "200 OK", "Content-Encoding: gzip")),
    "a bomb in a refusal": answering(answer(bomb(500), "404 Not Found", "Content-Encoding: gzip")),
    "a compression that was not asked for": answering(answer(b"\x00" * 5000, "200 OK", "Content-Encoding: br")),
    "a body byte by byte": flooding(OK + b"Content-Length: 9999\r\n\r\n", b"x", 0.05),
    "headers byte by byte": flooding(OK + b"X-Long: ", b"x", 0.05),
    "headers without an end": flooding(OK, b"X-Header: " + b"x" * 1000 + b"\r\n"),
    "a header without an end": flooding(OK + b"X-Header: ", LONG),
    "nothing": flooding(b"", b"", 0.05),
}
URLS = {
    "slack": "http://{}/services/T0/B0/sEcReTsEcReT",
    "pagerduty": "http://{}/v2/enqueue",
    "apprise": "json://{}/sEcReTsEcReT",
}


@pytest.mark.parametrize("attack", HTTP)
@pytest.mark.parametrize("channel", ["slack", "pagerduty"])
def test_no_http_answer_exhausts_a_run(channel: str, attack: str) -> None:
    """It takes a few MiB, ends at the deadline, and counts as a refusal."""
    with raw_server(HTTP[attack]) as server:
        found = probe(channel, URLS[channel].format(server.address), 2)
    assert (found.memory < 40, found.seconds < 8) == (True, True), found
    assert not found.outcome.startswith("delivered"), found
    assert len(found.outcome) < 500


@pytest.mark.parametrize(
    "attack", ["a body without an end", "a bomb in a refusal", "a header without an end", "nothing"]
)
def test_no_answer_to_apprise_exhausts_a_run(attack: str) -> None:
    """Its plugins send through the same sessions; a generic web service accepts by its status."""
    with raw_server(HTTP[attack]) as server:
        found = probe("apprise", URLS["apprise"].format(server.address), 2)
    assert (found.memory < 40, found.seconds < 8) == (True, True), found
    assert found.outcome.startswith("delivered") == (attack == "a body without an end")


def smtp(greeting: bytes, piece: bytes, pause: float = 0.0) -> Handle:
    """Return a mail server that answers the first command with pieces without an end."""

    def handle(server: RawServer, peer: Peer) -> None:
        peer.send(greeting)
        if greeting:
            peer.line()
        peer.flood(piece, pause)

    return handle


@pytest.mark.parametrize(
    ("greeting", "piece", "pause", "outcome"),
    [
        (b"220 mail\r\n", b"250-x\r\n" * 1000, 0.0, "has no end"),
        (b"220 mail\r\n", b"250-AUTH=PLAIN\r\n" * 1000, 0.0, "has no end"),
        (b"220 mail\r\n", b"2" * 65_536, 0.0, "has no end"),
        (b"", b"220-x\r\n" * 1000, 0.0, "has no end"),
        (b"220 mail\r\n", b"250-x\r\n", 0.05, "no answer in time"),
        (b"", b"", 0.05, "no answer in time"),
    ],
    ids=["lines", "logins", "a line", "a greeting", "slow lines", "nothing"],
)
def test_no_mail_server_exhausts_a_run(greeting: bytes, piece: bytes, pause: float, outcome: str) -> None:
    """It takes a few MiB, and ends at the deadline."""
    with raw_server(smtp(greeting, piece, pause)) as server:
        found = probe("email", f"smtp://{server.address}", 2)
    assert (found.memory < 20, found.seconds < 8) == (True, True), found
    assert outcome in found.outcome


def test_apprise_mails_through_the_same_client() -> None:
    """A plugin's own would read without an end."""
    with raw_server(smtp(b"220 mail\r\n", b"250-x\r\n" * 1000)) as server:
        url = f"mailto://ann:hunter2@example.com:{server.port}?smtp=127.0.0.1&mode=insecure&to=bob@example.com"
        found = probe("apprise", url, PATIENCE)
    assert (found.memory < 20, found.seconds < PATIENCE / 2) == (True, True), found


@pytest.mark.parametrize(("channel", "body"), [("slack", "ok"), ("pagerduty", json.dumps({"status": "success"}))])
def test_a_compressed_answer_is_understood(channel: str, body: str) -> None:
    """A proxy may compress what nobody asked it to."""
    accepting = answer(gzip.compress(body.encode()), "202 Accepted", "Content-Encoding: gzip")
    with raw_server(answering(accepting)) as server:
        assert probe(channel, URLS[channel].format(server.address)).outcome.startswith("delivered: 202")
