"""`init`: what it prints and writes, and when it writes nothing."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.commands import run_command
from drift_checks.settings.ini_files import read_ini
from drift_checks.stores.vectors import chroma_http
from drift_checks.stores.vectors.chroma import create_collection
from tests.support.chroma_server import Relay, ServedDirectory
from tests.support.first_stores import ours, tickets, write
from tests.support.machine import variables_of_the_machine
from tests.support.stores import NAME, BuiltStore, build_store


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, without the machine's settings."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in variables_of_the_machine():
        monkeypatch.delenv(name, raising=False)


def init(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Run `init` without a review; return the exit code and what was printed."""
    code = run_command("init", [*map(str, arguments), "--no-review"])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_certain_store_is_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion
) -> None:
    """The page shows what was found, three rows, what is missing with its price, and what to do next."""
    code, out, err = init(capsys, tickets(tmp_path))
    assert (code, err) == (0, "")
    assert out.replace(str(tmp_path), "…") == snapshot
    assert Path("pytest.ini").read_text(encoding="utf-8").replace(str(tmp_path), "…") == snapshot


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store of ours beside its vectors needs two settings, relative to the file."""
    build_store(Path("app"), 12)
    assert init(capsys, "app", "--drift-sample-size=30")[0] == 0
    assert read_ini(Path("pytest.ini")) == {
        "drift_db": "app/risk_classifications.db",
        "drift_chroma": "app",
        "drift_sample_size": "30",
    }


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_doubt_without_a_terminal_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], snapshot: SnapshotAssertion
) -> None:
    """With what to add, and nothing is written."""
    code, out, err = init(capsys, tickets(tmp_path, ("subject", "label")), *options)
    assert (code, list(Path().iterdir())) == (4, [])
    assert "not certain: subject may be meant, too" in out
    assert err.replace(str(tmp_path), "…") == snapshot


def test_yes_takes_what_is_likeliest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a question."""
    assert init(capsys, tickets(tmp_path, ("subject", "label")), "--yes")[0] == 0
    assert read_ini(Path("pytest.ini"))["drift_columns"].startswith("text=body,category=label")


def test_the_columns_of_the_user_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In front of those that were found."""
    assert init(capsys, tickets(tmp_path, ("subject", "label")), "--drift-columns=text=subject")[0] == 0
    assert read_ini(Path("pytest.ini"))["drift_columns"].startswith("text=subject,category=label")


def test_redacted_texts_are_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The setting holds from the first look on, and is written down."""
    _, out, _ = init(capsys, tickets(tmp_path), "--drift-redact")
    assert ("invoice" in out, "(redacted)" in out) == (False, True)
    assert read_ini(Path("pytest.ini"))["drift_redact"] == "true"


def with_entries(folder: Path, db: Path, ids: Sequence[str]) -> None:
    """Create a Chroma directory with entries of these ids and `label` in their metadata, and name them in the file."""
    folder.mkdir(parents=True, exist_ok=True)
    create_collection(
        folder,
        "documents",
        ids=ids,
        embeddings=np.ones((len(ids), 4), dtype=np.float32),
        documents=None,
        metadatas=[{"label": "bug"} for _ in ids],
    )
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("alter table tickets add column doc text")
        connection.execute("update tickets set doc = 'd' || (id * 31) || 'x'")


def test_the_column_of_the_entries_ids_is_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion
) -> None:
    """With the key of the category, as some entries have no record."""
    with_entries(tmp_path / "vectors", tickets(tmp_path), [f"d{number * 31}x" for number in range(1, 91)])
    code, out, err = init(capsys, tmp_path / "tickets.db")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if "looked at" in line] == snapshot
    written = read_ini(Path("pytest.ini"))
    assert written["drift_columns"].endswith("timestamp=created_at,chroma_id=doc,metadata.category=label")
    assert written["drift_collection"] == "documents"


