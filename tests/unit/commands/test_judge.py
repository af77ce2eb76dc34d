"""`python -m drift_checks judge`."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path

import pytest

from drift_checks.commands import chosen
from drift_checks.operations.judging.web import JudgingServer
from tests.support.judging import run_to_judge
from tests.support.processes import OtherProcess
from tests.support.stores import NAME, BuiltStore
from tests.support.whole_runs import surroundings
from tests.unit.commands.test_commands import keep


class Judging:
    """The command on a store with a run, in a folder of its own."""

    def __init__(self, store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.reports, self._capsys = folder, folder / "reports", capsys
        self.reports.mkdir()
        keep(self.reports, run_to_judge(store))
        self.options = [*store.options, f"--drift-reports={self.reports}"]

    def __call__(self, *arguments: str, keys: str = "") -> tuple[int, str]:
        """Return the exit code and what was printed."""
        called = chosen(["judge", *self.options, *arguments])
        assert called is not None
        with surroundings(self.folder), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", StringIO(keys))
            code = called()
        return code, "".join(self._capsys.readouterr())

    @property
    def saved(self) -> list[dict[str, object]]:
        """What was saved."""
        path = self.reports / "judgements.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def judge(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Judging:
    """The command."""
    return Judging(store, tmp_path, capsys)


def test_answers_are_saved_and_summed_up(judge: Judging) -> None:
    """Each key of a pipe is a line."""
    code, printed = judge("--by=anna", keys="1\nc\nq\n")
    assert code == 0
    assert "2 judgements saved\n" in printed
    assert [item["judge"] for item in judge.saved] == ["anna", "anna"]
    assert judge("--accuracy") == (0, printed.partition("saved\n")[2])


def test_without_a_terminal_there_are_other_ways(judge: Judging) -> None:
    """As in a container."""
    code, printed = judge()
    assert code == 4
    assert "record" not in printed
    assert "stdin: there is no terminal to read keys from; use --web, or --export and --import.\n" in printed


def test_the_page_is_served_until_ctrl_c(judge: Judging, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the summary is printed, as in the terminal."""

    def interrupted(server: JudgingServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(JudgingServer, "serve_forever", interrupted)
    code, printed = judge("--web")
    assert code == 0
    assert printed.startswith("Judge at http://127.0.0.1:")
    assert "no estimate yet" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["--drift-reports=nowhere"], 5, "there is no history; a run creates it; name another folder of reports with"),
        (["--drift-redact"], 4, "redact: judging shows texts"),
        (["--web", "--drift-redact"], 4, "redact: judging shows texts"),
        (["--export=a", "--waiting", "--drift-redact"], 4, "redact: judging shows texts"),
        (["--waiting"], 4, "--waiting: it says what --export writes"),
        (["--import=nothing.csv"], 4, "nothing.csv cannot be read"),
        (["--export=missing/a.csv"], 4, "cannot be written"),
        (["--drift-table=other"], 4, "table"),
        (["--export=a.json"], 4, "a.json does not tell its format; add --format=argilla or label-studio."),
        (["--import=a"], 4, "a does not tell its format; add --format=csv, jsonl, argilla or label-studio."),
        (["--record=1", "--accuracy"], 4, "--record: it says what to judge"),
        (["--record=99"], 4, "--record: no run with the versions of the newest one reviewed record '99'"),
        (["--by= "], 4, "--by: the name of the judge is not known; give it with --by=NAME."),
    ],
)
def test_a_mistake_is_one_sentence(judge: Judging, arguments: list[str], code: int, problem: str) -> None:
    """Without a traceback."""
    found, printed = judge(*arguments)
    assert found == code
    assert problem in printed
    assert printed.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(judge: Judging) -> None:
    """Whatever stands in the way."""
    (judge.reports / ".judging").mkdir()
    code, printed = judge(keys="c\n")
    assert code == 4
    assert ".judging: cannot be opened (Is a directory); check its owner and mode.\n" in printed


