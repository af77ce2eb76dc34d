"""`python -m drift_checks compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drift_checks.commands import chosen
from tests.support.histories import NIGHTS, run
from tests.unit.commands.test_commands import keep


def compare(*arguments: object) -> int:
    """Run the subcommand in this process; return the exit code."""
    called = chosen(["compare", *map(str, arguments)])
    assert called is not None
    return called()


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The reports of two nights; on the second, more records disagree."""
    return keep(tmp_path, run(NIGHTS[0], agreed=48), run(NIGHTS[1], agreed=40))


def test_two_runs_are_compared_record_by_record(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By id, by its beginning, or by when they were."""
    assert compare(NIGHTS[0], "latest", f"--drift-reports={reports}") == 0
    by_id = capsys.readouterr().out
    assert by_id.splitlines()[0].startswith(f"{NIGHTS[0]}  OK  agreement 96 %")
    assert compare("20260110", NIGHTS[1], f"--drift-reports={reports}") == 0
    assert capsys.readouterr().out == by_id


def test_programs_read_json(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With both runs and the records."""
    assert compare("previous", "latest", f"--drift-reports={reports}", "--format=json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["runs"] == list(NIGHTS[:2])
    assert document["records"]


@pytest.mark.parametrize(("name", "problem"), [("2026", "2 runs begin with '2026'"), ("x", "'x' is not a run in")])
def test_an_unclear_run_is_refused(reports: Path, capsys: pytest.CaptureFixture[str], name: str, problem: str) -> None:
    """In one sentence."""
    assert compare(name, "latest", f"--drift-reports={reports}") == 4
    assert problem in capsys.readouterr().err
