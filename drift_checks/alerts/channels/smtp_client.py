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
# Far more than any answer has; a client that takes more is slow at reading it.
MOST_READ = 65_536
_LONGEST_LINE, _PIECE = 8192, 4096
_GO_AHEAD = 354


class TooLong(OSError):
    """A server's answer has no end."""


class Client(smtplib.SMTP):
    """A client whose connection is cut at the deadline, even if the server hangs or sends byte by byte.

    It reads answers itself: those of the library may be of any length, and it takes the last of contradicting codes.
    """

    def __init__(self, host: str, port: int, deadline: Deadline, **options: Any) -> None:
        self._deadline = deadline
        self._unread = bytearray()
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

    def send(self, s: Any) -> None:
        """Send a command or a mail; answers that came unasked, such as a repeated one, belong to none."""
        self._unread.clear()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's answer, -1 as the code of one that is none (RFC 5321, 4.2)."""
        codes, texts, more = set[bytes](), list[bytes](), True
        read = 0
        while more:
            line = self._line()
            read += len(line)
            if read > MOST_READ:
                self.close()
                raise TooLong
            code, more = line[:3], line[3:4] == b"-"
            codes.add(code if code.isdigit() and line[3:4] in (b"", b" ", b"-") else b"-1")
            texts.append(line[4:].strip())
            more = more and b"-1" not in codes
        return int(codes.pop()) if len(codes) == 1 else -1, b"\n".join(texts)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the mail; return the answer to it, not another one to the command that began it."""
        code, text = super().data(msg)
        while code == _GO_AHEAD:
            code, text = self.getreply()
        return code, text

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

    def _line(self) -> bytes:
        """Return the next line of an answer without its end."""
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            if searched > _LONGEST_LINE:
                self.close()
                raise TooLong
            if not self._deadline.seconds_left:
                self.close()
                raise TimeoutError
            received = self.sock.recv(_PIECE) if self.sock is not None else b""
            if not received:
                self.close()
                raise smtplib.SMTPServerDisconnected("")
            self._unread += received
        line = bytes(self._unread[:end]).rstrip(b"\r")
        del self._unread[: end + 1]
        return line

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                # A TLS socket's own method would take away what another thread is reading from.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class TlsClient(Client, smtplib.SMTP_SSL):
    """The same with TLS from the start."""


@contextmanager
def connected(server: MailServer, context: ssl.SSLContext, deadline: Deadline) -> Iterator[Client]:
    """Yield a connected client; it says goodbye unless something went wrong, and is closed in any case."""
    if server.tls:
        client: Client = TlsClient(server.host, server.port, deadline, context=context)
    else:
        client = Client(server.host, server.port, deadline)
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
