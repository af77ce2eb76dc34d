"""`python -m drift_checks history`."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from drift_checks.commands import chosen
from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.history.reading import NAME
from drift_checks.report.history.recorded import recorded_run
from drift_checks.report.verdict import Verdict
from tests.support.histories import NIGHTS, STORE, altered, night, run
from tests.support.processes import run_unprivileged
from tests.unit.commands.test_commands import keep, module


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A width is that of the test's own, not of the machine's terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The reports of six nights, on which agreement fell."""
    return keep(tmp_path, *(run(name, agreed=50 - 3 * place) for place, name in enumerate(NIGHTS)))


def history(*arguments: object) -> int:
    """Run the subcommand in this process; return the exit code."""
    called = chosen(["history", *map(str, arguments)])
    assert called is not None
    return called()


def lines(captured: pytest.CaptureFixture[str], *arguments: object) -> list[str]:
    """Return what the subcommand prints."""
    assert history(*arguments) == 0
    return captured.readouterr().out.splitlines()


def refused(captured: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Return exit code and sentence of a subcommand that prints nothing else."""
    code = history(*arguments)
    out, err = captured.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return code, err


def test_the_table_has_a_line_a_run(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oldest first, with what all have in common above."""
    found = lines(capsys, "--reports", reports)
    assert found[0] == f"reviewer neighbours · store {STORE.db}"
    assert found[1].split() == ["when", "(UTC)", "verdict", "agreement", "reviewed", "failed"]
    assert [line.split()[:3] for line in found[2:]] == [
        ["2026-01-10", "02:00", "OK"],
        ["2026-01-11", "02:00", "OK"],
        ["2026-01-12", "02:00", "OK"],
        ["2026-01-13", "02:00", "WARNING"],
        ["2026-01-14", "02:00", "WARNING"],
        ["2026-01-15", "02:00", "CRITICAL"],
    ]
    assert "70 % (56–81 %)" in found[-1]
    assert [line.split()[-1] for line in found[2:]] == ["–"] * 3 + ["agreement"] * 3


def test_at_most_the_last_runs_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By default 20, which fit on a screen."""
    keep(tmp_path, *(run(night(number)) for number in range(23)))
    assert len(lines(capsys, "--reports", tmp_path)) == 22
    found = lines(capsys, "--reports", tmp_path, "--last", 2)
    assert [line[:10] for line in found[2:]] == ["2026-01-31", "2026-02-01"]


def test_the_folder_is_that_of_the_variable_or_reports(
    reports: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the option names it."""
    monkeypatch.setenv("DRIFT_REPORTS", str(reports))
    assert len(lines(capsys)) == 8
    monkeypatch.delenv("DRIFT_REPORTS")
    monkeypatch.chdir(reports)
    (reports / "reports").symlink_to(".")
    assert len(lines(capsys)) == 8


LONG = [
    replace(
        run(NIGHTS[0]),
        verdict=Verdict.CRITICAL,
        criteria=tuple(
            replace(run().criteria[0], name=name, verdict=Verdict.WARNING)
            for name in ("agreement", "agreement_by_slice", "confidence_change", "category_flow", "trend")
        ),
    ),
    altered(
        run(NIGHTS[1], db="/data/other.db", reviewer="llm", model="a-model-of-some-vendor-2026"),
        agreement={"reviewed": 123456},
    ),
]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_width(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Long cells go on below; dates, verdicts and rates stay whole."""
    monkeypatch.setenv("COLUMNS", str(width))
    found = lines(capsys, "--reports", keep(tmp_path, *LONG))
    assert max(map(len, found)) <= width
    assert len([line for line in found if line.startswith("2026-01-1") and " 90 % (79–96 %) " in line]) == 2


def test_in_a_pipe_a_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that grep finds it whole; store and reviewer are columns where they differ."""
    found = lines(capsys, "--reports", keep(tmp_path, *LONG))
    assert found[0].split()[-2:] == ["reviewer", "store"]
    assert found[1].endswith("trend  neighbours                       risk_classifications.db")
    assert found[2].endswith("llm a-model-of-some-vendor-2026  other.db")


def test_what_was_not_measured_is_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Never a rate of 0."""
    keep(
        tmp_path,
        altered(run(), verdict=Verdict.INCONCLUSIVE, agreement={"rate": None, "interval": None, "reviewed": 0}),
    )
    assert lines(capsys, "--reports", tmp_path)[2].split()[2:5] == ["INCONCLUSIVE", "–", "0"]


def test_stored_names_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters are replaced, and brackets are no markup."""
    keep(tmp_path, run(reviewer="\x1b[31m[red]own"))
    assert "\ufffd[31m[red]own" in lines(capsys, "--reports", tmp_path)[0]


def in_terminal(reports: Path, **changed: str) -> str:
    """Return what the subcommand prints on a terminal."""
    ours, theirs = pty.openpty()
    command_line = [sys.executable, "-m", "drift_checks", "history", "--reports", str(reports)]
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    done = subprocess.run(command_line, stdout=theirs, env=environment | {"TERM": "xterm-256color"} | changed)
    assert done.returncode == 0
    os.close(theirs)
    text = os.read(ours, 100_000).decode()
    os.close(ours)
    return text


def test_a_terminal_sees_colours(reports: Path) -> None:
    """Unless it asks for none."""
    assert "\x1b[31mCRITICAL" in in_terminal(reports)
    assert "\x1b[" not in in_terminal(reports, NO_COLOR="1")


def test_a_pipe_sees_none(reports: Path) -> None:
    """Whatever the environment wishes."""
    assert "\x1b" not in module("history", "--reports", reports, FORCE_COLOR="1", TTY_COMPATIBLE="1").stdout


def test_json_has_the_names_of_the_report(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is read back is the run."""
    found = json.loads("\n".join(lines(capsys, "--reports", reports, "--format", "json")))
    assert [recorded_run(item) for item in found] == [
        run(name, agreed=50 - 3 * place) for place, name in enumerate(NIGHTS)
    ]


def rows(captured: pytest.CaptureFixture[str], reports: Path) -> list[dict[str, str]]:
    """Return the rows of the CSV."""
    assert history("--reports", reports, "--format", "csv") == 0
    return list(csv.DictReader(io.StringIO(captured.readouterr().out, newline="")))


def test_csv_has_a_row_a_run(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With plain numbers."""
    found = rows(capsys, reports)
    assert [row["run_id"] for row in found] == NIGHTS
    shown = [found[-1][name] for name in ("verdict", "agreed", "reviewed", "rate", "failed", "population_rate")]
    assert shown == ["CRITICAL", "35", "50", "0.7", "agreement", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "＝", "\r", "\n-"])
def test_no_cell_is_a_formula(tmp_path: Path, capsys: pytest.CaptureFixture[str], start: str) -> None:
    """A spreadsheet shows it as text; negative numbers stay numbers."""
    keep(tmp_path, altered(run(reviewer=f"{start}cmd()"), agreement={"confidence_change": -0.02}))
    (row,) = rows(capsys, tmp_path)
    assert (row["reviewer"], row["confidence_change"]) == (f"'{start}cmd()", "-0.02")


def test_runs_of_one_store(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Named as a path, relative to the caller's folder."""
    named = [run(NIGHTS[0]), run(NIGHTS[1], db=f"{tmp_path}/a.db"), run(NIGHTS[2], db=f"{tmp_path}/a.db", table="b")]
    keep(tmp_path, *named)
    monkeypatch.chdir(tmp_path)
    found = lines(capsys, "--reports", tmp_path, "--store", "a.db")
    assert [line[:10] for line in found[2:]] == ["2026-01-11", "2026-01-12"]
    found = lines(capsys, "--reports", tmp_path, "--store", "a.db", "--last", 1)
    assert found[0].endswith(f"store {tmp_path}/a.db")


def test_a_store_without_runs_is_reported(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With those that have some."""
    code, told = refused(capsys, "--reports", reports, "--store", "/elsewhere.db")
    assert code == 5
    assert "there are no runs of /elsewhere.db" in told
    assert STORE.db in told


@pytest.mark.parametrize("there", ["no folder", "no file", "empty file", "no runs"])
def test_without_a_history_a_sentence_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str) -> None:
    """That is not a usage error."""
    folder = tmp_path / "reports"
    if there != "no folder":
        folder.mkdir()
    if there == "empty file":
        (folder / NAME).touch()
    if there == "no runs":
        keep(folder)
    code, told = refused(capsys, "--reports", folder)
    assert code == 5
    assert str(folder / NAME) in told


def test_a_damaged_history_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And left as it is."""
    (tmp_path / NAME).write_bytes(b"this is no database" * 400)
    code, told = refused(capsys, "--reports", tmp_path)
    assert (code, "cannot be read (file is not a database)" in told) == (4, True)
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_a_history_that_may_not_be_read_is_reported(reports: Path) -> None:
    """In one sentence."""
    (reports / NAME).chmod(0)
    code = f"""
import sys
from drift_checks.commands import chosen
sys.stderr = sys.stdout
print(chosen(["history", "--reports", {str(reports)!r}])())
"""
    told = run_unprivileged(code)
    assert "the history cannot be read (" in told
    assert told.endswith("\n4")


@pytest.mark.parametrize(
    "wrong", [["--last", "0"], ["--last", "-3"], ["--last", "many"], ["--format", "xml"], ["more"], ["--reports", ""]]
)
def test_wrong_usage_exits_with_4(capsys: pytest.CaptureFixture[str], wrong: Sequence[str]) -> None:
    """As everywhere in the suite."""
    try:
        code = history(*wrong)
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 4
    assert capsys.readouterr().err.splitlines()[-1].startswith("python -m drift_checks history: ")


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    """As with `| head`."""
    reports = keep(tmp_path, *(run(night(number)) for number in range(20)))
    command_line = [sys.executable, "-m", "drift_checks", "history", "--reports", str(reports), "--format", "json"]
    with subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_ascii_terminal_gets_replacements(reports: Path) -> None:
    """The verdicts are there all the same."""
    done = module("history", "--reports", reports, PYTHONIOENCODING="ascii")
    assert (done.returncode, "CRITICAL" in done.stdout) == (0, True)


def test_last_change_of_agreement_is_below_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the newest run found it."""
    runs = [run(name) for name in NIGHTS[:3]]
    change = AgreementChange(
        run_id=NIGHTS[1],
        started=runs[1].started,
        earliest=runs[1].started,
        latest=runs[2].started,
        before=0.93,
        after=0.81,
        p_value=0.001,
    )
    reports = keep(tmp_path, *runs[:2], replace(runs[2], agreement_changes=(change,)))
    assert lines(capsys, "--reports", reports)[-1] == (
        "agreement in the sample fell from 93 % to 81 % on 2026-01-11 (between 2026-01-11 and 2026-01-12);"
        " no version changed then"
    )