def test_nothing_may_wait(judge: Judging) -> None:
    """Or others may be judging all that does."""
    with OtherProcess() as other:
        other.run("from pathlib import Path; from drift_checks.core.files import Claims")
        other.run(f"claims = Claims(Path({str(judge.reports / '.judging')!r}))")
        other.run("answer = [claims.take(str(key)) for key in range(1, 13)]")
        code, printed = judge(keys="c\n")
    assert (code, "others are judging all records that wait; try again later" in printed) == (5, True)
    assert "12 judgements saved; no more records wait" in judge(keys="c\n" * 12)[1]
    assert judge()[0] == 5
    assert "no record waits for a judgement" in judge("--web")[1]


def test_judgements_are_exported_and_imported_once(judge: Judging) -> None:
    """A second import adds nothing."""
    judge("--by=anna", keys="1\n2\nb\nq\n")
    assert judge("--export=out.csv")[1] == f"3 judgements written to {judge.folder / 'out.csv'}\n"
    (judge.reports / "judgements.jsonl").unlink()
    assert judge("--import=out.csv")[1].startswith("3 judgements added to ")
    assert judge("--import=out.csv")[1].endswith("; 3 were there already\n")
    assert len(judge.saved) == 3


def test_waiting_records_are_exported_for_people_elsewhere(judge: Judging) -> None:
    """What they answer there is imported under their names."""
    printed = judge("--export=tasks.json", "--waiting=3", "--format=label-studio")[1]
    assert printed == f"3 waiting records written to {judge.folder / 'tasks.json'}\n"
    tasks = json.loads((judge.folder / "tasks.json").read_text())
    assert all(task["data"]["text"] and not task["annotations"] for task in tasks)
    printed = judge("--import=tasks.json", "--format=label-studio")[1]
    assert printed == "0 judgements added: none of the 3 tasks has an answer\n"
    chosen = {"type": "choices", "value": {"choices": [tasks[0]["data"]["stored"]]}}
    tasks[0]["annotations"] = [{"result": [chosen], "completed_by": {"email": "ben@example.com"}}]
    (judge.folder / "tasks.json").write_text(json.dumps(tasks))
    printed = judge("--import=tasks.json", "--format=label-studio")[1]
    assert printed == f"1 judgement added to {judge.reports / 'judgements.jsonl'}; 2 records have no answer\n"
    assert [(item["judge"], item["record_id"]) for item in judge.saved] == [
        ("ben@example.com", tasks[0]["data"]["record_id"])
    ]


def test_a_file_in_another_format_is_refused_with_the_one_to_name(judge: Judging) -> None:
    """Without words of a parser."""
    judge("--export=tasks.jsonl", "--waiting=2", "--format=argilla")
    code, printed = judge("--import=tasks.jsonl")
    assert code == 4
    assert printed.endswith("tasks.jsonl cannot be read as jsonl; add --format=argilla.\n")
    (judge.folder / "a.csv").write_text("x\n1\n")
    assert "a.csv cannot be read as csv: it has no column record_id or" in judge("--import=a.csv")[1]


def test_a_wrong_answer_of_an_earlier_session_is_corrected(judge: Judging, store: BuiltStore) -> None:
    """By the same judge; a record that changed since cannot be judged."""
    judge("--by=anna", "--record=3", "--named", keys="1\nq\n")
    printed = judge("--by=anna", "--record=3", "--named", keys="2\nq\n")[1]
    assert "record 3\nYou have judged this record. A new answer replaces yours.\n" in printed
    assert [(item["record_id"], item["answer"], item["origin"]) for item in judge.saved] == [
        (3, "store", "picked"),
        (3, "reviewer", "picked"),
    ]
    assert judge("--export=out.jsonl")[1].startswith("1 judgement written")
    store.execute(f"update {NAME} set category = 'new' where id = 3")
    assert "record '3' is gone, or its category changed since it was reviewed" in judge("--record=3")[1]


def test_the_settings_of_the_folder_count(judge: Judging, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the file that pytest would read, as in a review by hand."""
    pairs = [option.removeprefix("--").split("=", 1) for option in judge.options]
    lines = [f"{name.replace('-', '_')} = {value}" for name, value in pairs]
    (judge.folder / "pytest.ini").write_text("\n".join(["[pytest]", *lines]))
    for command in (["judge", "--accuracy"], ["repair", "--status"]):
        called = chosen(command)
        assert called is not None
        with surroundings(judge.folder):
            assert called() in (0, 5)
        assert "no store is configured" not in "".join(capsys.readouterr())
