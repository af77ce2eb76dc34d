"""Reviews whose verdict rests on people's judgements."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.commands.stores import existing_history
from drift_checks.report.waiting import Reviewed
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement, hash_of
from tests.support.deciding import own, write_classifiers
from tests.support.session_runs import Review
from tests.support.stores import BuiltStore


def judge_all(reports: Path, store: BuiltStore) -> None:
    """Judge the store to be right about every record that waits."""
    with existing_history(reports) as history:
        reviewed = Reviewed(history.runs(), Judged((), history.runs()[-1].store.identity))
    with closing(sqlite3.connect(store.db)) as connection:
        texts = dict(connection.execute("SELECT id, text FROM risk_classifications"))
    made = [
        Judgement(
            store=item.run.store.identity,
            record_id=item.record_id,
            text_hash=hash_of(texts[item.record_id]),
            stored=item.stored,
            reviewed=item.reviewed,
            answer=Answer.BOTH if item.agreed else Answer.STORE,
            judge="anna",
            made=datetime.now(UTC),
            origin=item.origin,
        )
        for item in reviewed.waiting("anna")
    ]
    JudgementFile(reports).add(made)


def test_judgements_tell_a_wrong_reviewer_from_a_wrong_store(review: Review, store: BuiltStore) -> None:
    """The reviewer is wrong about the records of low confidence: nobody is woken before or after that is judged."""
    write_classifiers(review)
    options = (*store.options, own("low_apart"), "--drift-judge=accuracy", "--drift-sample-size=40")
    options = (*options, "--drift-warn=0.85", "--drift-critical=0.8", "--drift-stability=0")
    before = review(*options)
    assert (before.exit_code, before.drift["accuracy"]["judged"]) == (75, 0)
    assert "0 of the 20 judgements needed" in before.criterion("agreement")["message"]
    assert "run drift-checks judge" in before.summary
    judge_all(before.reports, store)
    after = review(*options)
    assert (after.exit_code, after.criterion("agreement")["verdict"]) == (0, "OK")
    found = after.drift["accuracy"]
    assert (found["store"]["rate"], found["judged"], found["runs"]) == (1, found["reviewed"], 1)
    assert found["reviewer"]["interval"][0] < 0.75 < found["reviewer"]["interval"][1]
    assert "an estimated 100 % of the store's labels are right" in after.drift["headline"]
    assert "the store is right in 100 % of all records" in after.summary
    assert "Accuracy" in (after.folder / "index.html").read_text()
