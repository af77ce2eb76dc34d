"""`python -m drift_checks acknowledge`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from drift_checks.commands import chosen
from drift_checks.report.acknowledgements import Acknowledgement
from drift_checks.report.history.acknowledged import Acknowledgements
from drift_checks.report.history.database import History
from drift_checks.report.history.reading import NAME
from drift_checks.report.history.recorded import RecordedDisagreement, RecordedRun
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer
from tests.support.histories import NIGHTS, STORE, run
from tests.support.judgements import judgement
from tests.support.processes import OtherProcess, run_unprivileged
from tests.unit.commands.test_commands import keep, module

# The last day that the tests name: far enough from a midnight that passes meanwhile.
DAY = datetime.now(UTC).date() + timedelta(days=30)
MADE = ("--until", str(DAY), "--reason", "the guideline is being changed")


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A width is that of the test's own, not of the machine's terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


def found(*record_ids: int | str, night: int = 0, verdict: Verdict = Verdict.WARNING, **changed: Any) -> RecordedRun:
    """Return a run in which these records disagreed and the criterion `agreement` came to the verdict."""
    made = run(NIGHTS[night], **changed)
    disagreements = tuple(
        RecordedDisagreement(
            record_id=key,
            stratum="old",
            stored="fraud",
            reviewed="loan",
            stored_confidence=0.5,
            reviewed_confidence=None,
        )
        for key in record_ids
    )
    criteria = tuple(replace(item, verdict=verdict) if item.name == "agreement" else item for item in made.criteria)
    return replace(made, disagreements=disagreements, criteria=criteria)


def acknowledge(reports: Path, *arguments: object) -> int:
    """Run the subcommand in this process; return the exit code."""
    called = chosen(["acknowledge", *map(str, arguments), "--reports", str(reports)])
    assert called is not None
    try:
        return called()
    except SystemExit as stop:
        return int(stop.code or 0)


def kept(reports: Path) -> list[Acknowledgement]:
    """Return what holds of the store."""
    with History(reports) as history:
        return Acknowledgements(history).of_store(STORE)


def refused(captured: pytest.CaptureFixture[str], reports: Path, *arguments: object) -> tuple[int, str]:
    """Return exit code and sentence of a subcommand that prints nothing else."""
    code = acknowledge(reports, *arguments)
    out, err = captured.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return code, err


def test_a_disagreement_is_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its pair and the run's versions, to the end of the day in UTC, and confirmed."""
    keep(tmp_path, found(12, store_versions={"model_version": "gpt-4"}))
    assert acknowledge(tmp_path, "12", *MADE) == 0
    (item,) = kept(tmp_path)
    assert (item.record_id, item.stored, item.reviewed, item.criterion) == (12, "fraud", "loan", None)
    assert item.versions == {"model_version": "gpt-4", "reviewer": "neighbours", "reviewer_basis": "Chroma"}
    assert item.until == datetime.combine(DAY + timedelta(days=1), time(), UTC)
    said = capsys.readouterr().out
    assert f"record 12 (fraud → loan) is acknowledged until {DAY}, as number {item.number}" in said
    for part in (NIGHTS[0], STORE.db, MADE[3], "model of the store (now gpt-4)", "reviewer (now neighbours)"):
        assert part in said


def test_a_criterion_is_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the verdict that it came to in the newest run."""
    keep(tmp_path, found(12, verdict=Verdict.CRITICAL), found(12, night=1))
    assert acknowledge(tmp_path, "agreement", *MADE) == 0
    (item,) = kept(tmp_path)
    assert (item.criterion, item.verdict, item.record_id) == ("agreement", Verdict.WARNING, None)
    assert "a verdict worse than WARNING" in capsys.readouterr().out


def test_a_second_one_replaces_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says which, until when it was and why."""
    keep(tmp_path, found(12))
    assert acknowledge(tmp_path, "12", *MADE) == 0
    later = DAY + timedelta(days=9)
    assert acknowledge(tmp_path, "12", "--until", later, "--reason", "still") == 0
    (item,) = kept(tmp_path)
    assert (item.reason, item.number) == ("still", 2)
    assert f"it replaces number 1, which was until {DAY} ({MADE[3]})" in capsys.readouterr().out


