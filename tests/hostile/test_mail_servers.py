"""Mail servers that break the protocol: a mail is delivered only if it was accepted, and then it is sent once."""

from __future__ import annotations

import ssl
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from tests.hostile.test_channel_answers import contexts
from tests.support.alert_messages import message
from tests.support.mails import SENDER, TO, channel
from tests.support.raw_server import Peer, RawServer, mail_dialogue, raw_server

pytestmark = pytest.mark.server

USER, PASSWORD = "ann", "s3cret/pass+word#9"
LOGIN = f"\0{USER}\0{PASSWORD}"


def outcome(url: str, to: tuple[str, ...] = TO[:1], seconds: float = 2.0) -> str:
    """Send a mail; return the outcome."""
    try:
        return f"delivered: {channel(url, to, SENDER).send(message(), Deadline.after(seconds))}"
    except NotDelivered as error:
        return str(error)


def mails(server: RawServer) -> int:
    """Return how many mails were sent to the server."""
    return sum(line.startswith(b"Subject:") for line in server.received)


@pytest.mark.parametrize(
    ("command", "replies", "delivered", "sent"),
    [
        ("MAIL BODY", ["250 taken"], True, 1),
        ("MAIL BODY", ["250-taken\r\n250 indeed"], True, 1),
        ("MAIL BODY", ["250 taken\r\n250 taken"], True, 1),
        ("MAIL BODY", ["250 taken\r\n421 bye"], True, 1),
        ("MAIL BODY", ["250 taken\r\n221 bye"], True, 1),
        ("DATA", ["354 go ahead\r\n354 go ahead"], True, 1),
        ("RCPT", ["250 OK\r\n250 OK"], True, 1),
        ("GREETING", ["220 mail\r\n220 mail"], True, 1),
        ("EHLO", ["250 OK\r\n250 OK"], True, 1),
        ("EHLO", ["250-x\r\n550 no"], True, 1),
        ("MAIL BODY", ["250-taken\r\n550 no"], False, 1),
        ("MAIL BODY", ["550-no\r\n250 taken"], False, 1),
        ("MAIL BODY", ["221 bye"], False, 1),
        ("MAIL BODY", ["251 elsewhere"], False, 1),
        ("MAIL BODY", ["25"], False, 1),
        ("MAIL BODY", ["2500 taken"], False, 1),
        ("MAIL BODY", ["+25 taken"], False, 1),
        ("MAIL BODY", ["\x00\xff"], False, 1),
        ("MAIL BODY", ["554 no"], False, 1),
        ("DATA", ["250 OK"], False, 0),
        ("DATA", ["221 bye"], False, 0),
        ("MAIL", ["221 bye"], False, 0),
        ("RCPT", ["221 bye"], False, 0),
        ("RCPT", ["250-OK\r\n550 no"], False, 0),
        ("GREETING", ["250-x\r\n220 mail"], False, 0),
        ("GREETING", ["HTTP/1.1 400 Bad Request"], False, 0),
        ("GREETING", [""], False, 0),
    ],
)
def test_a_mail_is_delivered_only_if_it_was_accepted(
    command: str, replies: list[str], delivered: bool, sent: int
) -> None:
    """With a 250 after its text, whatever else the server says."""
    with raw_server(mail_dialogue({command: replies})) as server:
        found = outcome(f"smtp://{server.address}")
    assert found.startswith("delivered") == delivered, found
    assert mails(server) == sent
    assert found.isprintable()


@pytest.mark.parametrize("command", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "MAIL BODY"])
def test_a_server_that_shuts_down_gets_the_mail_later(command: str) -> None:
    """With 421, wherever it comes; each recipient counts as delivered only then."""
    replies = {command: ["421 shutting down", "250 OK"]}
    usual = {"GREETING": "220 mail", "DATA": "354 go ahead"}.get(command)
    replies[command][1] = usual or "250 OK"
    with raw_server(mail_dialogue(replies)) as server:
        found = outcome(f"smtp://{server.address}", TO, 6)
    assert found == "delivered: accepted for 3 of 3 recipients"
    assert mails(server) == (2 if command == "MAIL BODY" else 1)
    # An older greeting is tried as well.
    with raw_server(mail_dialogue({command: ["421 bye"], "HELO": ["421 bye"]})) as server:
        assert not outcome(f"smtp://{server.address}", TO, 1.2).startswith("delivered")


