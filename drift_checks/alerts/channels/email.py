"""Mail, by SMTP (RFC 5321), as a text and an HTML part with the report attached."""

from __future__ import annotations

import os
import smtplib
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path

from drift_checks.alerts.channels.base import Deadline, NotDelivered, TryAgain, keep_trying
from drift_checks.alerts.channels.certificates import why_untrusted, why_unusable
from drift_checks.alerts.channels.mail import compose_mail
from drift_checks.alerts.channels.smtp_client import TooLong, connected, host_name
from drift_checks.alerts.channels.smtp_url import MailServer, read_url
from drift_checks.alerts.message import Message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret, masked_line
from drift_checks.core.text import printable
from drift_checks.settings.pairs import is_mail_address

VARIABLE = "DRIFT_SMTP_URL"
_NO_TLS = (
    "the server offers no TLS, without which no password is sent: use smtps:// or another port in"
    f" {VARIABLE}, or omit starttls=required if no password is needed"
)
_NO_MAIL_SERVER = f"the server that answers is not a mail server: check host and port in {VARIABLE}"
_SENSELESS = "the server's answer cannot be understood, so that nobody knows whether it accepted the mail"
_NO_COMMON_TLS = f"no TLS connection could be made: check smtp:// or smtps://, and the port, in {VARIABLE}"
# By recipient, the code and text of the server's answer.
_Answers = dict[str, tuple[int, bytes]]
_ACCEPTED = (250, b"")


class Email:
    """Sends mail; recipients and sender may be in the server's address, and the default sender names this host.

    Raises:
        SettingError: An address is not valid, there is no recipient, or a password would cross a network in clear text.
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
                f"is not set, but mail is configured by {VARIABLE}",
                "name the recipients, as in --drift-email-to=oncall@example.com, or omit email from alerts",
            )
        for setting, address in [*(("email-to", to) for to in self._to), ("email-from", self._sender)]:
            if not is_mail_address(address):
                problem = f"{printable(address)!r} is not a valid mail address"
                raise SettingError(setting, problem, "it must be like oncall@example.com")
        _check_login(self._server)
        self._context = _tls_context(self._server)

    def obstacle(self) -> str:
        """Return which variable names certificates that cannot be used; a ca_file takes their place."""
        for name in () if self._server.ca_file else ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            if (path := os.environ.get(name)) and (problem := why_unusable(path)):
                return f"{name} names {printable(path)}, which {problem}"
        return ""

    def payload(self, message: Message) -> str:
        """Return the mail without its HTML part and its attachment."""
        mail = self._mail(message)
        text = mail.get_body(("plain",))
        assert text is not None
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
        attached = "".join(f"\n[attached: {part.get_filename()}]" for part in mail.iter_attachments())
        return f"{headers}\n\n{text.get_content()}{attached}".rstrip()

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the mail, again to recipients that are refused temporarily; return how many accepted it."""
        mail, failure = self._mail(message), ""
        answers: dict[str, tuple[int, bytes]] = {}

        def attempt() -> None:
            open_ones = [to for to in self._to if to not in answers or _is_temporary(answers[to][0])]
            answers.update(dict.fromkeys(open_ones, _ACCEPTED) | self._try(mail, open_ones, deadline))
            if any(_is_temporary(code) for code, _ in answers.values()):
                raise TryAgain("")

        try:
            keep_trying(attempt, deadline)
        except NotDelivered as error:
            failure = str(error)
        refused = {to: answer for to, answer in answers.items() if answer != _ACCEPTED}
        accepted = len(answers) - len(refused)
        reasons = "; ".join(f"{to} refused: {code} {self._cleaned(text)}" for to, (code, text) in refused.items())
        if not accepted:
            # Raised outside the handler, so that no traceback leads to the library's words.
            raise NotDelivered(failure or f"no recipient was accepted: {reasons}")
        return f"accepted for {accepted} of {len(self._to)} recipients{f'; {reasons}' if refused else ''}"

    def _mail(self, message: Message) -> EmailMessage:
        # A path with a NUL names no file.
        report = Path(message.report) if message.report and "\0" not in message.report else None
        return compose_mail(message, self._sender, self._to, report)

    def _try(self, mail: EmailMessage, to: Sequence[str], deadline: Deadline) -> _Answers:
        """Hand the mail over for these recipients; return those that the server refused."""
        failure: Exception
        try:
            return self._hand_over(mail, to, deadline)
        except smtplib.SMTPRecipientsRefused as error:
            # After a 421 the others were not asked about.
            last = list(error.recipients.values())[-1]
            return {address: error.recipients.get(address, last) for address in to}
        except smtplib.SMTPAuthenticationError as error:
            reason = f"the server refused the login ({error.smtp_code}): check user and password in {VARIABLE}"
            failure = _failure(error.smtp_code, reason)
        except smtplib.SMTPResponseException as error:
            failure = self._refusal(error)
        except smtplib.SMTPNotSupportedError:
            failure = NotDelivered(f"the server offers no login: remove user and password from {VARIABLE}")
        except ssl.SSLError as error:
            failure = self._tls_failure(error)
        except TooLong:
            failure = NotDelivered(f"the server's answer has no end: check host and port in {VARIABLE}")
        except (smtplib.SMTPException, OSError) as error:
            failure = TryAgain(_why_broken(error, deadline))
        except ValueError:
            failure = NotDelivered(_SENSELESS)
        raise failure

    def _hand_over(self, mail: EmailMessage, to: Sequence[str], deadline: Deadline) -> _Answers:
        """Hand the mail over; return the recipients that the server refused while it accepted others."""
        # Not every server takes bytes above 127 (RFC 6152).
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

    def _refusal(self, error: smtplib.SMTPResponseException) -> Exception:
        if error.smtp_code > 0:
            reason = f"the server answered {error.smtp_code} {self._cleaned(error.smtp_error)}"
            return _failure(error.smtp_code, reason)
        return NotDelivered(_NO_MAIL_SERVER if isinstance(error, smtplib.SMTPConnectError) else _SENSELESS)

    def _tls_failure(self, error: ssl.SSLError) -> Exception:
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return TryAgain("the connection broke while TLS was being negotiated")
        if not isinstance(error, ssl.SSLCertVerificationError):
            return NotDelivered(_NO_COMMON_TLS)
        if obstacle := self.obstacle():
            return NotDelivered(f"{obstacle}: no certificate can be trusted")
        reason = f"the server's certificate is not trusted ({why_untrusted(error)})"
        return NotDelivered(f"{reason}: check host and ca_file in {VARIABLE}")

    def _cleaned(self, answer: bytes | str) -> str:
        """Return a server's words on one line, without any secret."""
        text = answer if isinstance(answer, str) else answer.decode("utf-8", "replace")
        return masked_line(text, (self._secret, Secret(self._server.user), Secret(self._server.password)))


