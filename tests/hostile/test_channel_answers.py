"""Answers that are no acceptance, redirections, certificates, and answers that quote a secret."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from drift_checks.alerts.channels.apprise_urls import AppriseUrl
from drift_checks.alerts.channels.base import Channel, Deadline, NotDelivered
from drift_checks.alerts.channels.pagerduty import PagerDuty
from drift_checks.alerts.channels.slack import Slack
from drift_checks.core.secrets import Secret
from tests.support.alert_messages import message
from tests.support.raw_server import RawServer, answer, answering, raw_server

pytestmark = pytest.mark.server

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "sEcReT+sEcReT/sEcReT"
SUCCESS = json.dumps({"status": "success", "message": "Event processed"})
CHANNELS: dict[str, Callable[[str], Channel]] = {
    "slack": lambda address: Slack(Secret(f"{address}/services/T0/B0/{TOKEN}")),
    "pagerduty": lambda address: PagerDuty(Secret(KEY), f"{address}/v2/enqueue", {}),
    "apprise": lambda address: AppriseUrl(Secret(f"{address.replace('http', 'json', 1)}/{TOKEN}")),
}


def outcome(channel: str, server: RawServer, scheme: str = "http", seconds: float = 4.0) -> str:
    """Send a message; return the outcome."""
    try:
        made = CHANNELS[channel](f"{scheme}://{server.address}")
        return f"delivered: {made.send(message(), Deadline.after(seconds))}"
    except NotDelivered as error:
        return str(error)


@pytest.mark.parametrize(
    ("channel", "status", "body", "delivered"),
    [
        ("slack", "200 OK", "ok", True),
        ("slack", "200 OK", " ok\n", True),
        ("slack", "200 OK", '{"ok": false, "error": "invalid_blocks"}', False),
        ("slack", "200 OK", "", False),
        ("slack", "200 OK", "okay", False),
        ("slack", "204 No Content", "", False),
        ("slack", "200 OK", "<html>Log in</html>", False),
        ("pagerduty", "202 Accepted", SUCCESS, True),
        ("pagerduty", "202 Accepted", '{"status": "throttle exceeded"}', False),
        ("pagerduty", "202 Accepted", '{"status": ["success"]}', False),
        ("pagerduty", "202 Accepted", "[" * 100_000, False),
        ("pagerduty", "200 OK", "<html>Log in</html>", False),
        ("apprise", "200 OK", "{}", True),
        ("apprise", "200 OK", "fine", True),
        ("apprise", "200 OK", '{"ok": true}', True),
        ("apprise", "200 OK", '{"ok": false, "error": "no_such_room"}', False),
        ("apprise", "200 OK", '{"success": false, "message": "no_such_room"}', False),
        ("apprise", "200 OK", '{"status": "error"}', False),
        ("apprise", "200 OK", "Webhook message delivery failed with error: 429", False),
    ],
)
def test_delivered_means_accepted(channel: str, status: str, body: str, delivered: bool) -> None:
    """A refusal gives the service's reason, and is not tried again."""
    with raw_server(answering(answer(body, status))) as server:
        found = outcome(channel, server)
    assert found.startswith("delivered") == delivered, found
    assert len(server.received) == 1
    if not delivered:
        assert f"answered {status[:3]}" in found
        assert all(word in found for word in ("invalid_blocks", "no_such_room", "throttle exceeded") if word in body)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_no_message_follows_a_redirection_to_another_origin(channel: str, status: str) -> None:
    """The outcome says where it pointed, without what the address may hold."""
    with raw_server(answering(answer("ok"))) as other:
        origin = f"http://localhost:{other.port}"
        there = f"{origin.replace('//', '//user:hunter2@')}/{TOKEN}?{TOKEN}"
        with raw_server(answering(answer("", status, f"Location: {there}"), answer("ok"))) as server:
            found = outcome(channel, server)
    assert other.received == []
    assert len(server.received) == 1
    assert f"{status[:3]}" in found
    assert f"a redirection to {origin} that is not followed" in found
    assert not any(secret in found for secret in (TOKEN, "hunter2", "sEcReT"))


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://127.0.0.1/", "https://127.0.0.1"),
        ("//elsewhere.invalid/x", "http://elsewhere.invalid"),
        ("http://[broken", "an invalid address"),
        ("ftp://127.0.0.1/x", "ftp://127.0.0.1"),
        (f"https://{KEY}.example.invalid/", "https://….example.invalid"),
    ],
)
def test_every_destination_is_named(location: str, named: str) -> None:
    """Also a strange one."""
    with raw_server(answering(answer("", "307 Temporary", f"Location: {location}"))) as server:
        assert f"a redirection to {named} that is not followed" in outcome("pagerduty", server)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_redirection_at_the_same_origin_keeps_the_message(channel: str) -> None:
    """307 and 308 send it again; the others would send a request without it, whose answer says nothing."""
    accepted = answer(SUCCESS if channel == "pagerduty" else "ok", "202 Accepted")
    for status, followed in (("308 Permanent", True), ("302 Found", False)):
        with raw_server(answering(answer("", status, "Location: /new"), accepted)) as server:
            assert outcome(channel, server).startswith("delivered") == followed
        assert len(set(server.received)) == 1
    with raw_server(answering(answer("", "308 Permanent", "Location: /new"))) as server:
        assert "redirects without an end" in outcome(channel, server)


