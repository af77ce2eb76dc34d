"""Fixtures of the tests that run pytest in pytest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.support import llm_runs
from tests.support.chat_server import ChatServer
from tests.support.session_runs import Review
from tests.support.stores import BuiltStore, build_store

# Ten of the thirty records of low confidence.
DISAGREEING = range(4, 44, 4)

# What a review loads on the way. A run in this process forgets what it was the first to load, which
# libraries with compiled parts do not survive, and loading takes longer than reviewing.
_LOADED = (
    "chromadb.api.rust",
    "chromadb.telemetry.product.posthog",
    "drift_checks.plugin.run",
    "drift_checks.report.page.html",
    "drift_checks.reviews.reviewers.neighbours",
    "hypothesis.strategies",
    "drift_checks.reviews.reviewers.own",
    "drift_checks.reviews.reviewers.pool",
    "jinja2",
    "numpy.ma",
    "rich.progress",
    "sqlalchemy.dialects.sqlite",
    "duckdb",
    "duckdb_sqlalchemy",
    "tzlocal",
    "xdist.workermanage",
)


for _name in _LOADED:
    import_module(_name)


@pytest.fixture
def review(pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Review:
    """What starts reviews in the test's folder, on a terminal of 80 columns without colours."""
    return Review(pytester, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def _doubtful_once(tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    return build_store(tmp_path_factory.mktemp("doubtful") / "store", disagreeing=DISAGREEING)


@pytest.fixture
def doubtful(_doubtful_once: BuiltStore, tmp_path: Path) -> BuiltStore:
    """A store in which the records 4, 8, … 40 disagree with their neighbours."""
    shutil.copytree(_doubtful_once.folder, tmp_path / "doubtful")
    return BuiltStore(tmp_path / "doubtful")


@pytest.fixture(scope="module")
def client_loaded() -> None:
    """The client of chat endpoints, loaded in this process before a review that forgets what it loaded."""
    llm_runs.load()


@pytest.fixture
def llm_key(client_loaded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for an endpoint, and no other."""
    for name in llm_runs.KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", llm_runs.KEY)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """An endpoint that names the stored category of each record."""
    with ChatServer() as serving:
        yield serving
