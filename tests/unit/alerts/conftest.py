"""Servers for the tests of channels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mail_server import MailServer, mail_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """A server that accepts all mail, without TLS or login."""
    with mail_server(tmp_path) as running:
        yield running