def test_stored_names_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither ids nor categories, files and reasons; when it is made, listed and withdrawn."""
    made = found("\x1b[31m12", db="/data/\x1b[2J.db", reviewer="\x1b[3mown")
    pair = replace(made.disagreements[0], stored="\x1b[1mfraud")
    keep(tmp_path, replace(made, disagreements=(pair,)))
    reason = ("--until", str(DAY), "--reason", "\x1b[5mwhy")
    assert acknowledge(tmp_path, "\x1b[31m12", *reason) == 0
    assert acknowledge(tmp_path, "--list") == 0
    assert acknowledge(tmp_path, "--withdraw", 1) == 0
    assert acknowledge(tmp_path, "\x1b[31mnone", *reason) == 5
    assert "\x1b" not in "".join(capsys.readouterr())


WRONG_USE = {
    "no date": (["12", "--reason", "x"], "--until: is missing"),
    "no reason": (["12", "--until", str(DAY)], "--reason: is missing or empty"),
    "an empty reason": (["12", "--until", str(DAY), "--reason", " \n"], "--reason: is missing or empty"),
    "yesterday": (["12", "--until", "2020-01-31", "--reason", "x"], "'2020-01-31' is past"),
    "no day": (["12", "--until", "2027-02-30", "--reason", "x"], "it must be a day (in UTC) as in"),
    "a date for the list": (["--list", "--until", str(DAY)], "omit them with this option"),
    "a reason for a withdrawal": (["--withdraw", "1", "--reason", "x"], "omit them with this option"),
}


@pytest.mark.parametrize("case", WRONG_USE)
def test_wrong_usage_exits_with_4(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """The message says what is allowed; nothing is stored."""
    keep(tmp_path, found(12))
    arguments, sentence = WRONG_USE[case]
    code, told = refused(capsys, tmp_path, *arguments)
    assert (code, sentence in told, kept(tmp_path)) == (4, True, []), told


@pytest.mark.parametrize("arguments", [[], ["12", "--list"], ["12", "--criterion", "agreement"], ["--format", "csv"]])
def test_one_thing_is_done_at_a_time(tmp_path: Path, arguments: list[str]) -> None:
    """Exactly one."""
    keep(tmp_path, found(12))
    assert acknowledge(tmp_path, *arguments) == 4


@pytest.mark.parametrize("arguments", [["12", *MADE], ["--list"], ["--withdraw", "1"]])
def test_without_a_history_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A sentence says where it was looked for."""
    code, told = refused(capsys, tmp_path, *arguments)
    assert (code, str(tmp_path / NAME) in told, list(tmp_path.iterdir())) == (5, True, [])


def test_a_history_without_runs_or_acknowledgements_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to acknowledge, or nothing to list."""
    code, said = refused(capsys, keep(tmp_path), "12", *MADE)
    assert (code, "there are no runs in it yet" in said) == (5, True)
    code, said = refused(capsys, tmp_path, "--list")
    assert (code, "there are no acknowledgements" in said) == (5, True)


def test_one_of_several_stores_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its file, and by table and collection where files have several."""
    keep(tmp_path, found(12), found(12, night=1, db="/data/a.db"), found(12, night=2, db="/data/a.db", table="b"))
    code, told = refused(capsys, tmp_path, "12", *MADE)
    assert (code, "name one with --store" in told, STORE.db in told) == (4, True, True)
    assert refused(capsys, tmp_path, "12", *MADE, "--store", "/data/a.db")[0] == 4
    assert acknowledge(tmp_path, "12", *MADE, "--store", "/data/a.db", "--table", "b") == 0
    assert acknowledge(tmp_path, "12", *MADE, "--store", STORE.db) == 0
    assert [item.store for item in kept(tmp_path)] == [STORE]
    capsys.readouterr()
    code, told = refused(capsys, tmp_path, "12", *MADE, "--store", "/data/none.db")
    assert (code, "there are some of: " in told) == (5, True)


def listed(captured: pytest.CaptureFixture[str], reports: Path) -> list[dict[str, Any]]:
    """Return what `--list --format json` prints."""
    captured.readouterr()
    assert acknowledge(reports, "--list", "--format", "json") == 0
    found: list[dict[str, Any]] = json.loads(captured.readouterr().out)
    return found


