"""The first review of a store: nothing but its file is named, or `init` names the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drift_checks.settings.ini_files import read_ini
from tests.support.first_stores import tickets
from tests.support.session_runs import Review
from tests.support.stores import build_store

CLASSIFIER = "def classify(text):\n    return ('billing', 'bug', 'account')[int(text.split()[3]) % 3]\n"


def test_the_file_alone_is_enough(review: Review) -> None:
    """The summary says which columns were found, and so does the command that repeats the run."""
    Path(review.folder / "own.py").write_text(CLASSIFIER, encoding="utf-8")
    run = review(f"--drift-db={tickets(review.folder)}", "--drift-reviewer=own:classify", "--drift-sample-size=10")
    found = "text=body, category=label, confidence=probability, timestamp=created_at (found; --drift-columns overrides)"
    assert (run.exit_code, run.drift["store"]["table"]) == (0, "tickets")
    assert f"columns     {found}\n" in run.summary
    assert "--drift-columns=text=body,category=label,confidence=probability" in (run.folder / "index.html").read_text(
        encoding="utf-8"
    )


def test_an_interrupted_run_of_a_found_table_is_resumed(review: Review) -> None:
    """The interrupted run and the one that resumes it find the same."""
    Path(review.folder / "own.py").write_text(CLASSIFIER, encoding="utf-8")
    options = (f"--drift-db={tickets(review.folder)}", "--drift-reviewer=own:classify", "--drift-sample-size=10")
    first = review(*options, "--drift-max-calls=3")
    resumed = review(*options, "--drift-max-calls=60", "--drift-resume")
    assert (first.exit_code, resumed.exit_code) == (75, 0)
    assert resumed.written == []


def test_init_reviews_some_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with the verdict's summary and the next steps, and exits with 0."""
    build_store(tmp_path / "app", 40)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command_line = [sys.executable, "-m", "drift_checks", "init", "app"]
    done = subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    before, _, after = done.stdout.partition("drift review")
    assert "examples    1  regulatory" in before
    assert "reviewer    neighbours: 2" in after
    assert after.rstrip().splitlines()[-7] == "next"
    assert read_ini(tmp_path / "pytest.ini") == {"drift_db": "app/risk_classifications.db", "drift_chroma": "app"}