def _check_login(server: MailServer) -> None:
    if not (server.user + server.password).isascii():
        raise SettingError(
            VARIABLE,
            "user or password holds a character that is not ASCII, which this program cannot send",
            "choose a password of ASCII characters",
        )
    if server.user and not (server.tls or server.is_here or server.starttls(offered=False)):
        raise SettingError(
            VARIABLE,
            "with starttls=never the password would cross the network in clear text",
            "omit starttls=never (only a server on this machine may have it with a password), or use smtps://",
        )


def _tls_context(server: MailServer) -> ssl.SSLContext:
    if server.ca_file and (problem := why_unusable(server.ca_file)):
        raise SettingError(VARIABLE, f"its ca_file {problem}", "it must be a file of certificates in PEM form")
    return ssl.create_default_context(cafile=server.ca_file)


def _is_temporary(code: int) -> bool:
    """Whether a refusal may pass (RFC 5321, 4.2.1)."""
    return 400 <= code < 500


def _failure(code: int, reason: str) -> Exception:
    return TryAgain(reason) if _is_temporary(code) else NotDelivered(reason)


def _why_broken(error: Exception, deadline: Deadline) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"connection refused: check host and port in {VARIABLE}"
    # The library reports a time-out as a connection that broke.
    if isinstance(error, TimeoutError) or not deadline.seconds_left or "timed out" in str(error):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return f"the host's name cannot be resolved: check {VARIABLE}"
    return f"the connection broke ({type(error).__name__})"
