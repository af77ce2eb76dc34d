"""Mail, by SMTP (RFC 5321), as a text and an HTML part with the report attached."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from functools import partial
from pathlib import Path

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.mail import compose_mail
from drift_checks.alerts.channels.smtp_client import connected, host_name
from drift_checks.alerts.channels.smtp_url import MailServer, read_url
from drift_checks.alerts.message import Message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.core.text import printable
from drift_checks.settings.pairs import is_mail_address

VARIABLE = "DRIFT_SMTP_URL"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0
_LONGEST_SAID = 200
_NO_TLS = (
    f"the server offers no TLS, without which no password is sent: take smtps:// or another port in {VARIABLE}, or"
    " leave starttls=required out where no password is needed"
)
_NO_MAIL_SERVER = f"what answers there is no mail server: look to host and port in {VARIABLE}"
# What became of each recipient: the answer of the server.
_Refused = dict[str, tuple[int, bytes]]
_ACCEPTED = (250, b"")


class _Again(Exception):
    """It may go better later; the text says why it did not."""


class Email:
    """Sends mail.

    Args:
        server: The server's address with user and password, a secret.
        to: Who gets it; where it is empty, the address's own `to`.
        sender: Whom it is from; where it is None, the address's own `from`, else this program at this host.

    Raises:
        SettingError: The address of the server or of a person is none, nobody would get it, or a password would go over
            a network in clear.
    """

    name = key = "email"

    def __init__(self, server: Secret, to: Sequence[str], sender: str | None) -> None:
        self._secret = server
        self._server = read_url(VARIABLE, server)
        self._to = tuple(to) or self._server.to
        self._sender = sender or self._server.sender or f"drift-checks@{host_name()}"
        if not self._to:
            raise SettingError(
                "email-to",
                f"is not set, and mail is configured by {VARIABLE}",
                "name who gets it, as in --drift-email-to oncall@example.com, or leave email out of alerts",
            )
        _check_addresses("email-to", self._to)
        _check_addresses("email-from", [self._sender])
        _check_login(self._server)
        self._context = _trusted(self._server)

    def payload(self, message: Message) -> str:
        """Return the mail, but for its HTML part and what is attached."""
        mail = self._mail(message)
        text = mail.get_body(("plain",))
        assert text is not None
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
        attached = "".join(f"\n[attached: {part.get_filename()}]" for part in mail.iter_attachments())
        return f"{headers}\n\n{text.get_content()}{attached}".rstrip()

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the mail; return what the server said.

        Raises:
            NotDelivered: Nobody got it.
        """
        mail = self._mail(message)
        pause = _FIRST_PAUSE
        waiting: Sequence[str] = self._to
        refused: _Refused = {}
        while True:
            failure: str | None = None
            try:
                refused |= dict.fromkeys(waiting, _ACCEPTED) | self._try(mail, waiting, deadline)
                waiting = [to for to in waiting if 400 <= refused[to][0] < 500]
            except _Again as again:
                failure = str(again)
            if not waiting or pause >= deadline.seconds_left:
                break
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        # Outside of the handler, so that no traceback leads to the library's words.
        return self._outcome(refused, failure)

    def _outcome(self, answers: _Refused, failure: str | None) -> str:
        """Return what came of it for each recipient.

        Raises:
            NotDelivered: Nobody got it.
        """
        refused = {to: answer for to, answer in answers.items() if answer != _ACCEPTED}
        taken = len(answers) - len(refused)
        if not taken:
            raise NotDelivered(failure or f"nobody was accepted: {self._told(refused)}")
        some = f"; {self._told(refused)}" if refused else ""
        return f"accepted for {taken} of {len(self._to)} recipients{some}"

    def _mail(self, message: Message) -> EmailMessage:
        # A path with a NUL names no file.
        report = Path(message.report) if message.report and "\0" not in message.report else None
        return compose_mail(message, self._sender, self._to, report)

    def _try(self, mail: EmailMessage, to: Sequence[str], deadline: Deadline) -> _Refused:
        """Hand the mail over for these recipients; return whom the server refused.

        Raises:
            NotDelivered: Nobody will get it.
            _Again: It may go better later.
        """
        raise_later: Callable[[], Exception]
        try:
            return self._deliver(mail, to, deadline)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise_later = partial(_of_codes, codes, f"nobody was accepted: {self._told(error.recipients)}")
        except smtplib.SMTPAuthenticationError as error:
            said = f"the server refused the login ({error.smtp_code}): look to user and password in {VARIABLE}"
            raise_later = partial(_of_codes, [error.smtp_code], said)
        except smtplib.SMTPResponseException as error:
            said = f"the server answered {error.smtp_code} {self._hidden(error.smtp_error)}"
            raise_later = partial(_of_codes, [error.smtp_code], said if error.smtp_code > 0 else _NO_MAIL_SERVER)
        except smtplib.SMTPNotSupportedError:
            raise_later = partial(NotDelivered, f"the server offers no login: take user and password out of {VARIABLE}")
        except ssl.SSLError as error:
            raise_later = _of_tls(error)
        except (smtplib.SMTPException, OSError) as error:
            raise_later = partial(_Again, _why_broken(error, deadline))
        raise raise_later()

    def _deliver(self, mail: EmailMessage, to: Sequence[str], deadline: Deadline) -> _Refused:
        """Hand the mail over; return whom the server refused, while it took it for others."""
        # Not every server takes bytes above 127 (RFC 6152), so that none are sent.
        content = mail.as_bytes(policy=WIRE.clone(cte_type="7bit"))
        with connected(self._server, self._context, deadline) as client:
            client.ehlo_or_helo_if_needed()
            offered = client.has_extn("starttls")
            if not self._server.tls and self._server.starttls(offered=offered):
                if not offered:
                    raise NotDelivered(_NO_TLS)
                client.starttls(context=self._context)
                client.ehlo_or_helo_if_needed()
            if self._server.user:
                client.login(self._server.user, self._server.password)
            return client.sendmail(self._sender, to, content)

    def _told(self, refused: _Refused) -> str:
        return "; ".join(f"{to} refused: {code} {self._hidden(said)}" for to, (code, said) in refused.items())

    def _hidden(self, said: bytes | str) -> str:
        text = said if isinstance(said, str) else said.decode("utf-8", "replace")
        for secret in (self._secret.reveal(), self._server.user, self._server.password):
            text = text.replace(secret, "…") if secret else text
        return printable(text, _LONGEST_SAID)


