"""An SMTP client (RFC 5321) that no server can hold beyond a deadline."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.channels.smtp_url import MailServer
from drift_checks.settings.pairs import is_mail_address

_LONGEST_WAIT, _LONGEST_GOODBYE = 10.0, 2.0


class _Timed(smtplib.SMTP):
    """A client whose connection is cut at the deadline, even if the server hangs or sends byte by byte."""

    def __init__(self, host: str, port: int, deadline: Deadline, **options: Any) -> None:
        self._deadline = deadline
        # A socket's time-out begins anew with every byte.
        self._timer = Timer(deadline.seconds_left, self._cut)
        self._timer.daemon = True
        self._timer.start()
        try:
            seconds = max(0.1, min(_LONGEST_WAIT, deadline.seconds_left))
            super().__init__(host, port, local_hostname=_greeting(), timeout=seconds, **options)
        except BaseException:
            self.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's answer, unless the time is over."""
        if not self._deadline.seconds_left:
            self.close()
            raise TimeoutError
        return super().getreply()

    def goodbye(self) -> None:
        """End the session, without waiting long for an answer that changes nothing."""
        with suppress(smtplib.SMTPException, OSError):
            if self.sock is not None:
                self.sock.settimeout(_LONGEST_GOODBYE)
                self.quit()

    def close(self) -> None:
        """Close the connection."""
        self._timer.cancel()
        super().close()

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                # A TLS socket's own method would take away what another thread is reading from.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _TimedTls(_Timed, smtplib.SMTP_SSL):
    """The same with TLS from the start."""


@contextmanager
def connected(server: MailServer, context: ssl.SSLContext, deadline: Deadline) -> Iterator[_Timed]:
    """Yield a connected client; it says goodbye unless something went wrong, and is closed in any case."""
    if server.tls:
        client: _Timed = _TimedTls(server.host, server.port, deadline, context=context)
    else:
        client = _Timed(server.host, server.port, deadline)
    try:
        yield client
        client.goodbye()
    finally:
        client.close()


def host_name() -> str:
    """Return the name of this machine, or localhost if the name does not fit into an address."""
    name = socket.gethostname()
    return name if is_mail_address(f"drift-checks@{name}") else "localhost"


def _greeting() -> str:
    """Return the name for the greeting: a full host name, else an address (RFC 5321, 4.1.1.1)."""
    name = host_name()
    return name if "." in name else "[127.0.0.1]"
