"""A network between a client and a server on 127.0.0.1 that delays, hangs or breaks."""

from __future__ import annotations

import math
import socket
import threading
import time
from contextlib import closing, suppress
from typing import Self


class Proxy:
    """Forwards connections to a port; `port` is its own.

    Attributes:
        delay: Seconds before each packet is passed on.
        passes: How many packets it passes on; then connections stay, and nothing arrives.
    """

    def __init__(self, target: int) -> None:
        self.delay = 0.0
        self.passes = math.inf
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """Break all connections."""
        for item in self._sockets:
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), closing(one), closing(other):
            while data := one.recv(65536):
                time.sleep(self.delay)
                self.passes -= 1
                while self.passes < 0:
                    time.sleep(0.01)
                other.sendall(data)
            with suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)
