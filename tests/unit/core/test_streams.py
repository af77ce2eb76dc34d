"""Guarded streams."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import os, sys
from drift_checks.core.streams import guard
guard("stderr")
sys.stderr.write("first\\n")
os.write(1, b"second\\n")
"""


def test_an_unbuffered_stream_stays_so() -> None:
    """As in containers, which set PYTHONUNBUFFERED: progress appears at once, and both streams in their order."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    assert ran.stdout == "first\nsecond\n"
