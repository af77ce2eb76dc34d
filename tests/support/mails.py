"""Mail channels for tests, and the mails that arrive."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from html.parser import HTMLParser

from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.email import Email
from drift_checks.alerts.message import Message
from drift_checks.core.secrets import Secret
from tests.support.mail_server import MailServer

TO = ("ann@example.com", "bob@example.com", "eve@example.com")
SENDER = "drift@example.org"


def channel(url: str, to: tuple[str, ...] = TO, sender: str | None = SENDER) -> Email:
    """Return a channel that sends to a server."""
    return Email(Secret(url), to, sender)


# Every channel reads certificates, which takes longer than a mail.
COMPOSER = channel("smtp://127.0.0.1")


def received(server: MailServer, sent: Message) -> EmailMessage:
    """Send a message; return the mail that arrives."""
    channel(server.url).send(sent, Deadline.after(5))
    return server.mails[-1]


def composed(made: Message) -> EmailMessage:
    """Return a message's mail as it arrives, without sending it."""
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
        """Collect an element."""
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data
