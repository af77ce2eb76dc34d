"""Fixtures of the project's own tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.stores import BuiltStore, build_store

# A machine's bad moment is no failure: a test fails on what a property says, never on the time an example took.
# With these, whole runs would tell somebody.
SECRETS = ("SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "CREDENTIALS_DIRECTORY")
settings.register_profile("drift-checks", deadline=None)
settings.register_profile("few", deadline=None, max_examples=25)
settings.load_profile("drift-checks")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the machine's, and a cache folder of the test's own."""
    for name in [name for name in os.environ if name.startswith(("DRIFT_", "CHROMA_", *SECRETS))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def _store_once(tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    return build_store(tmp_path_factory.mktemp("built") / "store")


@pytest.fixture
def store(_store_once: BuiltStore, tmp_path: Path) -> BuiltStore:
    """A sound store of 120 records, the test's own copy."""
    shutil.copytree(_store_once.folder, tmp_path / "store")
    return BuiltStore(tmp_path / "store")