@pytest.mark.parametrize("offer", [["STARTTLS"], []])
def test_a_password_is_not_sent_without_the_tls_that_is_required(offer: list[str]) -> None:
    """Whether the server does not offer it, refuses it, or goes on without it."""
    refusing = mail_dialogue({"STARTTLS": ["502 not here"]}, [*offer, "AUTH PLAIN LOGIN"])
    pretending = mail_dialogue({}, [*offer, "AUTH PLAIN LOGIN"], lambda peer: peer.send(b"220 mail\r\n"))
    for dialogue in (refusing, pretending):
        for url in (f"{USER}:{quote(PASSWORD, safe='')}@{{}}?starttls=required", "{}?starttls=required"):
            with raw_server(dialogue) as server:
                found = outcome(f"smtp://{url.format(server.address)}")
            assert not found.startswith("delivered")
            assert "TLS" in found or "502" in found
            said = b"".join(server.received)
            assert not any(word in said for word in (b"AUTH", b"MAIL", PASSWORD.encode()))


def test_what_is_said_before_tls_counts_for_nothing(tmp_path: Path) -> None:
    """Somebody on the way may have added it."""

    def injected(peer: Peer) -> None:
        peer.connection = context.wrap_socket(peer.connection, server_side=True)
        peer._reading = peer.connection.makefile("rb")
        mail_dialogue({"GREETING": ["220 again"]})(inner, peer)

    context, inner = contexts(tmp_path)["sound"], RawServer(0)
    dialogue = mail_dialogue({"STARTTLS": ["220 go ahead\r\n250-injected\r\n250 AUTH PLAIN"]}, ["STARTTLS"], injected)
    ca_file = quote(str(tmp_path / "authority.pem"))
    with raw_server(dialogue) as server:
        found = outcome(f"smtp://{server.address}?starttls=required&ca_file={ca_file}")
    # TLS cannot begin with a line of text.
    assert not found.startswith("delivered")
    assert (mails(server), mails(inner)) == (0, 0)


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
def test_no_mail_is_sent_to_a_server_without_a_valid_certificate(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome says what is wrong with it."""
    reasons = {"other host": "mismatch", "expired": "has expired", "self-signed": "unable to get"}

    def upgrade(context: ssl.SSLContext, server: RawServer) -> object:
        def then(peer: Peer) -> None:
            peer.connection = context.wrap_socket(peer.connection, server_side=True)

        return then

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    for name, context in contexts(tmp_path).items():
        if name == "sound":
            continue
        dialogue = mail_dialogue({}, ["STARTTLS"], upgrade(context, RawServer(0)))  # type: ignore[arg-type]
        with raw_server(dialogue, tls=context if scheme == "smtps" else None) as server:
            found = outcome(f"{scheme}://{server.address}")
        assert reasons[name] in found
        assert "certificate is not trusted" in found
        assert not any(line.startswith((b"MAIL", b"AUTH")) for line in server.received)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with raw_server(mail_dialogue({}), tls=contexts(tmp_path)["sound"]) as server:
        assert "SSL_CERT_FILE names" in outcome(f"smtps://{server.address}")


@pytest.mark.parametrize("command", ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "MAIL BODY"])
def test_a_reply_that_quotes_the_login_is_masked(command: str) -> None:
    """As it is, URL-encoded or in base64."""
    quotes = [PASSWORD, quote(PASSWORD, safe=""), *(b64encode(text.encode()).decode() for text in (PASSWORD, LOGIN))]
    for said in quotes:
        reply = f"554-\x1b[31mno\x07\r\n554 {said} is wrong"
        with raw_server(mail_dialogue({command: [reply], "HELO": [reply]}, ["AUTH PLAIN LOGIN"])) as server:
            url = f"smtp://{USER}:{quote(PASSWORD, safe='')}@{server.address}"
            found = outcome(url.replace("127.0.0.1", "localhost"))
        assert not found.startswith("delivered")
        assert said not in found
        assert PASSWORD not in found
        assert found.isprintable()


@pytest.mark.parametrize("challenge", ["334 ", "334 ====", "334 \xff", "334 dXNlcjo="])
def test_a_login_without_an_end_is_given_up(challenge: str) -> None:
    """Also one with challenges that are none."""
    for mechanism in ("CRAM-MD5", "LOGIN", "PLAIN", "UNKNOWN"):
        with raw_server(mail_dialogue({"AUTH": [challenge]}, [f"AUTH {mechanism}"])) as server:
            found = outcome(f"smtp://{USER}:{quote(PASSWORD, safe='')}@localhost:{server.port}")
        assert not found.startswith("delivered")
        assert PASSWORD not in found
