"""Mail servers that require a login, refuse, hang and break."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.core.errors import SettingError
from tests.support.alert_messages import message
from tests.support.mail_server import PASSWORD, PLAIN, STARTTLS, TLS, USER, MailServer, dripping_server, mail_server
from tests.support.mails import SENDER, TO, channel
from tests.support.ports import closed_port
from tests.support.waiting import PATIENCE

BOB, OTHERS = "bob@example.com", ("ann@example.com", "eve@example.com")


@pytest.mark.parametrize("security", [PLAIN, STARTTLS, TLS])
def test_a_login_works_with_and_without_tls(tmp_path: Path, security: str) -> None:
    """Without TLS only on this machine; user and password are written with %XX in the address."""
    with mail_server(tmp_path, security=security, login=True) as server:
        assert channel(server.url).send(message(), Deadline.after(PATIENCE)) == "accepted for 3 of 3 recipients"
        assert len(server.mails) == 1


def test_tls_is_used_if_it_is_offered(tmp_path: Path) -> None:
    """So that an untrusted certificate is found, also without a login."""
    with mail_server(tmp_path, security=STARTTLS) as server, pytest.raises(NotDelivered, match="not trusted"):
        channel(f"smtp://127.0.0.1:{server.port}").send(message(), Deadline.after(PATIENCE))
    assert not server.mails


@pytest.mark.parametrize("security", [STARTTLS, TLS])
def test_a_certificate_of_another_authority_is_not_trusted(tmp_path: Path, security: str) -> None:
    """Nothing is tried again."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with mail_server(tmp_path, security=security, login=True) as server:
        url = server.url.replace(quote(str(server.ca_file)), quote(str(other)))
        started = time.monotonic()
        with pytest.raises(NotDelivered, match=r"not trusted \(unable to get .*\): check host and ca_file"):
            channel(url).send(message(), Deadline.after(20))
        assert time.monotonic() - started < 10
        assert server.attempts == 0


