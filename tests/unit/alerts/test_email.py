"""Mail, received by a server of its own."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from hypothesis import given, settings

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.email import Email
from drift_checks.alerts.composing import trial_message
from drift_checks.alerts.message import Kind, Message
from drift_checks.credentials import Secret
from drift_checks.errors import SettingError
from drift_checks.reporting.history.recorded import StoreIdentity
from tests.support.alert_messages import HOSTILE, LONG, MESSAGES, hostile, message
from tests.support.mail_server import PASSWORD, PLAIN, STARTTLS, TLS, USER, MailServer, dripping_server, mail_server

TO = ("ann@example.com", "bob@example.com", "eve@example.com")
SENDER = "drift@example.org"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """A server that takes all mail, without TLS or login."""
    with mail_server(tmp_path) as running:
        yield running


def channel(url: str, to: tuple[str, ...] = TO, sender: str | None = SENDER) -> Email:
    """Return the channel to a server."""
    return Email(Secret(url), to, sender)


# Certificates are read for every channel, which takes longer than a mail does.
COMPOSER = channel("smtp://127.0.0.1")


def received(server: MailServer, sent: Message) -> EmailMessage:
    """Return the mail as which a message arrives."""
    channel(server.url).send(sent, Deadline.after(5))
    return server.mails[-1]


def composed(made: Message) -> EmailMessage:
    """Return a message's mail, written and read again as it would be on the way."""
    mail = COMPOSER._mail(made)
    parsed = message_from_bytes(mail.as_bytes(policy=SMTP.clone(cte_type="7bit")), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    """Return the plain or html part."""
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


def test_a_mail_has_the_headers_of_its_run(server: MailServer) -> None:
    """Whom it is from and for, what it is about, and that a program sent it."""
    before = datetime.now(UTC).replace(microsecond=0)
    mail = received(server, message())
    assert mail["Subject"].startswith("CRITICAL · risk.db · 30 of 50 agree")
    assert (mail["From"], mail["To"]) == (SENDER, ", ".join(TO))
    assert mail["Message-ID"] == "<20260115T020000Z-abc123.change.0123456789abcdef@example.org>"
    assert mail["In-Reply-To"] == mail["References"] == "<drift-checks.0123456789abcdef@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert before <= parsedate_to_datetime(mail["Date"]) <= datetime.now(UTC)
    assert server.recipients == [TO]


def test_a_mail_that_is_sent_twice_is_the_same_mail(server: MailServer) -> None:
    """One of another kind, or of another run, is another one of the same thread."""
    changes: list[dict[str, Any]] = [{}, {}, {"kind": Kind.REMINDER}, {"run_id": "20260116T020000Z-abc123"}]
    mails = [received(server, message(**change)) for change in changes]
    first, again, *others = [mail["Message-ID"] for mail in mails]
    assert first == again
    assert len({first, *others}) == 3
    assert len({mail["References"] for mail in mails}) == 1


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_each_part_says_what_one_has_to_know(server: MailServer, kind: str) -> None:
    """Figures, estimate, changes, criteria, disagreements, acknowledgements, where it is from and how to repeat it."""
    text = part(received(server, message()), kind)
    shown = " ".join((Page(text).text if kind == "html" else text).split())
    for expected in (
        "30 of 50 agree, 60 % (46–72 %); 85 % wanted",
        "of the whole store, as estimated: 70 % (60–80 %)",
        "agreement 90 % → 60 %",
        "20 of 50 disagree, 40 %",
        "Read the disagreements.",
        "12: financial → regulatory (confidence 0.62 → 0.91)",
        "We are subject to laws and regulations.",
        "19 disagreements more",
        "1 item acknowledged",
        "record 7 (fraud → loan) is acknowledged no more",
        "cd /srv && python -m drift_checks --drift-db=/data/risk.db",
        "20260115T020000Z-abc123 on reviewer-1, 2026-01-15T02:00:00Z",
    ):
        assert expected.lower() in shown.lower()
    assert str(message().report_url) in text


def test_the_text_part_fits_a_terminal() -> None:
    """Of 72 columns, but for what is copied: addresses and commands."""
    long = " ".join(["word"] * 100)
    lines = part(composed(message(changes=(long,), headline=long)), "plain").splitlines()
    assert max(len(line) for line in lines if not line.startswith(("report: ", "repeat: "))) <= 72


@pytest.mark.parametrize("text", [HOSTILE, "&" * 100_000, "a\rb\nc\x00d"])
def test_a_hostile_text_adds_nothing_to_a_page(text: str) -> None:
    """It stands there as text: no element, no link and no style comes from it."""
    made, plain = Page(part(composed(hostile(text)), "html")), Page(part(composed(hostile("x")), "html"))
    assert made.tags == plain.tags
    assert made.attributes == plain.attributes
    assert "alert(1)" in made.text or text != HOSTILE


@pytest.mark.parametrize("text", [HOSTILE, LONG, "a\rb\nc\x00d", "\u202etxt\x9b31m\u2066"])
def test_a_hostile_text_steers_no_terminal(text: str) -> None:
    """Control characters and marks of direction are seen in both parts, and texts are cut."""
    mail = composed(hostile(text))
    for content in (part(mail, "plain"), part(mail, "html")):
        assert not set(content) & {*map(chr, range(10)), *map(chr, range(11, 32)), "\x9b", "\u202e", "\u2066"}
        assert len(content) < 250_000


@pytest.mark.parametrize("text", [HOSTILE, "a\r\nBcc: all@example.com", "a\nb", "a\rb", "a\x0bb\u2028c"])
@pytest.mark.parametrize("field", ["headline", "db", "table", "collection", "host", "repeat", "report", "started"])
def test_no_text_becomes_a_header(field: str, text: str) -> None:
    """Whichever it is, the mail has the headers that it has without it."""
    changed: dict[str, Any] = {field: text}
    assert composed(message(**changed)).keys() == composed(message()).keys()


@settings(max_examples=40)
@given(MESSAGES)
def test_every_message_becomes_a_mail(made: Message) -> None:
    """With the same headers, a short subject of one line, and two parts that load nothing."""
    mail = composed(made)
    assert mail.keys() == composed(message()).keys()
    assert len(mail["Subject"]) <= 150
    assert "\n" not in mail["Subject"]
    assert [item.get_content_type() for item in mail.iter_parts()] == ["text/plain", "text/html"]
    page = Page(part(mail, "html"))
    assert not page.tags & {"script", "img", "link", "iframe", "object", "style", "form"}
    assert {value for name, value in page.attributes if name in ("href", "src")} <= {made.report_url}


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", None])
def test_only_an_address_of_the_web_is_a_link(address: str | None) -> None:
    """Else the report's path stands there."""
    page = Page(part(composed(message(report_url=address)), "html"))
    assert "a" not in page.tags
    assert message().report in page.text


@pytest.mark.parametrize(("size", "attached"), [(1_000_000, True), (1_000_001, False), (None, False)])
def test_a_report_is_attached_where_it_is_there_and_not_large(
    server: MailServer, tmp_path: Path, size: int | None, attached: bool
) -> None:
    """Unchanged, under the name of its run."""
    report = tmp_path / "index.html"
    content = "é<p>".encode() + b"x" * ((size or 0) - 5)
    if size is not None:
        report.write_bytes(content)
    found = list(received(server, message(report=str(report))).iter_attachments())
    assert len(found) == attached
    for item in found:
        assert item.get_content_type() == "text/html"
        assert item.get_filename() == "drift-report-20260115T020000Z-abc123.html"
        assert item.get_payload(decode=True) == content


def test_a_trial_is_marked_as_one(server: MailServer) -> None:
    """In its subject and in both parts."""
    trial = trial_message(StoreIdentity("/data/a.db", "t", "c"), "2026-01-15T02:00:00Z", None)
    mail = received(server, trial)
    assert "TEST" in mail["Subject"]
    assert "This is a test" in part(mail, "plain")
    assert "This is a test" in part(mail, "html")


def test_a_mail_is_of_ascii_on_the_wire(server: MailServer) -> None:
    """Not every server takes other bytes."""
    received(server, message(headline="é → 😀", changes=("é",)))
    assert not server.eight_bit
    assert server.mails[0]["Subject"] == "é → 😀"


@pytest.mark.parametrize("security", [PLAIN, STARTTLS, TLS])
def test_a_login_works_with_and_without_tls(tmp_path: Path, security: str) -> None:
    """Without TLS at this machine alone; user and password are written with %XX in the address."""
    with mail_server(tmp_path, security=security, login=True) as server:
        assert channel(server.url).send(message(), Deadline.after(5)) == "accepted for 3 of 3 recipients"
        assert len(server.mails) == 1


def test_tls_is_used_where_it_is_offered(tmp_path: Path) -> None:
    """So that a certificate that is not trusted is found, also where nobody logs in."""
    with mail_server(tmp_path, security=STARTTLS) as server, pytest.raises(NotDelivered, match="not trusted"):
        channel(f"smtp://127.0.0.1:{server.port}").send(message(), Deadline.after(5))
    assert not server.mails


@pytest.mark.parametrize("security", [STARTTLS, TLS])
def test_a_certificate_of_another_authority_is_not_trusted(tmp_path: Path, security: str) -> None:
    """And nothing is tried again."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with mail_server(tmp_path, security=security, login=True) as server:
        url = server.url.replace(quote(str(server.ca_file)), quote(str(other)))
        started = time.monotonic()
        with pytest.raises(NotDelivered, match="certificate is not trusted: look to host and ca_file"):
            channel(url).send(message(), Deadline.after(20))
        assert time.monotonic() - started < 10
        assert server.attempts == 0


def test_the_systems_certificates_may_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SSL_CERT_FILE, as for other programs."""
    with mail_server(tmp_path, security=TLS) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        channel(f"smtps://127.0.0.1:{server.port}").send(message(), Deadline.after(5))
        assert len(server.mails) == 1


def test_tls_that_is_required_and_not_offered_is_told(server: MailServer) -> None:
    """Nothing is sent without it."""
    with pytest.raises(NotDelivered, match="the server offers no TLS"):
        channel(f"{server.url}?starttls=required").send(message(), Deadline.after(5))
    assert server.attempts == 0


def test_a_password_asks_for_tls_at_another_host(server: MailServer) -> None:
    """By a name that only looks like another host here, since a test has no network."""
    sender = channel("smtp://user:hunter2@mail.example.com")
    assert sender._server.starttls(offered=False)
    assert sender._server.port == 587


def test_a_password_in_clear_over_a_network_is_refused() -> None:
    """Also where somebody asks for it; at this machine it may be."""
    with pytest.raises(SettingError, match="in clear") as refused:
        channel("smtp://user:hunter2@mail.example.com?starttls=never")
    assert "hunter2" not in str(refused.value)
    channel("smtp://user:hunter2@localhost?starttls=never")
    channel("smtp://mail.example.com?starttls=never")


@pytest.mark.parametrize("security", [PLAIN, STARTTLS, TLS])
def test_a_wrong_password_is_told_and_shown_nowhere(tmp_path: Path, security: str) -> None:
    """Not in the sentence, and not in the traceback."""
    with mail_server(tmp_path, security=security, login=True) as server:
        url = server.url.replace(quote(PASSWORD, safe=""), "hunter2hunter2")
        with pytest.raises(NotDelivered, match=r"refused the login \(535\): look to user and password in") as refused:
            channel(url).send(message(), Deadline.after(5))
        rendered = "".join(traceback.format_exception(refused.value))
        assert not any(secret in rendered for secret in ("hunter2", USER, "smtp://", "smtps://"))
        assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_login_that_is_refused_for_now_is_tried_again(tmp_path: Path) -> None:
    """With a pause; one login may try several mechanisms."""
    with mail_server(tmp_path, login=True, login_replies=["454 4.7.0 later"] * 2) as server:
        channel(server.url).send(message(), Deadline.after(8))
        assert len(server.mails) == 1


def test_a_server_without_login_says_so(server: MailServer) -> None:
    """Where the address has a user."""
    with pytest.raises(NotDelivered, match="offers no login"):
        channel(f"smtp://user:hunter2@127.0.0.1:{server.port}").send(message(), Deadline.after(5))


def test_what_is_refused_for_now_is_sent_again(server: MailServer) -> None:
    """Until it is taken."""
    server.replies = ["451 4.3.0 try later"]
    assert channel(server.url).send(message(), Deadline.after(8)) == "accepted for 3 of 3 recipients"
    assert (server.attempts, len(server.mails)) == (2, 1)


def test_what_is_refused_for_good_is_not_sent_again(server: MailServer) -> None:
    """The answer is told."""
    server.replies = ["554 5.7.1 no drift here\x1b[31m"]
    with pytest.raises(NotDelivered, match=r"answered 554 5\.7\.1 no drift here\ufffd"):
        channel(server.url).send(message(), Deadline.after(8))
    assert server.attempts == 1


def test_what_is_refused_for_now_until_the_end_is_told(server: MailServer) -> None:
    """Within the time."""
    server.replies = ["451 4.3.0 try later"] * 100
    with pytest.raises(NotDelivered, match=r"answered 451 4\.3\.0 try later"):
        channel(server.url).send(message(), Deadline.after(1))
    assert server.attempts == 2


def test_a_server_cannot_have_a_password_repeated(tmp_path: Path) -> None:
    """Where its answer quotes it."""
    said = f"554 who is {USER} with {PASSWORD}"
    with (
        mail_server(tmp_path, login=True, replies=[said]) as server,
        pytest.raises(NotDelivered, match="answered 554 who is … with …"),
    ):
        channel(server.url).send(message(), Deadline.after(5))


def test_those_who_are_refused_are_told_where_others_are_not(server: MailServer) -> None:
    """The mail counts as delivered."""
    server.refused = ("bob@example.com",)
    said = channel(server.url).send(message(), Deadline.after(5))
    assert said == "accepted for 2 of 3 recipients; bob@example.com refused: 550 5.1.1 no such user"


def test_a_mail_that_nobody_gets_is_not_delivered(server: MailServer) -> None:
    """All are told of."""
    server.refused = TO
    with pytest.raises(NotDelivered, match=r"nobody was accepted: ann.* 550 .*; bob.* 550 .*; eve.* 550"):
        channel(server.url).send(message(), Deadline.after(5))
    assert server.attempts == 1


def test_a_refused_connection_is_told(server: MailServer) -> None:
    """After trying again."""
    with dripping_server() as port:
        pass
    with pytest.raises(NotDelivered, match="connection refused"):
        channel(f"smtp://127.0.0.1:{port}").send(message(), Deadline.after(0.3))


def test_a_server_that_hangs_does_not_outlast_the_deadline(server: MailServer) -> None:
    """Though it took the connection and the mail."""
    server.hang = True
    started = time.monotonic()
    with pytest.raises(NotDelivered, match="no answer in time"):
        channel(server.url).send(message(), Deadline.after(1))
    assert time.monotonic() - started < 2.5


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_server_that_drips_does_not_outlast_the_deadline(scheme: str) -> None:
    """Though something comes all the time, before or within the agreement on TLS."""
    started = time.monotonic()
    # The head of a record of TLS that announces a long handshake.
    greeting = b"220 " if scheme == "smtp" else b"\x16\x03\x03\x40\x00\x02\x00\x3f\xf0"
    with dripping_server(greeting) as port, pytest.raises(NotDelivered, match="no answer in time"):
        channel(f"{scheme}://127.0.0.1:{port}").send(message(), Deadline.after(1))
    assert time.monotonic() - started < 2.5


def test_what_is_no_mail_server_is_told() -> None:
    """As a server of another kind behind the port."""
    with dripping_server(b"SSH-2.0-OpenSSH\r\n") as port, pytest.raises(NotDelivered, match="is no mail server"):
        channel(f"smtp://127.0.0.1:{port}").send(message(), Deadline.after(5))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "http://user:hunter2@mail.example.com",
        "smtp://",
        "smtp://user:hunter2@",
        "smtp://user:hunter2@mail.example.com:port",
        "smtp://user:hunter2@mail.example.com:99999",
        "smtp://user:hunter2@mail.example.com/path",
        "smtp://user:hun/ter2@mail.example.com",
        "smtp://user:hunter2@mail.example.com?starttls=perhaps",
        "smtp://user:hunter2@mail.example.com?unknown=1",
        "smtp://user:hunter2@mail.example.com?to=nobody",
        "smtp://user:hunter2@mail.example.com?from=nobody",
        "smtps://user:hunter2@mail.example.com?ca_file=/nowhere/ca.pem",
        "smtps://user:hunter2%C3%A9@mail.example.com",
        "smtp://[user:hunter2",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    """It holds a password."""
    with pytest.raises(SettingError) as refused:
        channel(url)
    rendered = "".join(traceback.format_exception(refused.value))
    assert "DRIFT_SMTP_URL" in str(refused.value)
    assert not any(secret in rendered.rpartition("SettingError")[2] for secret in ("hunter2", "ter2", "user:hun"))


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@example.com", "a@example.com\nBcc: b@example.com", "Ann <a@b.c>"]
)
def test_what_is_no_mail_address_is_refused(address: str) -> None:
    """Of those who get it, and of the one it is from."""
    with pytest.raises(SettingError, match=r"email-to: .* is no mail address"):
        channel("smtp://127.0.0.1", (address,))
    if address:
        with pytest.raises(SettingError, match=r"email-from: .* is no mail address"):
            channel("smtp://127.0.0.1", TO, address)


