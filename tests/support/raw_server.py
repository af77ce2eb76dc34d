"""Servers that send whatever a test wants, on 127.0.0.1, with or without TLS."""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread

Handler = Callable[["Peer"], None]


class Peer:
    """A client of a server: its lines are read, and any bytes sent."""

    def __init__(self, connection: socket.socket, over: Event) -> None:
        self.connection = connection
        self.over = over
        self._reading = connection.makefile("rb")

    def line(self) -> bytes:
        """Return the next line, empty after the client has gone."""
        return self._reading.readline()

    def body(self) -> bytes:
        """Read an HTTP request; return its body."""
        length = 0
        while (line := self.line()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return self._reading.read(length)

    def send(self, content: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(content)

    def flood(self, piece: bytes, pause: float = 0.0) -> None:
        """Send the piece again and again until the test or the client ends."""
        while not self.over.wait(pause) if pause else not self.over.is_set():
            self.connection.sendall(piece)


class RawServer:
    """`received` are the bodies of HTTP requests, or the lines of SMTP clients, in order."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[bytes] = []

    @property
    def address(self) -> str:
        """Its address without a scheme."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def raw_server(handle: Callable[[RawServer, Peer], None], tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Run a server whose every connection is handled so, each in a thread."""
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = RawServer(listening.getsockname()[1])

        def serve(connection: socket.socket) -> None:
            with (
                suppress(OSError, ValueError),
                tls.wrap_socket(connection, server_side=True) if tls else connection as wrapped,
            ):
                handle(server, Peer(wrapped, over))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    Thread(target=serve, args=(connection,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        try:
            yield server
        finally:
            over.set()
            # Closing alone would not wake the thread that accepts.
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


def answering(*answers: bytes) -> Callable[[RawServer, Peer], None]:
    """Return what answers HTTP requests in turn, the last answer again and again."""

    def handle(server: RawServer, peer: Peer) -> None:
        server.received.append(peer.body())
        peer.send(answers[min(len(server.received), len(answers)) - 1])

    return handle


def flooding(head: bytes, piece: bytes, pause: float = 0.0) -> Callable[[RawServer, Peer], None]:
    """Return what answers HTTP requests with a head and pieces without an end."""

    def handle(server: RawServer, peer: Peer) -> None:
        server.received.append(peer.body())
        peer.send(head)
        peer.flood(piece, pause)

    return handle


def answer(body: str | bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an HTTP answer."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


def bomb(mebibytes: int) -> bytes:
    """Return so many MiB of a letter, compressed with gzip."""
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return b"".join(packing.compress(b"x" * 2**20) for _ in range(mebibytes)) + packing.flush()


def mail_dialogue(
    replies: Mapping[str, Sequence[str]], features: Sequence[str] = (), then: Handler | None = None
) -> Callable[[RawServer, Peer], None]:
    """Return what speaks SMTP: `replies` are sent in turn after a command, as in `{"MAIL": ["250 ok", "221 bye"]}`.

    `GREETING` and `MAIL BODY` are commands too; what is not named gets the usual reply. Several replies to one command
    are written in one text with line ends. `then` takes over after STARTTLS.
    """
    usual = {
        "GREETING": "220 mail",
        "EHLO": "\r\n".join(["250-mail", *(f"250-{item}" for item in features), "250 OK"]),
        "DATA": "354 go ahead",
        "MAIL BODY": "250 taken",
        "AUTH": "235 welcome",
        "QUIT": "221 bye",
        "STARTTLS": "220 go ahead",
    }
    counts: dict[str, int] = {}

    def reply(peer: Peer, command: str) -> str:
        said = replies.get(command)
        place = counts[command] = counts.get(command, 0) + 1
        text = said[min(place, len(said)) - 1] if said else usual.get(command, "250 OK")
        peer.send(f"{text}\r\n".encode())
        return text

    def handle(server: RawServer, peer: Peer) -> None:
        reply(peer, "GREETING")
        while line := peer.line():
            server.received.append(line)
            command = line.decode("latin-1").split()[0].upper() if line.strip() else ""
            said = reply(peer, command)
            if command == "DATA" and said.startswith("354"):
                while (content := peer.line()) not in (b".\r\n", b""):
                    server.received.append(content)
                reply(peer, "MAIL BODY")
            if command == "STARTTLS" and then is not None:
                then(peer)
                return
            if command == "QUIT":
                return

    return handle
