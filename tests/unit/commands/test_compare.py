"""`python -m drift_checks compare`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from drift_checks.commands import chosen
from tests.support.histories import NIGHTS, altered, run
from tests.support.stores import BuiltStore
from tests.support.whole_runs import surroundings
from tests.unit.commands.test_commands import keep

DEMO = ("/demo.db", "/demo.db", "/other.db")


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
    assert document["criteria"] == {"agreement": ["OK", "WARNING"]}
    assert compare("previous", "latest", f"--drift-reports={reports}", f"--json={reports / 'found.json'}") == 0
    assert json.loads((reports / "found.json").read_text(encoding="utf-8")) == document


def test_the_run_before_the_newest_is_one_of_the_same_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless an option names another store."""
    stores = ("/a.db", "/a.db", "/b.db", "/a.db")
    reports = keep(tmp_path, *(run(night, db=db) for night, db in zip(NIGHTS, stores, strict=False)))
    assert compare("previous", "latest", f"--drift-reports={reports}", "--format=json") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == [NIGHTS[1], NIGHTS[3]]
    assert compare("previous", "latest", f"--drift-reports={reports}", "--drift-db=/b.db") == 5
    assert "there is no previous run of /b.db" in capsys.readouterr().err
    assert compare(NIGHTS[1], NIGHTS[2], f"--drift-reports={reports}") == 4


def test_what_else_changed_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Criteria, versions and settings; where a value comes from does not matter, nor whether a default is written."""
    same = {"warn": "0.85 (--drift-warn)", "table": "records (/srv/a (b)/pytest.ini)"}
    earlier = {
        "alerts": "() (--drift-alerts)",
        "columns": "(('id', 'key'),) (pytest.ini)",
        "chroma": "/c (--drift-chroma)",
    }
    later = {"baseline": "0 (pytest.ini)", "table": "records (--drift-table)", "chroma": "/c (pytest.ini)"}
    before = run(NIGHTS[0], agreed=48, model="small", settings=same | earlier)
    reports = keep(tmp_path, before, run(NIGHTS[1], agreed=30, model="large", settings=later))
    assert compare("previous", "latest", f"--drift-reports={reports}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:7] == [
        "agreement: OK → CRITICAL",
        "model of the reviewer: small → large",
        "setting alerts: none → not set",
        "setting columns: id=key → not set",
        "setting baseline: not set → 0",
    ]


def test_a_pipeline_does_not_take_two_runs_for_two_classifiers(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison of two runs never fails."""
    assert compare("previous", "latest", "--fail-if-worse", f"--drift-reports={reports}") == 4
    assert "--fail-if-worse: it compares two classifiers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "problem"), [("2026", "the ids of 2 runs begin with '2026'"), ("x", "there is no run 'x' in it")]
)
def test_an_unclear_run_is_refused(reports: Path, capsys: pytest.CaptureFixture[str], name: str, problem: str) -> None:
    """In one sentence."""
    assert compare(name, "latest", f"--drift-reports={reports}") == 4
    assert problem in capsys.readouterr().err


def test_records_of_one_sample_are_only_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has the news; programs get all records."""
    before, now = run(NIGHTS[0], agreed=48), altered(run(NIGHTS[1], agreed=48), sample={"record_ids": ()})
    reports = keep(tmp_path, before, replace(now, disagreements=()))
    assert compare("previous", "latest", f"--drift-reports={reports}") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:-2] == ["0 records in both samples", "2 only in the first sample"]
    assert lines[-1].endswith("--format=json lists them")


def test_runs_of_the_demo_are_found_among_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the option of the demo."""
    runs = [replace(run(night, db=db), demo=db == "/demo.db") for night, db in zip(NIGHTS, DEMO, strict=False)]
    reports = keep(tmp_path, *runs)
    assert compare("previous", "latest", "--drift-demo", f"--drift-reports={reports}", "--format=json") == 0
    assert json.loads(capsys.readouterr().out)["runs"] == [NIGHTS[0], NIGHTS[1]]


def _classify(label: str) -> str:
    return f"def classify(text):\n    return {label!r}\n"


def test_a_worse_classifier_fails_a_pipeline(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 1, in few calls, and with the advice to keep the other."""
    with surroundings(tmp_path):
        (tmp_path / "never.py").write_text(_classify("nothing of the kind"), encoding="utf-8")
        sides = ("--a=neighbours", "--b=never:classify", "--drift-embedding=tfidf")
        code = compare(*sides, "--fail-if-worse", "--format=json", f"--drift-db={store.db}", "--drift-chroma=none")
    document = json.loads(capsys.readouterr().out)
    assert (code, document["conclusion"]) == (1, "worse")
    assert "That alone is no reason to keep A: A votes over the store's own labels" in document["advice"]
    assert document["favours"] == ["a"]
    assert document["b"]["calls"] <= 40


def test_a_word_that_is_no_setting_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, before a store is opened."""
    with surroundings(tmp_path):
        assert compare("--b=llm-promt=new.txt") == 4
    assert "--b: 'llm-promt=new.txt' is neither a reviewer nor a setting of one" in capsys.readouterr().err


def test_an_error_of_a_side_names_its_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which the user gave, unlike the option of a review."""
    with surroundings(tmp_path):
        assert compare("--b=neighbors") == 4
        assert compare("--b=llm=new", "--b=llm-price=1") == 4
        assert compare("--b=embedding=tfidf") == 4
    first, second, third = capsys.readouterr().err.splitlines()
    assert "compare: --b: 'neighbors' is invalid;" in first
    assert first.endswith("did you mean 'neighbours'?")
    assert "compare: --b=llm-price: '1' is invalid;" in second
    assert "--b: 'embedding=tfidf' is neither a reviewer nor a setting of one" in third


def test_a_classifier_is_not_compared_with_itself(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A side that is omitted is as configured."""
    with surroundings(tmp_path):
        assert compare("--b=neighbours", f"--drift-db={store.db}") == 4
    assert "A and B are the same" in capsys.readouterr().err
