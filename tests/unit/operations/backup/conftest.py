"""Fixtures for the tests of backups."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.caring import made_backup
from tests.support.ended_runs import small_disk
from tests.support.stores import BuiltStore


@pytest.fixture(scope="session")
def _backup_once(tmp_path_factory: pytest.TempPathFactory, _store_once: BuiltStore) -> Path:
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(_store_once.folder, folder / "store")
    return made_backup(BuiltStore(folder / "store"), folder / "backups")


@pytest.fixture
def archive(_backup_once: Path, tmp_path: Path) -> Path:
    """Return a backup of a sound store of 120 records, the test's own copy."""
    (tmp_path / "backups").mkdir()
    return Path(shutil.copy(_backup_once, tmp_path / "backups" / _backup_once.name))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a function that mounts a small disk of this size; skip the test if that is not permitted."""
    with ExitStack() as mounted:

        def mount(size: int) -> Path:
            if not mounted.enter_context(small_disk(tmp_path / "disk", size)):
                pytest.skip("only root may mount a small disk")
            return tmp_path / "disk"

        yield mount
