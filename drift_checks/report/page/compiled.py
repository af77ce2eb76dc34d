"""Compiled templates, kept where Python keeps compiled modules: to compile them takes longer than to fill them in."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from zlib import crc32

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(FileSystemBytecodeCache):
    """Reads compiled templates from a module's `__pycache__`, and writes them there if Python may write modules.

    Args:
        module: The file of the module with the environment.
    """

    def __init__(self, module: Path) -> None:
        # Compiled code depends on the environment and on both versions, not only on the template.
        environment = f"{sys.implementation.cache_tag}.jinja2-{version('jinja2')}.{crc32(module.read_bytes()):08x}"
        super().__init__(str(Path(cache_from_source(str(module))).parent), f"%s.{environment}.bin")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read a compiled template; one that is missing, unreadable or damaged is compiled again."""
        with suppress(Exception):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write a compiled template, unless the folder is read-only or full."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                super().dump_bytecode(bucket)
