"""Whether the reviewer can be used; with `--live`, whether it answers, in one call."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drift_checks.operations.doctor.finding import Finding
from drift_checks.operations.doctor.reviewers import checks, variables
from drift_checks.review.reviewers import choice as reviewer_choice
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.doctoring import found, put, said, setup
from tests.support.folders import contents
from tests.support.stores import BuiltStore

KEY = "sk-of-the-tests-0123456789"
OWN = """
import os
from pathlib import Path
seen = Path(__file__).with_name("seen")
def financial(text):
    with seen.open("a") as file:
        file.write("x")
    return {"category": "financial", "confidence": 0.5}
def failing(text):
    raise RuntimeError(f"{os.environ['OPENAI_API_KEY']} could not take {text}")
def silent(text):
    return None
number = 5
"""


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRIFT_LLM_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module of the user's own, which is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = put(tmp_path / "mine/doctored_module.py", OWN).parent
    yield folder
    sys.modules.pop("doctored_module", None)


def looked_at(tmp_path: Path, store: BuiltStore, **given: Any) -> dict[str, Finding]:
    """Return what is found of the reviewer, by name."""
    looked = setup(tmp_path, store, **given)
    looked.store.open()
    try:
        with variables(looked.environment):
            return found(checks(looked))
    finally:
        looked.store.close()


def asking(server: ChatServer, **changed: Any) -> dict[str, Any]:
    """Return settings that ask the server."""
    key = {"environment": {"DRIFT_LLM_API_KEY": KEY}, "timeout": 10.0}
    return {"reviewer": "llm", "llm_base_url": server.base_url, "llm_model": "a-model", "live": True, **key, **changed}


def test_the_neighbours_can_always_be_used(tmp_path: Path, store: BuiltStore) -> None:
    """Where there are vectors; nobody is asked unless that is wanted."""
    told = looked_at(tmp_path, store)
    assert said(told["usable"])[0] == "ok"
    assert (said(told["answers"])[0], "--live" in told["answers"].remedy) == ("skipped", True)
    assert [said(line)[0] for line in looked_at(tmp_path, store, chroma=None, live=True).values()] == ["skipped"] * 2


def test_the_neighbours_answer(tmp_path: Path, store: BuiltStore) -> None:
    """From a private copy, which is gone afterwards; the store is as it was."""
    before = contents(store.folder)
    assert said(looked_at(tmp_path, store, live=True)["answers"])[0] == "ok"
    assert contents(store.folder) == before
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_a_model_answers_in_one_call(tmp_path: Path, store: BuiltStore) -> None:
    """With its name and how long it took."""
    with ChatServer() as server:
        told = looked_at(tmp_path, store, **asking(server))
        assert len(server.requests) == 1
    assert said(told["usable"])[0] == "ok"
    status, message = said(told["answers"])
    assert (status, message.startswith("one record was reviewed by test-model-2026-01 in ")) == ("ok", True)
    assert message.endswith(("ms", " s"))


def test_a_model_is_not_asked_unless_that_is_wanted(tmp_path: Path, store: BuiltStore) -> None:
    """It may cost money."""
    with ChatServer() as server:
        told = looked_at(tmp_path, store, **asking(server, live=False))
        assert server.requests == []
    assert said(told["answers"])[0] == "skipped"


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(api_key="another"),
        Behaviour(always=500),
        Behaviour(always=429, retry_after="60"),
        Behaviour(cut=1.0),
        Behaviour(garbage=1.0),
        Behaviour(no_chat=1.0),
    ],
    ids=["refused", "broken", "busy", "cut", "garbage", "no chat"],
)
def test_a_model_that_fails_is_a_cross(tmp_path: Path, store: BuiltStore, behaviour: Behaviour) -> None:
    """In one sentence without the key, and without the record's text; it is not asked again and again."""
    with ChatServer(behaviour) as server:
        line = looked_at(tmp_path, store, **asking(server))["answers"]
        assert 1 <= len(server.requests) <= 2
    assert said(line)[0] == "error"
    assert line.remedy
    assert KEY not in line.message + line.remedy
    assert "concerns" not in line.message + line.remedy


