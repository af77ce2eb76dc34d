"""Ports of 127.0.0.1 that nobody listens on."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Below those that systems give to connections that programs make.
_SERVERS = range(12_000, 32_000)


def free_port() -> int:
    """Return a port for a server that will start soon."""
    for port in random.SystemRandom().sample(_SERVERS, 100):
        with suppress(OSError), socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a hundred ports are taken")


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