def _check_addresses(setting: str, addresses: Sequence[str]) -> None:
    for address in addresses:
        if not is_mail_address(address):
            raise SettingError(
                setting, f"{printable(address)!r} is no mail address", "allowed is one as oncall@example.com"
            )


def _check_login(server: MailServer) -> None:
    if not (server.user + server.password).isascii():
        raise SettingError(
            VARIABLE,
            "user or password holds a letter that is not ASCII, with which nobody can log in here",
            "choose a password of ASCII characters for this program",
        )
    if server.user and not (server.tls or server.is_here or server.starttls(offered=False)):
        raise SettingError(
            VARIABLE,
            "with starttls=never the password would go over the network in clear",
            "leave starttls=never out (allowed with a password only for a server at this machine), or take smtps://",
        )


def _trusted(server: MailServer) -> ssl.SSLContext:
    """Return what certificates are held against."""
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except OSError as error:
        # An error of TLS has a code there, which tells nobody anything.
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingError(
            VARIABLE, f"its ca_file cannot be read ({reason})", "allowed is a file of certificates in the form PEM"
        ) from None


def _of_codes(codes: Sequence[int], said: str) -> Exception:
    """Return the error: what is temporary is tried again (RFC 5321, 4.2.1)."""
    return _Again(said) if any(400 <= code < 500 for code in codes) else NotDelivered(said)


def _of_tls(error: ssl.SSLError) -> Callable[[], Exception]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return partial(NotDelivered, f"the server's certificate is not trusted: look to host and ca_file in {VARIABLE}")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return partial(_Again, "the connection broke while TLS was agreed on")
    return partial(
        NotDelivered, f"TLS could not be agreed on: look to smtp:// or smtps://, and to the port, in {VARIABLE}"
    )


def _why_broken(error: Exception, deadline: Deadline) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: look to host and port in {VARIABLE}"
    # The library tells of what was too late as of a connection that broke.
    if isinstance(error, TimeoutError) or not deadline.seconds_left or "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return f"the name of the host is not known: look to {VARIABLE}"
    return f"the connection broke ({type(error).__name__})"