def test_a_slow_model_is_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """Half of what a call may take is much."""
    with ChatServer(Behaviour(latency=0.6)) as server:
        line = looked_at(tmp_path, store, **asking(server, timeout=1.1))["answers"]
    assert (said(line)[0], "of 1.1 s that a call may take" in line.message) == ("warning", True)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"llm_model": None}, "needs a model"),
        ({"environment": {}}, "needs a key"),
        ({"taxonomy": Path("/none.yaml")}, "cannot be read"),
        ({"max_cost": 1.0, "reviewer": "doctored_module:financial"}, "is not known"),
    ],
)
def test_what_a_model_lacks_is_a_cross(tmp_path: Path, store: BuiltStore, changed: dict[str, Any], told: str) -> None:
    """Before anybody is asked."""
    with ChatServer() as server:
        lines = looked_at(tmp_path, store, **asking(server, live=False, **changed))
    assert (said(lines["usable"])[0], told in lines["usable"].message) == ("error", True), lines["usable"]


def test_an_extra_that_is_not_installed_is_a_cross(
    tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to install it."""
    monkeypatch.setattr(reviewer_choice, "find_spec", lambda name: None)
    with ChatServer() as server:
        line = looked_at(tmp_path, store, **asking(server, live=False))["usable"]
    assert "pip install 'drift-checks[llm]'" in line.message + line.remedy


def test_a_classifier_of_ones_own_answers(tmp_path: Path, store: BuiltStore, own: Path) -> None:
    """It is called once."""
    told = looked_at(tmp_path, store, reviewer="doctored_module:financial", folders=(own,), live=True)
    assert [said(line)[0] for line in told.values()] == ["ok", "ok"]
    assert (own / "seen").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    ("name", "told"),
    [("none", "has no 'none'"), ("number", "is not a classifier")],
)
def test_a_classifier_that_is_none_is_a_cross(
    tmp_path: Path, store: BuiltStore, own: Path, name: str, told: str
) -> None:
    """With what is wrong."""
    line = looked_at(tmp_path, store, reviewer=f"doctored_module:{name}", folders=(own,))["usable"]
    assert (said(line)[0], told in line.message) == ("error", True), line


def test_a_module_that_is_not_there_is_a_cross(tmp_path: Path, store: BuiltStore) -> None:
    """Neither installed nor beside the caller."""
    line = looked_at(tmp_path, store, reviewer="no_such_module:x", folders=(tmp_path,))["usable"]
    assert (said(line)[0], "no_such_module" in line.message) == ("error", True)


def test_a_classifier_that_fails_gives_away_nothing(tmp_path: Path, store: BuiltStore, own: Path) -> None:
    """Neither a secret nor the record's text."""
    given: dict[str, Any] = {"environment": {"OPENAI_API_KEY": KEY}, "folders": (own,), "live": True}
    line = looked_at(tmp_path, store, reviewer="doctored_module:failing", **given)["answers"]
    assert said(line)[0] == "error"
    assert "RuntimeError" in line.message
    assert KEY not in line.message
    assert "concerns" not in line.message
    assert said(looked_at(tmp_path, store, reviewer="doctored_module:silent", **given)["answers"])[0] == "error"


def test_without_records_categories_are_not_known(tmp_path: Path, store: BuiltStore) -> None:
    """That is for the check of the records to say."""
    with ChatServer() as server:
        looked = setup(tmp_path, store, **asking(server))
        with variables(looked.environment):
            told = found(checks(looked))
    assert [said(line)[0] for line in told.values()] == ["skipped", "skipped"]


def test_variables_of_the_schedule_are_there_for_a_while() -> None:
    """Those of the caller stay as they are."""
    with variables({"DRIFT_OF_A_TEST": "1", "PATH": "/nowhere"}):
        assert (os.environ["DRIFT_OF_A_TEST"], os.environ["PATH"] == "/nowhere") == ("1", False)
    assert "DRIFT_OF_A_TEST" not in os.environ
