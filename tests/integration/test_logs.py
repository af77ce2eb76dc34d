"""The log of complete runs, on stderr and in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.alert_messages import HOSTILE
from tests.support.stores import BuiltStore, build_store
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

LEVELS = {"OK": "INFO", "WARNING": "WARNING", "CRITICAL": "CRITICAL", "INCONCLUSIVE": "ERROR"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    """A store in which a record with a hostile text disagrees."""
    built = build_store(tmp_path_factory.mktemp("store"), disagreeing=range(4, 41, 4))
    built.execute("update risk_classifications set text = ? where id = 4", f"{HOSTILE} a telling text")
    return built


def events(text: str) -> list[dict[str, Any]]:
    """Return the events in a log, one per line."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("way", ["pytest", "pyargs", "module"])
def test_every_line_on_stderr_is_an_event_of_the_run(store: BuiltStore, tmp_path: Path, way: str) -> None:
    """From its start to the path of the report, however it was started."""
    if way == "pytest":
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
    arguments = ["--pyargs", "drift_checks"] if way == "pytest" else []
    run = run_here(tmp_path, *arguments, *store.options, *LOW_CONFIDENCE, way=way)
    found = events(run.err)
    assert {event["run_id"] for event in found} == {run.drift["run_id"]}
    assert [event["logger"] for event in found][:1] == ["drift_checks.run"]
    assert (found[-1]["logger"], found[-1]["message"]) == ("drift_checks.report", "written")
    (verdict,) = [event for event in found if event["logger"] == "drift_checks.verdict"]
    assert (verdict["verdict"], verdict["level"], verdict["exit_code"]) == ("CRITICAL", "CRITICAL", run.exit_code)
    criteria = {event["criterion"]: event for event in found if event["logger"] == "drift_checks.criteria"}
    assert criteria.keys() == {criterion["name"] for criterion in run.drift["criteria"]}
    for criterion in run.drift["criteria"]:
        assert criteria[criterion["name"]]["level"] == LEVELS.get(criterion["verdict"], "INFO")


@pytest.mark.parametrize("quiet", [(), ("--drift-quiet",)], ids=["printing", "quiet"])
def test_neither_a_text_nor_an_escape_is_logged(store: BuiltStore, tmp_path: Path, quiet: tuple[str, ...]) -> None:
    """Even if the check of the record failed; a quiet run logs only to its file, since cron mails what is printed."""
    run = run_here(tmp_path, *store.options, *LOW_CONFIDENCE, *quiet, "--drift-log-file=review.log")
    logged = (tmp_path / "review.log").read_text()
    assert events(logged)
    assert (run.err == "") is bool(quiet)
    assert [part for part in ("telling", "evil.example", "\x1b") if part in run.err + logged] == []


def test_a_refusal_is_logged(tmp_path: Path) -> None:
    """In the sentence that the user sees."""
    run = run_here(tmp_path, "--drift-db=missing.db", "--drift-chroma=missing", "--drift-log-file=review.log")
    (event,) = events((tmp_path / "review.log").read_text())
    assert (run.exit_code, event["level"], event["run_id"]) == (4, "ERROR", "-")
    assert "does not exist" in event["message"]


def test_collecting_logs_nothing(store: BuiltStore, tmp_path: Path) -> None:
    """`--collect-only` is not a run."""
    run = run_here(tmp_path, *store.options, "--collect-only", "--drift-log-file=review.log")
    assert (run.err, (tmp_path / "review.log").exists()) == ("", False)
