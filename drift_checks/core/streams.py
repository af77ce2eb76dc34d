"""Standard output and error that cannot fail a run, and that print no secret."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from select import select
from typing import Any, Literal

_LAST_STANDARD = 2
# How long a pipe that does not block may stay full.
_PATIENCE_SECONDS = 10.0


class _Forgiving(io.FileIO):
    """A descriptor whose errors are kept, not raised: its reader has gone, its disk is full, or it was closed."""

    lost: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write what can be written; return the number of bytes taken."""
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
            if written is None and select((), (self,), (), _PATIENCE_SECONDS)[1]:
                written = super().write(data)
        except OSError as error:
            self.lost = self.lost or error
            return size
        return size if written is None else written


class _Guarded(io.TextIOWrapper):
    """A text stream without secrets."""

    def write(self, text: str) -> int:
        """Write the text without the secrets in it."""
        shown = text
        # Whoever learned a secret has imported this; a session of pytest that reviews nothing need not.
        if "drift_checks.core.secrets" in sys.modules:
            from drift_checks.core.secrets import mask_secrets

            shown = mask_secrets(text)
        super().write(shown)
        return len(text)


def guard(*names: Literal["stdout", "stderr"]) -> None:
    """Replace the process's own streams of these names; a stream that somebody else has replaced stays."""
    _reserve_descriptors()
    for name in names:
        stream = getattr(sys, name)
        if stream is None:
            # Whoever started the program closed it.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _guarded(stream))


def lost_output() -> OSError | None:
    """Return why something that was printed on a guarded stdout could not be written; None if nothing was lost."""
    with suppress(OSError):
        sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.lost if isinstance(raw, _Forgiving) else None


def _guarded(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    with suppress(OSError):
        stream.flush()
    return _Guarded(
        io.BufferedWriter(_Forgiving(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        # Print names that the terminal's encoding lacks as escapes.
        errors="backslashreplace",
        # Of an unbuffered stream, as under PYTHONUNBUFFERED, the new buffer would hold back all lines until the end.
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _reserve_descriptors() -> None:
    """Open descriptors that were closed, so that no file of the run gets their numbers, and with them stray output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _LAST_STANDARD:
        pass
    os.close(descriptor)
