"""A review after wrong labels were repaired."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from drift_checks.commands import run_command
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, hash_of
from drift_checks.stores.identity import StoreIdentity
from tests.support.judgements import judgement
from tests.support.session_runs import SMALL
from tests.support.stores import NAME, BuiltStore, records_alone
from tests.support.whole_runs import run_here


def test_the_next_review_says_what_became_of_the_plan(store: BuiltStore, tmp_path: Path) -> None:
    """In its summary and on its page."""
    reports = tmp_path / "run" / "reports"
    with closing(sqlite3.connect(store.db)) as connection:
        found = connection.execute(f"select id, text, category from {NAME} where id < 3").fetchall()
    identity = StoreIdentity(str(store.db), NAME, NAME)
    JudgementFile(reports).add(
        [
            judgement(
                key, Answer.REVIEWER, store=identity, text_hash=hash_of(text), stored=category, reviewed="financial"
            )
            for key, text, category in found
        ]
    )
    plan = ["--from-judgements", f"--output={reports / 'repairs' / 'one'}", f"--drift-reports={reports}"]
    assert run_command("repair", [*plan, *records_alone(store)]) == 0
    with closing(sqlite3.connect(store.db)) as connection:
        connection.executescript((reports / "repairs" / "one" / "apply.sql").read_text())
    done = run_here(tmp_path / "run", *records_alone(store), *SMALL)
    for shown in (done.out, (done.folder / "index.html").read_text()):
        assert "2 of 2 records of the repair plan of " in shown
