"""Whether the reviewer is usable and, with `--live`, whether it answers, in one call."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from drift_checks.operations.doctor.check import Finding
from drift_checks.operations.doctor.environment import added_variables
from drift_checks.operations.doctor.reviewers import checks
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.doctoring import findings_of, put, setup, statuses
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
    """A folder with a module of the user's own, forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = put(tmp_path / "mine/doctored_module.py", OWN).parent
    yield folder
    sys.modules.pop("doctored_module", None)


def reviewer(tmp_path: Path, store: BuiltStore, *, is_open: bool = True, **given: Any) -> dict[str, Finding]:
    """Return the findings about the reviewer, by name."""
    look = setup(tmp_path, store, **given)
    if is_open:
        look.store.open()
    try:
        with added_variables(look.environment):
            return findings_of(checks(look))
    finally:
        look.store.close()


def asking(server: ChatServer, **changed: Any) -> dict[str, Any]:
    """Return settings that ask the server."""
    key = {"environment": {"DRIFT_LLM_API_KEY": KEY}, "timeout": 10.0}
    return {"reviewer": "llm", "llm_base_url": server.base_url, "llm_model": "a-model", "live": True, **key, **changed}


def test_the_neighbours_need_no_key(tmp_path: Path, store: BuiltStore) -> None:
    """Nor Chroma; they are not asked without `--live`."""
    found = reviewer(tmp_path, store)
    assert statuses(found) == {"usable": "ok", "answers": "skipped"}
    assert "--live" in found["answers"].remedy
    assert set(statuses(reviewer(tmp_path, store, chroma=None, live=True)).values()) == {"ok"}


def test_an_embedding_that_cannot_be_loaded_is_found(tmp_path: Path, store: BuiltStore) -> None:
    """Before a night's run is."""
    found = reviewer(tmp_path, store, embedding="no_such_module:embed")["usable"]
    assert (found.status, "no module 'no_such_module'" in found.message) == ("error", True)


def test_the_neighbours_answer_and_leave_the_store_unchanged(tmp_path: Path, store: BuiltStore) -> None:
    """From a private copy, which is removed."""
    before = contents(store.folder)
    assert reviewer(tmp_path, store, live=True)["answers"].status == "ok"
    assert contents(store.folder) == before
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_a_cluster_that_cannot_be_reached_is_found(tmp_path: Path, store: BuiltStore, own: Path) -> None:
    """Before a night's run is; it is not tried for a reviewer that does not run on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with patch("drift_checks.reviews.cluster.connection.CONNECT_SECONDS", 0.2):
            mine = reviewer(tmp_path, store, cluster=address, reviewer="doctored_module:financial", folders=(own,))
    assert (mine["cluster"].status, address in mine["cluster"].message) == ("error", True)
    assert "does not run on a cluster" in reviewer(tmp_path, store, cluster=address, reviewer="llm")["cluster"].message
    local = reviewer(tmp_path, store, cluster="local", reviewer="doctored_module:financial", folders=(own,))
    assert local["cluster"].status == "ok"


def test_a_model_answers_in_one_call(tmp_path: Path, store: BuiltStore) -> None:
    """And in none without `--live`, since a call may cost money."""
    with ChatServer() as server:
        assert statuses(reviewer(tmp_path, store, **asking(server, live=False)))["answers"] == "skipped"
        assert server.requests == []
        found = reviewer(tmp_path, store, **asking(server))
        assert len(server.requests) == 1
    assert statuses(found) == {"usable": "ok", "answers": "ok"}
    assert found["answers"].message.startswith("one record was reviewed by test-model-2026-01 in ")
    assert found["answers"].message.endswith(("ms", " s"))


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(api_key="another"),
        Behaviour(always=429, retry_after="60"),
        Behaviour(cut=1.0),
        Behaviour(garbage=1.0),
    ],
    ids=["refused", "busy", "cut", "garbage"],
)
def test_a_model_that_fails_is_asked_once(tmp_path: Path, store: BuiltStore, behaviour: Behaviour) -> None:
    """The message contains neither the key nor the record's text."""
    with ChatServer(behaviour) as server:
        line = reviewer(tmp_path, store, **asking(server))["answers"]
        assert 1 <= len(server.requests) <= 2
    assert line.status == "error"
    assert line.message
    assert KEY not in line.message + line.remedy
    assert "concerns" not in line.message + line.remedy


def test_a_slow_model_is_a_warning(tmp_path: Path, store: BuiltStore) -> None:
    """If it takes more than half of what a call may take."""
    with ChatServer(Behaviour(latency=2.2)) as server:
        line = reviewer(tmp_path, store, **asking(server, timeout=4.1))["answers"]
    assert (line.status, "a call may take 4.1 s" in line.message) == ("warning", True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"llm_model": None}, "needs a model"),
        ({"environment": {}}, "needs a key"),
        ({"taxonomy": Path("/none.yaml")}, "cannot be read"),
        ({"max_cost": 1.0, "reviewer": "doctored_module:financial"}, "max-cost"),
        ({"reviewer": "doctored_module:number"}, "doctored_module:number"),
        ({"reviewer": "no_such_module:x"}, "no_such_module"),
    ],
)
def test_an_unusable_reviewer_fails(
    tmp_path: Path, store: BuiltStore, own: Path, changed: dict[str, Any], message: str
) -> None:
    """Without being asked."""
    with ChatServer() as server:
        line = reviewer(tmp_path, store, folders=(own,), **asking(server, live=False, **changed))["usable"]
        assert server.requests == []
    assert (line.status, message in line.message) == ("error", True), line


