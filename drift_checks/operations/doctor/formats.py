"""The format that the installed chromadb writes, told from an empty directory that it makes."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from drift_checks.operations.doctor.vectors import steps_of
from drift_checks.stores.chroma import DATABASE, create_collection
from drift_checks.stores.sqlite import SqliteFile

# The parts of the format, and what they are in a sentence.
COMPONENTS = {"sysdb": "collections at step", "metadb": "metadata at step", "embeddings_queue": "queue at step"}


@dataclass(frozen=True)
class Format:
    """What a version of chromadb writes: how far each part has come."""

    version: str
    steps: dict[str, int]


def installed_format() -> Format:
    """Return the format of the chromadb that is installed."""
    import numpy as np

    # Some versions complain of their own telemetry, which is off.
    logging.getLogger("chromadb").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="drift-doctor-") as made:
        folder = Path(made)
        vector = np.ones((1, 2), dtype=np.float32)
        create_collection(folder, "format", ids=["1"], embeddings=vector, documents=["-"], metadatas=[{"of": 1}])
        file = SqliteFile(folder / DATABASE, folder / "snapshots")
        try:
            return Format(metadata.version("chromadb"), file.read(steps_of))
        finally:
            file.close()
