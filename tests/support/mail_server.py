"""A mail server that accepts, refuses or hangs on demand, with its own TLS certificate and login."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import quote

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# Each has a character that must be written as %XX in an address.
USER, PASSWORD = "alerts@example.com", "s3cret/pass@word#9"
# The end, so that a client that would wait forever fails its test.
_MOST_DRIPPED = 40
PLAIN, STARTTLS, TLS = "plain", "starttls", "tls"


@dataclass
class MailServer:
    """What the server does and what it got; every part may be changed and read while it runs.

    `ca_file` makes its certificate trusted. With `login`, USER has to log in with PASSWORD. `refused` recipients get
    550, those for `later` get 450 once, then 550 if they are in `refused_later`. `replies` and `login_replies` answer
    the next mails and logins, as in `451 try later`; if it hangs, it counts the mails `held`. `recipients` are those of
    each accepted mail, `attempts` counts all beginnings, and `eight_bit` says whether a mail had bytes above 127.
    """

    ca_file: Path
    security: str = PLAIN
    login: bool = False
    refused: tuple[str, ...] = ()
    later: set[str] = field(default_factory=set)
    refused_later: tuple[str, ...] = ()
    replies: list[str] = field(default_factory=list)
    login_replies: list[str] = field(default_factory=list)
    hang: bool = False
    held: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[tuple[str, ...]] = field(default_factory=list)
    attempts: int = 0
    port: int = 0
    eight_bit: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def url(self) -> str:
        """Its URL, with user and password if they are needed, and the certificate if there is TLS."""
        scheme = "smtps" if self.security == TLS else "smtp"
        login = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@" if self.login else ""
        query = "" if self.security == PLAIN else f"?ca_file={quote(str(self.ca_file))}"
        return f"{scheme}://{login}127.0.0.1:{self.port}{query}"

    async def handle_MAIL(  # noqa: N802 - the library's name, as those below
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Count the mail, and refuse it if a login is missing."""
        with self._lock:
            self.attempts += 1
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse the recipients that are to be refused, permanently or once."""
        if address in self.refused or (address in self.refused_later and address not in self.later):
            return "550 5.1.1 no such user"
        if address in self.later:
            self.later.remove(address)
            return "450 4.2.0 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Give the next answer, else accept the mail."""
        if self.hang:
            self.held += 1
            await asyncio.sleep(3600)
        content = envelope.original_content or b""
        with self._lock:
            if self.replies:
                return self.replies.pop(0)
            self.eight_bit = self.eight_bit or not content.isascii()
            mail = message_from_bytes(content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(tuple(envelope.rcpt_tos))
        return "250 2.0.0 taken"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Check the login."""
        with self._lock:
            if self.login_replies:
                return AuthResult(success=False, handled=False, message=self.login_replies.pop(0))
        right = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


class _Controller(Controller):
    """Listens on a free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(folder: Path, *, security: str = PLAIN, login: bool = False, **more: Any) -> Iterator[MailServer]:
    """Run a mail server in the background, with its certificate in the folder and further attributes."""
    ca_file = folder / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    server = MailServer(ca_file, security, login, **more)
    options: dict[str, Any] = {"authenticator": server.authenticate}
    # Without TLS, a login that requires it is not offered.
    options |= {"auth_require_tls": security == STARTTLS or not login}
    if security == STARTTLS:
        options |= {"tls_context": context}
    if security == TLS:
        options |= {"ssl_context": context}
    controller = _Controller(server, hostname="127.0.0.1", port=0, **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop(no_assert=True)


@contextmanager
def dripping_server(greeting: bytes = b"220 ", pause: float = 0.2) -> Iterator[int]:
    """Run a server that answers with a greeting, then byte by byte without an end; yield its port."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip(taken: socket.socket) -> None:
            with taken:
                try:
                    taken.sendall(greeting)
                    for _ in range(_MOST_DRIPPED):
                        if over.wait(pause):
                            return
                        taken.sendall(b"x")
                except OSError:
                    return

        def accept() -> None:
            while not over.is_set():
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                Thread(target=drip, args=(taken,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            # Closing alone would not wake the thread that accepts, and the port would stay open.
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
