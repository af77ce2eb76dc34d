"""The options of the scheduler that `python -m drift_checks --run-once` replaces."""

from __future__ import annotations

import pytest

from drift_checks.commands.run_once import run


@pytest.mark.parametrize(
    ("arguments", "command", "rest"),
    [
        (["--start-scheduler"], "install systemd`", ""),
        (["--start-scheduler", "--interval-hours", "24"], "install systemd`", ""),
        (
            ["--start", "--interval=168", "--sample-size=50"],
            "install systemd --drift-sample-size=50`",
            "--every week",
        ),
        (["--interval-hours=6", "--db-path", "a b.db"], "install systemd '--drift-db=a b.db'`", "for every 6 hours"),
    ],
)
def test_a_scheduler_is_answered_with_the_command_that_schedules(
    arguments: list[str], command: str, rest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the settings of the command; no review runs, and the exit code is 4."""
    assert run(arguments) == 4
    printed = capsys.readouterr()
    assert (printed.out, command in printed.err, rest in printed.err) == ("", True, True)
    assert "keeps running" in printed.err
