"""The address of a mail server, as in `smtp://user:password@mail.example.com:587`."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.settings.pairs import is_mail_address

_SMTP, _SUBMISSION, _SMTPS = 25, 587, 465
_REQUIRED, _NEVER = "required", "never"
_FORM = (
    "it must be smtp://[user:password@]host[:port] or smtps://…, with starttls=required or never, to=, from= or"
    " ca_file= after a ?; a character such as @ or / in a password is written as %40 or %2F"
)


@dataclass(frozen=True)
class MailServer:
    """The server that takes mail: with TLS from the start, or by its `starttls_rule`.

    The rule is required, never, or empty to use STARTTLS if it is offered. An empty `user` means no login; without a
    `ca_file` the system's certificates are trusted.
    """

    host: str
    port: int
    tls: bool
    user: str
    password: str
    starttls_rule: str
    ca_file: str | None
    to: tuple[str, ...]
    sender: str | None

    def __repr__(self) -> str:
        return "MailServer(…)"

    def starttls(self, *, offered: bool) -> bool:
        """Whether to ask for TLS: a password never crosses a network in clear text."""
        if self.starttls_rule:
            return self.starttls_rule == _REQUIRED
        return offered or (bool(self.user) and not self.is_here)

    @property
    def is_here(self) -> bool:
        """Whether the server is this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_url(name: str, secret: Secret) -> MailServer:
    """Return the server that the variable names; raise SettingError, without repeating its value, if it is invalid."""
    try:
        parts = urlsplit(secret.reveal())
        port, host = parts.port, parts.hostname
        query = parse_qs(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError:
        _refuse(name, "is not a valid address")
    if parts.scheme not in ("smtp", "smtps") or not host or port == 0:
        _refuse(name, "is not the address of a mail server")
    if parts.path.strip("/") or parts.fragment:
        _refuse(name, "something follows the host")
    # What follows a ? may be the rest of a password.
    if query.keys() - {"starttls", "to", "from", "ca_file"}:
        _refuse(name, "holds an unknown word after the ?")
    values = {key: found[-1] for key, found in query.items()}
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    to = tuple(part.strip() for part in values.get("to", "").split(",") if part.strip())
    addresses = [*to, *([values["from"]] if "from" in values else [])]
    if not all(map(is_mail_address, addresses)):
        _refuse(name, "to or from holds an invalid mail address")
    if values.get("starttls", _REQUIRED) not in (_REQUIRED, _NEVER):
        _refuse(name, "starttls is neither required nor never")
    tls = parts.scheme == "smtps"
    usual = _SMTPS if tls else _SUBMISSION if user else _SMTP
    rule, ca_file = values.get("starttls", ""), values.get("ca_file")
    return MailServer(host, port or usual, tls, user, password, rule, ca_file, to, values.get("from"))


def _refuse(name: str, problem: str) -> NoReturn:
    raise SettingError(name, problem, _FORM) from None