def contexts(folder: Path) -> dict[str, ssl.SSLContext]:
    """Return servers' certificates that nobody must trust, and a sound one; write its authority's to a file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    found = {}
    for name in ("sound", "other host", "expired", "self-signed"):
        found[name] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    authority.issue_cert("127.0.0.1").configure_cert(found["sound"])
    authority.issue_cert("mail.example.com").configure_cert(found["other host"])
    authority.issue_cert("127.0.0.1", not_after=past).configure_cert(found["expired"])
    trustme.CA().issue_cert("127.0.0.1").configure_cert(found["self-signed"])
    return found


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_message_is_sent_to_a_server_without_a_valid_certificate(
    channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome says what is wrong with it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    reasons = {"other host": "mismatch", "expired": "has expired", "self-signed": "unable to get"}
    accepted = answer(SUCCESS if channel == "pagerduty" else "ok")
    for name, context in contexts(tmp_path).items():
        with raw_server(answering(accepted), tls=context) as server:
            found = outcome(channel, server, "https")
        if name == "sound":
            assert found.startswith("delivered")
            continue
        assert reasons[name] in found
        assert "certificate is not trusted" in found
        assert server.received == []


FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a URL": lambda text: quote(text, safe=""),
    "in a URL twice": lambda text: quote(quote(text, safe="")),
    "in JSON": json.dumps,
    "in JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "in base64": lambda text: b64encode(text.encode()).decode(),
    "in longer base64": lambda text: b64encode(f"\0user\0{text}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_an_answer_that_quotes_a_secret_is_masked(channel: str, form: str) -> None:
    """The address, the token in it, or the routing key; the rest of the answer is shown on one line."""
    shown = [FORMS[form](secret) for secret in (KEY if channel == "pagerduty" else TOKEN, f"/services/T0/B0/{TOKEN}")]
    shown = shown[:1] if channel != "slack" else shown
    body = f"refused\r\n\x1b[31m{' and '.join(shown)}\x00 because"
    with raw_server(answering(answer(body, "404 Not Found"))) as server:
        found = outcome(channel, server)
    assert not any(quoted.strip('"') in found for quoted in shown), found
    assert "sEcReT" not in found
    assert "refused" in found
    assert found.isprintable()


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("HTTP_PROXY", "socks5://127.0.0.1:1", "the proxy in HTTP_PROXY could not be reached"),
        ("http_proxy", "127.0.0.1:1", "the proxy in http_proxy could not be reached"),
        ("ALL_PROXY", "http://ann:hunter2@127.0.0.1:1", "the proxy in ALL_PROXY could not be reached"),
        ("HTTP_PROXY", "http://", "HTTP_PROXY is not the address of a proxy"),
        ("HTTP_PROXY", "ftp://ann:hunter2@127.0.0.1:1", "HTTP_PROXY is not the address of a proxy"),
        ("HTTP_PROXY", "http://127.0.0.1:port", "HTTP_PROXY is not the address of a proxy"),
        ("HTTP_PROXY", "http://[broken", "HTTP_PROXY is not the address of a proxy"),
        ("HTTP_PROXY", "http://ann:hunter2 @127.0.0.1:1", "proxy"),
    ],
)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable(
    channel: str, variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address, which may hold a password, is not shown; NO_PROXY leads around it."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    accepted = answer(SUCCESS if channel == "pagerduty" else "ok")
    with raw_server(answering(accepted)) as server:
        found = outcome(channel, server, seconds=1)
        assert named in found
        assert "hunter2" not in found
        assert server.received == []
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert outcome(channel, server).startswith("delivered")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "problem"), [(None, "does not exist"), ("no certificate", "holds no certificate in PEM form")]
)
@pytest.mark.parametrize("channel", CHANNELS)
def test_certificates_that_cannot_be_used_are_named_by_their_variable(
    channel: str, variable: str, content: str | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: waiting does not help."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(variable, str(file))
    with raw_server(answering(answer("ok")), tls=contexts(tmp_path)["sound"]) as server:
        found = outcome(channel, server, "https")
    assert found.startswith(f"{variable} names ")
    assert found.endswith(f", which {problem}")
