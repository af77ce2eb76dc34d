"""`python -m drift_checks repair`."""

from __future__ import annotations

import json
import runpy
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.commands import run_command
from drift_checks.operations.repair.effect import notes_on_repair
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, Judgement, hash_of
from drift_checks.reviews.preparation import Preparation
from drift_checks.settings.declarations import Settings
from drift_checks.stores.identity import StoreIdentity
from drift_checks.stores.vectors.chroma import DirectoryCollection
from tests.support.folders import contents
from tests.support.judgements import judgement
from tests.support.stores import NAME, BuiltStore


def repair(store: BuiltStore, *arguments: object) -> int:
    """Run the subcommand in this process; return the exit code."""
    given = [f"--drift-db={store.db}", f"--drift-chroma={store.chroma}", f"--drift-reports={store.folder / 'reports'}"]
    return run_command("repair", [*given, *map(str, arguments)])


def judged(store: BuiltStore, *judgements: tuple[int, Answer, str]) -> None:
    """Save judgements of records, which are operational by the reviewer."""
    JudgementFile(store.folder / "reports").add([_made(store, *item) for item in judgements])


def _made(store: BuiltStore, key: int, answer: Answer, category: str) -> Judgement:
    return judgement(
        key,
        answer,
        store=StoreIdentity(str(store.db), NAME, NAME),
        text_hash=hash_of(rows(store)[key][0]),
        stored=rows(store)[key][1],
        reviewed="operational",
        category=category,
    )


def rows(store: BuiltStore) -> dict[int, tuple[str, str]]:
    """Return the text and category of each record."""
    with closing(sqlite3.connect(store.db)) as connection:
        return {key: found for key, *found in connection.execute(f"select id, text, category from {NAME}")}


def in_chroma(store: BuiltStore) -> dict[object, object]:
    """Return the categories in Chroma's metadata, by the record."""
    collection = DirectoryCollection(store.chroma, NAME, store.folder.parent / "snapshots")
    try:
        found = collection.entries(list(collection.ids())).values()
        return {entry.metadata["record_id"]: entry.metadata["category"] for entry in found}
    finally:
        collection.close()


def run_in_sqlite(store: BuiltStore, script: Path) -> None:
    """Run a script with the rights of the user."""
    with closing(sqlite3.connect(store.db)) as connection:
        connection.executescript(script.read_text())


# Records 1 and 4 are regulatory, 3 is financial and 2 operational.
ANSWERS = [
    *[(1, Answer.REVIEWER, ""), (3, Answer.OTHER, "unheard of"), (4, Answer.REVIEWER, "")],
    *[(2, Answer.STORE, ""), (6, Answer.UNKNOWN, "")],
]