def test_the_list_shows_all_states(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, and as JSON."""
    keep(tmp_path, found(12, 13, "agreement"))
    for word in ("12", "13", "agreement"):
        assert acknowledge(tmp_path, word, *MADE) == 0
    assert acknowledge(tmp_path, "--withdraw", 1) == 0
    with History(tmp_path) as history:
        Acknowledgements(history).end({2: "the model is another"}, NIGHTS[1])
    assert [item["state"] for item in listed(capsys, tmp_path)] == ["withdrawn", "ended", "holds"]
    assert acknowledge(tmp_path, "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"store {STORE.db}"
    assert lines[1].split() == ["number", "what", "until", "state", "reason"]
    assert ["withdrawn" in lines[2], "ended: the model is another" in lines[3], "holds" in lines[4]] == [True] * 3


def test_the_list_shows_what_people_settled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disagreement in which all judges call the store right; the others still count."""
    keep(tmp_path, found(12))
    right, wrong, disputed = judgement(12), judgement(13, Answer.REVIEWER), judgement(14)
    agreed = judgement(15, Answer.BOTH, reviewed="fraud")
    other = replace(disputed, judge="ben", answer=Answer.REVIEWER)
    JudgementFile(tmp_path).add([agreed, right, wrong, disputed, other])
    [item] = listed(capsys, tmp_path)
    assert (item["record_id"], item["state"], item["reason"]) == (12, "judged", right.sentence())
    assert acknowledge(tmp_path, 12, *MADE) == 0
    assert set(listed(capsys, tmp_path)[0]) == set(item)
    assert acknowledge(tmp_path, "--list") == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.split("  ")[-1] == "judged by anna on 2026-01-15: the store is right"


def test_an_expired_one_is_listed_as_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before any run has reported it."""
    keep(tmp_path, found(12))
    past = Acknowledgement(0, STORE, datetime(2026, 1, 1, tzinfo=UTC), "x", datetime(2025, 1, 1, tzinfo=UTC), {}, 12)
    with History(tmp_path) as history:
        Acknowledgements(history).add(past)
    assert [item["state"] for item in listed(capsys, tmp_path)] == ["ended"]


def test_a_withdrawn_one_is_no_longer_in_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And cannot be withdrawn twice."""
    keep(tmp_path, found(12))
    assert acknowledge(tmp_path, "12", *MADE) == 0
    assert acknowledge(tmp_path, "--withdraw", "1") == 0
    assert kept(tmp_path) == []
    assert "number 1 is withdrawn: record 12 (fraud → loan)" in capsys.readouterr().out
    code, told = refused(capsys, tmp_path, "--withdraw", "1")
    assert (code, "is no longer in force: withdrawn" in told) == (5, True)


@pytest.mark.parametrize("number", ["2", "0", "one", "-1", "9" * 30])
def test_another_number_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str) -> None:
    """The message lists the existing numbers."""
    keep(tmp_path, found(12))
    assert acknowledge(tmp_path, "12", *MADE) == 0
    capsys.readouterr()
    code, told = refused(capsys, tmp_path, f"--withdraw={number}")
    assert (code, "the numbers are: 1" in told) == (5, True)


def test_acknowledging_works_during_a_run(tmp_path: Path) -> None:
    """The run has the history open and the folder locked; it sees the acknowledgement when it reads again."""
    keep(tmp_path, found(12))
    looking = f"""
from pathlib import Path
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.database import History
from drift_checks.report.history.acknowledged import Acknowledgements
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer
from drift_checks.stores.identity import StoreIdentity
from tests.support.judgements import judgement
history = History(Path({str(tmp_path)!r}))
look = lambda: [item.record_id for item in Acknowledgements(history).of_store(StoreIdentity(*{tuple(STORE)!r}))]
answer = look()
"""
    with OtherProcess() as other:
        assert other.run(looking) == []
        done = module("acknowledge", "12", *MADE, "--reports", tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert other.run("answer = look()") == [12]


def test_a_history_that_may_not_be_written_is_reported(tmp_path: Path) -> None:
    """In a sentence; the list is printed all the same."""
    keep(tmp_path, found(12))
    assert acknowledge(tmp_path, "12", *MADE) == 0
    (tmp_path / NAME).chmod(0o444)
    tmp_path.chmod(0o555)
    code = f"""
import sys
from drift_checks.commands import chosen
sys.stderr = sys.stdout
print(chosen(["acknowledge", "12", *{MADE!r}, "--reports", {str(tmp_path)!r}])())
print(chosen(["acknowledge", "--list", "--format", "json", "--reports", {str(tmp_path)!r}])())
"""
    told = run_unprivileged(code)
    tmp_path.chmod(0o755)
    assert "the history cannot be written (" in told
    assert "Traceback" not in told
    assert '"state": "holds"' in told
    assert told.endswith("]\n0")
