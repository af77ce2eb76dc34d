"""The log of whole runs: on stderr, in a file, and nowhere what must not be logged."""

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
    """A store in which a record disagrees whose text is hostile."""
    built = build_store(tmp_path_factory.mktemp("store"), disagreeing=range(4, 41, 4))
    built.execute("update risk_classifications set text = ? where id = 4", f"{HOSTILE} a telling text")
    return built


def events(text: str) -> list[dict[str, Any]]:
    """Return the events in a log; every line is one."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("way", ["pytest", "pyargs", "module"])
def test_every_line_on_stderr_is_an_event_of_the_run(store: BuiltStore, tmp_path: Path, way: str) -> None:
    """Whichever way it was begun: from its beginning to where the report is."""
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


def test_nothing_of_a_record_or_a_terminal_is_logged(store: BuiltStore, tmp_path: Path) -> None:
    """Neither its text nor an escape, though the check of the record failed."""
    run = run_here(tmp_path, *store.options, *LOW_CONFIDENCE, "--drift-log-file=review.log")
    logged = run.err + (tmp_path / "review.log").read_text()
    assert "telling" not in logged
    assert "evil.example" not in logged
    assert "\x1b" not in logged


def test_a_quiet_run_logs_to_its_file_alone(store: BuiltStore, tmp_path: Path) -> None:
    """Cron mails what is printed."""
    run = run_here(tmp_path, *store.options, *LOW_CONFIDENCE, "--drift-quiet", "--drift-log-file=review.log")
    assert run.err == ""
    assert events((tmp_path / "review.log").read_text())


def test_why_there_was_no_run_is_logged(tmp_path: Path) -> None:
    """In the sentence that the user is told."""
    run = run_here(tmp_path, "--drift-db=missing.db", "--drift-chroma=missing", "--drift-log-file=review.log")
    (event,) = events((tmp_path / "review.log").read_text())
    assert (run.exit_code, event["level"], event["run_id"]) == (4, "ERROR", "-")
    assert "does not exist" in event["message"]


def test_a_broken_configuration_is_refused_before_anything_runs(store: BuiltStore, tmp_path: Path) -> None:
    """With the reason, and exit 4."""
    (tmp_path / "logging.yaml").write_text("version: 2\n")
    run = run_here(tmp_path, *store.options, "--drift-log-config=logging.yaml")
    assert (run.exit_code, run.written) == (4, [])
    assert "log-config:" in run.err + run.out
    assert "Unsupported version: 2" in run.err + run.out


def test_only_looking_logs_nothing(store: BuiltStore, tmp_path: Path) -> None:
    """`--collect-only` is no run."""
    run = run_here(tmp_path, *store.options, "--collect-only", "--drift-log-file=review.log")
    assert (run.err, (tmp_path / "review.log").exists()) == ("", False)