def test_a_plan_is_applied_and_undone(
    store: BuiltStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In SQLite and in Chroma; what changed meanwhile stays as it is, and undo restores all the others."""
    judged(store, *ANSWERS)
    assert repair(store, "--from-judgements", f"--output={tmp_path / 'plan'}") == 0
    before, entries = rows(store), in_chroma(store)
    store.execute(f"update {NAME} set category = 'financial' where id = 4")
    script = str(tmp_path / "plan" / "repair_chroma.py")
    run_in_sqlite(store, tmp_path / "plan" / "apply.sql")
    monkeypatch.setattr("sys.argv", [script])
    runpy.run_path(script, run_name="__main__")
    changed = {1: "operational", 3: "unheard of", 4: "operational"}
    assert {key: category for key, (_, category) in rows(store).items() if category != before[key][1]} == {
        **changed,
        4: "financial",
    }
    assert in_chroma(store) == entries | changed
    run_in_sqlite(store, tmp_path / "plan" / "undo.sql")
    monkeypatch.setattr("sys.argv", [script, "--undo"])
    runpy.run_path(script, run_name="__main__")
    assert capsys.readouterr().out.endswith("3 of 3 entries changed\n" * 2)
    assert rows(store) == before | {4: [before[4][0], "financial"]}
    assert in_chroma(store) == entries


def test_the_plan_is_shown_and_changes_nothing(
    store: BuiltStore, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion
) -> None:
    """It never holds a text; afterwards, status and the next run say what became of it."""
    judged(store, *ANSWERS)
    before = contents(store.folder, without=".jsonl")
    assert repair(store, "--from-judgements", "--drift-chroma=none") == 0
    reports = store.folder / "reports"
    (folder,) = (reports / "repairs").iterdir()
    shown = capsys.readouterr().out.replace(str(folder), "PLAN").replace(str(store.db), "STORE")
    assert shown == snapshot
    assert {
        name: digest for name, digest in contents(store.folder, without=".jsonl").items() if name in before
    } == before
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(files) == {"plan.json", "apply.sql", "undo.sql"}
    assert "concerns" in rows(store)[1][0]
    assert not any("concerns" in content for content in files.values())
    plan = json.loads(files["plan.json"])
    assert plan["changes"][0]["text_hash"] == hash_of(rows(store)[1][0])
    assert plan["left_out"] == {"the store already has the right category": [2], "nobody could tell": [6]}
    assert repair(store, "--status") == 0
    assert (
        capsys.readouterr().out
        == f"{folder}: 0 of 3 records of the repair plan of {plan['created'][:10]} now have the judged category\n"
    )
    run_in_sqlite(store, folder / "apply.sql")
    store.execute(f"update {NAME} set category = 'financial' where id = 1")
    store.execute(f"update {NAME} set category = 'regulatory' where id = 4")
    settings = Settings(db=store.db, reports=reports)
    with closing(Preparation(settings, (), None, None)) as preparation:
        notes = [list(notes_on_repair(preparation, datetime.now(UTC) + timedelta(days=days))) for days in (0, 31)]
    sentence = f"1 of 3 records of the repair plan of {plan['created'][:10]} now have the judged category"
    assert notes == [[f"{sentence}, 1 still the old one, 1 another one or none"], []]


def test_nothing_to_repair_writes_nothing(store: BuiltStore, capsys: pytest.CaptureFixture[str]) -> None:
    """It says why the judged records stay as they are."""
    assert repair(store, "--from-judgements") == 5
    assert "no record of this store is judged" in capsys.readouterr().err
    judged(store, (1, Answer.REVIEWER, ""), (3, Answer.OTHER, "unheard of"))
    assert repair(store, "--from-judgements", "--min-judges=2", "--drift-redact", "--drift-chroma=none") == 5
    said = capsys.readouterr().err
    assert "no judgement asks for a change; 2 records: too few judges" in said
    assert "unheard of" not in said
    assert repair(store, "--status") == 5
    assert not (store.folder / "reports" / "repairs").exists()


def test_a_plan_is_not_overwritten(store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its undo would be lost."""
    judged(store, (1, Answer.REVIEWER, ""))
    how = ("--from-judgements", f"--output={tmp_path / 'plan'}", "--drift-chroma=none")
    assert [repair(store, *how), repair(store, *how)] == [0, 4]
    assert "already holds a plan" in capsys.readouterr().err
    assert repair(store, "--status", f"--output={tmp_path / 'plan'}") == 0
    assert ": 0 of 1 record of the repair plan of " in capsys.readouterr().out


def test_a_file_of_texts_gets_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever makes the file changes it."""
    path = tmp_path / "records.csv"
    path.write_text("id,text,category\n1,one,fraud\n2,two,loan\n")
    identity = StoreIdentity(str(path), NAME, NAME)
    JudgementFile(tmp_path / "reports").add([judgement(1, Answer.REVIEWER, store=identity, text_hash=hash_of("one"))])
    given = [f"--drift-db={path}", f"--drift-reports={tmp_path / 'reports'}", f"--output={tmp_path / 'plan'}"]
    assert run_command("repair", [*given, "--from-judgements"]) == 0
    assert (tmp_path / "plan" / "changes.csv").read_text().splitlines() == [
        "record_id,old,new,text_hash",
        f"1,fraud,loan,{hash_of('one')}",
    ]
    assert "set the categories that changes.csv lists" in capsys.readouterr().out
