"""Chroma directories for the tests of the stores."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from drift_checks.stores.vectors.chroma import create_collection

PERSISTED = 1200


@pytest.fixture(scope="session")
def _persisted_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("persisted") / "chroma"
    folder.mkdir()
    create_collection(
        folder,
        "many",
        ids=[f"id-{number}" for number in range(PERSISTED)],
        embeddings=np.random.default_rng(1).normal(size=(PERSISTED, 8)).astype(np.float32),
        documents=[f"text {number}" for number in range(PERSISTED)],
        metadatas=[{"category": "a"}] * PERSISTED,
    )
    return folder


@pytest.fixture
def persisted(_persisted_once: Path, tmp_path: Path) -> Path:
    """A directory with so many entries that Chroma wrote its index to files; the test's own copy."""
    return Path(shutil.copytree(_persisted_once, tmp_path / "persisted"))
