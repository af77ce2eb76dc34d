"""Fixtures of the project's own tests, and how many examples its properties try."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from drift_checks.core.secrets import know_secrets
from tests.support.chroma_server import Relay, ServedDirectory
from tests.support.databases import Server, serving
from tests.support.machine import variables_of_the_machine
from tests.support.mariadb import MariaDB
from tests.support.postgresql import PostgreSQL
from tests.support.stores import BuiltStore, build_store
from tests.support.thorough import THOROUGH

# A slow moment of the machine is no failure. The few examples are the same in each run.
patience = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", patience, max_examples=20, derandomize=True, database=None)
settings.register_profile("thorough", patience, max_examples=300)
settings.load_profile("thorough" if THOROUGH else "default")

# Each process that a test starts would compile what pytest has rewritten, which takes longer than its run.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell makes background commands ignore Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Thousands of tests are collected, and each search for garbage would go through all of them.
gc.disable()
_caches = count()


def pytest_collection_finish() -> None:
    """Search for garbage from now on, but never among what collecting left."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the machine's settings, and name a cache folder of the test's own."""
    for name in variables_of_the_machine():
        monkeypatch.delenv(name)
    # Not created: a test that needs none is three milliseconds faster.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "caches" / str(next(_caches))))


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> None:
    """Forget the secrets that earlier tests of this process found: masking all of them takes minutes."""
    know_secrets({})


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A private PostgreSQL, shared by the tests of this process; one that stops it starts it again."""
    yield from serving(PostgreSQL, "psycopg")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A private MariaDB, shared by the tests of this process; one that stops it starts it again."""
    yield from serving(MariaDB, "pymysql")


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two in turn."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def _store_once(tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    return build_store(tmp_path_factory.mktemp("built") / "store")


@pytest.fixture
def store(_store_once: BuiltStore, tmp_path: Path) -> BuiltStore:
    """A sound store of 120 records, the test's own copy."""
    shutil.copytree(_store_once.folder, tmp_path / "store")
    return BuiltStore(tmp_path / "store")


@pytest.fixture(scope="session")
def chroma_server(_store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedDirectory]:
    """A running Chroma server with the vectors of the sound store."""
    served = ServedDirectory(Path(shutil.copytree(_store_once.chroma, tmp_path_factory.mktemp("served") / "chroma")))
    served.start()
    yield served
    served.stop()


@pytest.fixture
def relay(chroma_server: ServedDirectory) -> Iterator[Relay]:
    """A relay in front of the Chroma server, which fails as the test tells it."""
    opened = Relay(chroma_server.url)
    yield opened
    opened.close()