def test_an_unusable_environment_fails(tmp_path: Path, store: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the variable."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with ChatServer() as server:
        line = reviewer(tmp_path, store, **asking(server, live=False))["usable"]
    assert (line.status, "SSL_CERT_FILE" in line.message) == ("error", True)


def test_a_rejected_parameter_is_named(tmp_path: Path, store: BuiltStore) -> None:
    """The review was made without it."""
    with ChatServer(Behaviour(refused_parameters=frozenset({"seed"}))) as server:
        line = reviewer(tmp_path, store, **asking(server))["answers"]
    assert (line.status, "without seed" in line.message) == ("ok", True)


def test_the_users_own_classifier_is_called_once(tmp_path: Path, store: BuiltStore, own: Path) -> None:
    """It may be beside the caller."""
    found = reviewer(tmp_path, store, reviewer="doctored_module:financial", folders=(own,), live=True)
    assert statuses(found) == {"usable": "ok", "answers": "ok"}
    assert (own / "seen").read_text(encoding="utf-8") == "x"


def test_a_failing_classifier_reveals_nothing(tmp_path: Path, store: BuiltStore, own: Path) -> None:
    """Neither a secret nor the record's text."""
    given: dict[str, Any] = {"environment": {"OPENAI_API_KEY": KEY}, "folders": (own,), "live": True}
    line = reviewer(tmp_path, store, reviewer="doctored_module:failing", **given)["answers"]
    assert (line.status, "RuntimeError" in line.message) == ("error", True)
    assert KEY not in line.message
    assert "concerns" not in line.message
    assert reviewer(tmp_path, store, reviewer="doctored_module:silent", **given)["answers"].status == "error"


def test_without_records_the_categories_are_unknown(tmp_path: Path, store: BuiltStore) -> None:
    """The check of the records reports that."""
    with ChatServer() as server:
        found = reviewer(tmp_path, store, is_open=False, **asking(server))
    assert set(statuses(found).values()) == {"skipped"}


def test_variables_are_added_for_a_while() -> None:
    """Those of the caller stay as they are."""
    with added_variables({"DRIFT_OF_A_TEST": "1", "PATH": "/nowhere"}):
        assert (os.environ["DRIFT_OF_A_TEST"], os.environ["PATH"] == "/nowhere") == ("1", False)
    assert "DRIFT_OF_A_TEST" not in os.environ


def scheduled(tmp_path: Path, own: Path, store: BuiltStore, carries: str) -> dict[str, Finding]:
    """Return the findings about a classifier that a schedule runs as the user ann, with these lines in its unit."""
    put(tmp_path / "etc/passwd", f"ann:x:{os.geteuid() or 4242}:4242::/home/ann:/bin/sh\n")
    put(tmp_path / "etc/systemd/system/drift-review.timer", "[Timer]\nOnCalendar=*-*-* 02:00:00 UTC\n")
    put(tmp_path / "etc/systemd/system/drift-review.service", f"[Service]\nUser=ann\n{carries}")
    return reviewer(tmp_path, store, reviewer="doctored_module:financial", folders=(own,))


def test_variables_that_the_schedule_does_not_carry_are_named(tmp_path: Path, own: Path, store: BuiltStore) -> None:
    """Those that the classifier's code names, with the command that adds them."""
    put(own / "doctored_module.py", OWN + "region = os.environ.get('REGION')\nkey = os.getenv('OWN_KEY')\n")
    found = scheduled(tmp_path, own, store, "LoadCredential=OPENAI_API_KEY:/etc/drift-checks/credentials/O\n")
    assert found["variables"].status == "warning"
    assert found["variables"].message == "its code names OWN_KEY, which the schedule does not carry"
    assert "install it again with --env OWN_KEY, unless" in found["variables"].remedy


def test_carried_variables_pass(tmp_path: Path, own: Path, store: BuiltStore) -> None:
    """Whether they are credentials, or variables in the file of settings."""
    put(own / "doctored_module.py", OWN + "key = os.getenv('OWN_KEY')\n")
    put(tmp_path / "etc/drift-checks/review.env", 'OWN_KEY="abc"\n')
    found = scheduled(tmp_path, own, store, "LoadCredential=OPENAI_API_KEY:/etc/drift-checks/credentials/O\n")
    assert (found["variables"].status, found["variables"].message) == (
        "ok",
        "the schedule carries OPENAI_API_KEY, OWN_KEY",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as another user")
def test_a_module_out_of_reach_of_the_schedules_user_fails(tmp_path: Path, own: Path, store: BuiltStore) -> None:
    """It names the folder, and how to give the right."""
    own.chmod(0o700)
    found = scheduled(tmp_path, own, store, "")
    assert found["reachable"].status == "error"
    assert "ann may not search" in found["reachable"].message