def test_a_named_column_without_ids_of_entries_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page says which column holds them."""
    with_entries(tmp_path / "vectors", tickets(tmp_path), [f"d{number * 31}x" for number in range(1, 61)])
    code, out, _ = init(capsys, tmp_path / "tickets.db", "--drift-columns=chroma_id=created_at")
    assert (code, read_ini(Path("pytest.ini")).get("drift_chroma")) == (0, None)
    assert "entries of the records (no entry has an id of the column created_at)" in out
    assert "name another, as in --drift-columns=chroma_id=doc" in out


@pytest.mark.parametrize(("place", "written"), [("vectors", None), (".", "none")])
def test_entries_of_no_record_are_not_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion, place: str, written: str | None
) -> None:
    """A review would end with 4; one beside the records must be turned off."""
    with_entries(tmp_path / place, tickets(tmp_path), [f"other {number}" for number in range(60)])
    code, out, _ = init(capsys, tmp_path / "tickets.db")
    assert (code, read_ini(Path("pytest.ini")).get("drift_chroma")) == (0, written)
    (line,) = (line for line in out.splitlines() if "entries of the records" in line)
    assert line == snapshot(name="reason")


def test_a_chroma_server_is_written_down(
    capsys: pytest.CaptureFixture[str], store: BuiltStore, chroma_server: ServedDirectory
) -> None:
    """With the collection that has entries of the records."""
    code, out, err = init(capsys, store.db, f"--drift-chroma={chroma_server.url}/")
    assert (code, err) == (0, "")
    assert f"vectors     {chroma_server.url}: Chroma, collection {NAME}" in out
    assert read_ini(Path("pytest.ini"))["drift_chroma"] == chroma_server.url


def test_a_chroma_server_that_is_away_is_told_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], store: BuiltStore, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be back soon: 75."""
    monkeypatch.setattr(chroma_http, "_PAUSES", ())
    relay.close()
    code, _, err = init(capsys, store.db, f"--drift-chroma={relay.url}")
    assert (code, "cannot be reached" in err, list(Path().iterdir())) == (75, True, [])


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what it would write."""
    code, out, _ = init(capsys, tickets(tmp_path), "--dry-run")
    assert (code, list(Path().iterdir())) == (0, [])
    assert "drift_table = tickets" in out


def test_an_ini_file_with_another_store_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines are printed, for the user to take what they want."""
    Path("pytest.ini").write_text("[pytest]\ndrift_db = other.db\n", encoding="utf-8")
    code, out, err = init(capsys, tickets(tmp_path))
    assert (code, Path("pytest.ini").read_text(encoding="utf-8")) == (4, "[pytest]\ndrift_db = other.db\n")
    assert "  drift_table = tickets" in out
    assert "sets drift_db = other.db already" in err


@pytest.mark.parametrize(
    ("argument", "code", "problem"),
    [
        ("missing.db", 4, "does not exist"),
        (".", 4, "is a folder without any file"),
        ("http://user@host/db", 4, "--drift-chroma=URL"),
    ],
)
def test_what_is_no_store_is_refused(
    capsys: pytest.CaptureFixture[str], argument: str, code: int, problem: str
) -> None:
    """In one sentence."""
    found, _, err = init(capsys, argument)
    assert (found, problem in err, len(err.splitlines())) == (code, True, 1), err


def test_an_empty_table_is_nothing_to_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written: its values decide how it is read."""
    db = write(tmp_path / "t.db", "tickets", {"id": "integer primary key", "body": "text", "label": "text"}, rows=0)
    code, _, err = init(capsys, db)
    assert (code, "tickets is empty" in err, Path("pytest.ini").exists()) == (5, True, False)


def test_an_interrupted_question_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C at a question: exit 2, and no file, not even half of one."""
    db = tickets(tmp_path, ("subject", "label"))
    ours_end, theirs = pty.openpty()
    command_line = [sys.executable, "-m", "drift_checks", "init", str(db)]
    with subprocess.Popen(command_line, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        printed = b""
        deadline = time.monotonic() + 60
        while b"Which column is the text?" not in printed and time.monotonic() < deadline:
            printed += os.read(ours_end, 4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 2
    os.close(ours_end)
    assert list(Path().iterdir()) == []


def test_a_terminal_without_unicode_gets_escapes(tmp_path: Path) -> None:
    """And standard input may be a pipe, which is not read."""
    db = ours(tmp_path, "tickéts")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "40"}
    command_line = [sys.executable, "-m", "drift_checks", "init", str(db), "--no-review"]
    done = subprocess.run(command_line, capture_output=True, text=True, input="y\n", env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "tick\\xe9ts" in done.stdout
    assert read_ini(Path("pytest.ini"))["drift_table"] == "tickéts"