def test_somebody_has_to_get_it() -> None:
    """Else the setting is named."""
    with pytest.raises(SettingError, match="email-to: is not set"):
        channel("smtp://127.0.0.1", ())


def test_the_address_may_say_who_gets_it(server: MailServer) -> None:
    """Where the settings do not."""
    url = f"{server.url}?to=ops@example.com,dev@example.com&from=robot@example.com"
    channel(url, (), None).send(message(), Deadline.after(5))
    channel(url).send(message(), Deadline.after(5))
    assert [mail["From"] for mail in server.mails] == ["robot@example.com", SENDER]
    assert server.recipients == [("ops@example.com", "dev@example.com"), TO]


def test_by_default_it_is_from_this_program_at_this_host(server: MailServer) -> None:
    """So that one knows which machine it was."""
    channel(server.url, TO, None).send(message(), Deadline.after(5))
    assert server.mails[0]["From"].startswith("drift-checks@")


def test_the_payload_of_a_dry_run_is_the_mail_without_its_page(tmp_path: Path) -> None:
    """What is attached is named, and no secret is in it."""
    report = tmp_path / "index.html"
    report.write_text("<p>the report")
    payload = channel("smtp://user:hunter2@localhost").payload(message(report=str(report)))
    assert "Subject: CRITICAL · risk.db" in payload
    assert "30 of 50 agree, 60 %" in payload
    assert "[attached: drift-report-20260115T020000Z-abc123.html]" in payload
    assert not any(hidden in payload for hidden in ("hunter2", "<p>", "smtp://"))