def test_the_environment_may_name_the_systems_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With SSL_CERT_FILE, as for other programs."""
    with mail_server(tmp_path, security=TLS) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        channel(f"smtps://127.0.0.1:{server.port}").send(message(), Deadline.after(PATIENCE))
        assert len(server.mails) == 1


def test_required_tls_that_is_not_offered_is_reported(server: MailServer) -> None:
    """Nothing is sent without it."""
    with pytest.raises(NotDelivered, match="the server offers no TLS"):
        channel(f"{server.url}?starttls=required").send(message(), Deadline.after(PATIENCE))
    assert server.attempts == 0


def test_a_password_requires_tls_on_another_host() -> None:
    """Even if the URL asks for clear text; on this machine it is allowed."""
    server = channel("smtp://user:hunter2@mail.example.com")._server
    assert (server.starttls(offered=False), server.port) == (True, 587)
    with pytest.raises(SettingError, match="in clear text") as refused:
        channel("smtp://user:hunter2@mail.example.com?starttls=never")
    assert "hunter2" not in str(refused.value)
    channel("smtp://user:hunter2@localhost?starttls=never")
    channel("smtp://mail.example.com?starttls=never")


@pytest.mark.parametrize("security", [PLAIN, STARTTLS, TLS])
def test_a_wrong_password_is_reported_and_shown_nowhere(tmp_path: Path, security: str) -> None:
    """Neither in the message nor in the traceback."""
    with mail_server(tmp_path, security=security, login=True) as server:
        url = server.url.replace(quote(PASSWORD, safe=""), "hunter2hunter2")
        with pytest.raises(NotDelivered, match=r"refused the login \(535\): check user and password in") as refused:
            channel(url).send(message(), Deadline.after(PATIENCE))
        rendered = "".join(traceback.format_exception(refused.value))
        assert not any(secret in rendered for secret in ("hunter2", USER, "smtp://", "smtps://"))
        assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_server_without_login_says_so(server: MailServer) -> None:
    """If the address has a user."""
    with pytest.raises(NotDelivered, match="offers no login"):
        channel(f"smtp://user:hunter2@127.0.0.1:{server.port}").send(message(), Deadline.after(PATIENCE))


def test_a_login_or_a_mail_that_is_refused_temporarily_is_tried_again(tmp_path: Path) -> None:
    """After a pause, until it is accepted; one login may try several mechanisms."""
    logins, mails = ["454 4.7.0 later"] * 2, ["451 4.3.0 try later"]
    with mail_server(tmp_path, login=True, login_replies=logins, replies=mails) as server:
        assert channel(server.url).send(message(), Deadline.after(PATIENCE)) == "accepted for 3 of 3 recipients"
    assert (server.attempts, len(server.mails)) == (2, 1)


def test_a_mail_that_is_refused_permanently_is_not_sent_again(server: MailServer) -> None:
    """The answer is the reason."""
    server.replies = ["554 5.7.1 no drift here\x1b[31m"]
    with pytest.raises(NotDelivered, match=r"answered 554 5\.7\.1 no drift here\ufffd"):
        channel(server.url).send(message(), Deadline.after(PATIENCE))
    assert server.attempts == 1


def test_the_last_answer_is_the_reason_at_the_deadline(server: MailServer) -> None:
    """After further attempts."""
    server.replies = ["451 4.3.0 try later"] * 100
    with pytest.raises(NotDelivered, match=r"answered 451 4\.3\.0 try later"):
        channel(server.url).send(message(), Deadline.after(4))
    assert server.attempts >= 2


def test_a_password_that_the_server_quotes_is_not_repeated(tmp_path: Path) -> None:
    """Nor the user."""
    said = f"554 who is {USER} with {PASSWORD}"
    with (
        mail_server(tmp_path, login=True, replies=[said]) as server,
        pytest.raises(NotDelivered, match="answered 554 who is … with …"),
    ):
        channel(server.url).send(message(), Deadline.after(PATIENCE))


@pytest.mark.parametrize(
    ("refused", "later", "refused_later", "recipients"),
    [
        # The mail counts as delivered, and must not be sent to the others again.
        ((BOB,), set(), (), [OTHERS]),
        ((), {BOB}, (BOB,), [OTHERS]),
        ((), {BOB}, (), [OTHERS, (BOB,)]),
    ],
    ids=["at once", "at last", "for a while"],
)
def test_a_refused_recipient_keeps_no_other_from_the_mail(
    server: MailServer,
    refused: tuple[str, ...],
    later: set[str],
    refused_later: tuple[str, ...],
    recipients: list[tuple[str, ...]],
) -> None:
    """One that is refused for a while is tried again alone; one that is refused for good is named."""
    server.refused, server.later, server.refused_later = refused, {*later}, refused_later
    answer = channel(server.url).send(message(), Deadline.after(PATIENCE))
    number, reason = (2, f"; {BOB} refused: 550 5.1.1 no such user") if refused or refused_later else (3, "")
    assert answer == f"accepted for {number} of 3 recipients{reason}"
    assert server.recipients == recipients


def test_a_mail_without_any_recipient_left_is_not_delivered(server: MailServer) -> None:
    """All answers are the reason."""
    server.refused = TO
    with pytest.raises(NotDelivered, match=r"no recipient was accepted: ann.* 550 .*; bob.* 550 .*; eve.* 550"):
        channel(server.url).send(message(), Deadline.after(PATIENCE))
    assert server.attempts == 1


def test_a_refused_connection_is_reported(server: MailServer) -> None:
    """After further attempts."""
    with closed_port() as port, pytest.raises(NotDelivered, match="connection refused"):
        channel(f"smtp://127.0.0.1:{port}").send(message(), Deadline.after(2))


def test_a_server_that_hangs_does_not_outlast_the_deadline(server: MailServer) -> None:
    """Although it took the connection and the mail."""
    server.hang = True
    started = time.monotonic()
    with pytest.raises(NotDelivered, match="no answer in time"):
        channel(server.url).send(message(), Deadline.after(1))
    assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_drips_does_not_outlast_the_deadline(scheme: str) -> None:
    """Although something arrives all the time, before or within the TLS handshake."""
    started = time.monotonic()
    # The head of a TLS record that announces a long handshake.
    greeting = b"220 " if scheme == "smtp" else b"\x16\x03\x03\x40\x00\x02\x00\x3f\xf0"
    with dripping_server(greeting) as port, pytest.raises(NotDelivered, match="no answer in time"):
        channel(f"{scheme}://127.0.0.1:{port}").send(message(), Deadline.after(1))
    assert time.monotonic() - started < PATIENCE


def test_another_kind_of_server_is_reported() -> None:
    """It is behind the port."""
    with dripping_server(b"SSH-2.0-OpenSSH\r\n") as port, pytest.raises(NotDelivered, match="is not a mail server"):
        channel(f"smtp://127.0.0.1:{port}").send(message(), Deadline.after(PATIENCE))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp://",
        "smtp://user:hunter2@mail.example.com:port",
        "smtp://user:hunter2@mail.example.com/path",
        "smtp://user:hun/ter2@mail.example.com",
        "smtp://user:hunter2@mail.example.com?starttls=perhaps",
        "smtp://user:hunter2@mail.example.com?unknown=1",
        "smtp://user:hunter2@mail.example.com?from=nobody",
        "smtps://user:hunter2@mail.example.com?ca_file=/nowhere/ca.pem",
        "smtps://user:hunter2%C3%A9@mail.example.com",
        "smtp://[user:hunter2",
    ],
)
def test_an_invalid_url_is_refused_and_not_repeated(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(SettingError) as refused:
        channel(url)
    rendered = "".join(traceback.format_exception(refused.value))
    assert "DRIFT_SMTP_URL" in str(refused.value)
    assert not any(secret in rendered.rpartition("SettingError")[2] for secret in ("hunter2", "ter2", "user:hun"))


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@example.com", "a@example.com\nBcc: b@example.com", "Ann <a@b.c>"]
)
def test_an_invalid_mail_address_is_refused(address: str) -> None:
    """Of a recipient or the sender."""
    with pytest.raises(SettingError, match=r"email-to: .* is not a valid mail address"):
        channel("smtp://127.0.0.1", (address,))
    if address:
        with pytest.raises(SettingError, match=r"email-from: .* is not a valid mail address"):
            channel("smtp://127.0.0.1", TO, address)


def test_a_recipient_is_required() -> None:
    """The error names the setting."""
    with pytest.raises(SettingError, match="email-to: is not set"):
        channel("smtp://127.0.0.1", ())


def test_the_url_may_name_recipients_and_sender(server: MailServer) -> None:
    """If the settings do not; the default sender is this program at this host."""
    url = f"{server.url}?to=ops@example.com,dev@example.com&from=robot@example.com"
    for sender in (channel(url, (), None), channel(url), channel(server.url, TO, None)):
        sender.send(message(), Deadline.after(PATIENCE))
    robot, ours, default = (mail["From"] for mail in server.mails)
    assert (robot, ours, default.partition("@")[0]) == ("robot@example.com", SENDER, "drift-checks")
    assert server.recipients == [("ops@example.com", "dev@example.com"), TO, TO]


def test_a_dry_run_shows_the_mail_without_its_page(tmp_path: Path) -> None:
    """It names the attachment, and holds no secret."""
    report = tmp_path / "index.html"
    report.write_text("<p>the report")
    payload = channel("smtp://user:hunter2@localhost").payload(message(report=str(report)))
    assert "Subject: CRITICAL · risk.db" in payload
    assert "30 of 50 agree, 60 %" in payload
    assert "[attached: drift-report-20260115T020000Z-abc123.html]" in payload
    assert not any(hidden in payload for hidden in ("hunter2", "<p>", "smtp://"))
