"""A directory that an older chromadb made stays readable for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drift_checks.stores.chroma import VectorCollection
from tests.support.folders import contents

VERSION = "0.5.23"
CLIENT = """
import sys
import chromadb
client = chromadb.PersistentClient(sys.argv[1], chromadb.Settings(anonymized_telemetry=False))
"""
WRITE = f"""{CLIENT}
made = client.create_collection("old", metadata={{"hnsw:space": "cosine"}}, embedding_function=None)
made.add(
    ids=[f"id-{{n}}" for n in range(1200)],
    embeddings=[[float(n % 7 + 1), float(n % 11), 1.0] for n in range(1200)],
    documents=[f"text {{n}}" for n in range(1200)],
    metadatas=[{{"category": str(n % 3)}} for n in range(1200)],
)
"""
READ = f"""{CLIENT}
import json
found = client.get_collection("old", embedding_function=None)
got = found.get(ids=["id-5"], include=["documents", "metadatas", "embeddings"])
print(json.dumps([found.count(), got["documents"], got["metadatas"], [len(v) for v in got["embeddings"]]]))
"""


@pytest.fixture(scope="session")
def old_python(pytestconfig: pytest.Config) -> Path:
    """The Python of an environment with the older chromadb, kept in pytest's cache."""
    assert pytestconfig.cache is not None
    folder = Path(pytestconfig.cache.mkdir(f"chromadb-{VERSION}"))
    python = folder / "environment" / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(python.parents[1], ignore_errors=True)
        packages = [f"chromadb=={VERSION}", "numpy<2"]
        if uv := shutil.which("uv"):
            make = [uv, "venv", "--python", sys.executable, str(python.parents[1])]
            install = [uv, "pip", "install", "--python", str(python)]
        else:
            make = [sys.executable, "-m", "venv", str(python.parents[1])]
            install = [str(python), "-m", "pip", "install", "--quiet"]
        commands = [make, [*install, *packages]]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"no environment with chromadb {VERSION} can be made: {done.stderr[-300:]}")
        (folder / "complete").touch()
    return python


def run_old(python: Path, code: str, directory: Path) -> str:
    """Run code with the older chromadb; return what it printed."""
    done = subprocess.run([str(python), "-c", code, str(directory)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_older_directory_is_read_and_not_migrated(old_python: Path, tmp_path: Path) -> None:
    """Its bytes are as before, and its own client still reads it."""
    directory = tmp_path / "old"
    run_old(old_python, WRITE, directory)
    before = contents(directory)
    opened = VectorCollection(directory, "old", tmp_path / "snapshots")
    entry = opened.entries(["id-5"])["id-5"]
    [near] = opened.nearest([entry.vector], 3)
    opened.close()
    assert (opened.count, opened.dimension, opened.space) == (1200, 3, "cosine")
    assert (entry.document, entry.metadata["category"], len(near)) == ("text 5", "2", 3)
    assert contents(directory) == before
    assert json.loads(run_old(old_python, READ, directory)) == [1200, ["text 5"], [{"category": "2"}], [3]]
