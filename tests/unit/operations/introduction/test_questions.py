"""What is asked about a store, and what an answer changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.operations.introduction.questions import Ask, Manner, choose_table, settle
from drift_checks.settings.declarations import Settings
from drift_checks.stores.columns.detection import Detection
from drift_checks.stores.columns.looking import column_names, look_at
from drift_checks.stores.engines.sqlite import SqliteFile
from tests.support.first_stores import tickets, write

SETTINGS = Settings(seed=1, as_of=datetime(2026, 1, 15, tzinfo=UTC), naive_timezone=ZoneInfo("UTC"))


def answering(*answers: str) -> tuple[Ask, list[str]]:
    """Return a user who gives these answers, and the questions that are asked."""
    questions: list[str] = []
    left: Iterator[str] = iter(answers)

    def ask(question: str) -> str:
        questions.append(question)
        return f"{next(left)}\n"

    return ask, questions


def settled(db: Path, manner: Manner, *answers: str) -> tuple[Detection, list[str]]:
    """Return the settled columns of the file's table, and the questions."""
    file = SqliteFile(db, db.parent / "snapshots")
    tables = [look_at(file, name) for name in column_names(file)]
    ask, questions = answering(*answers)
    found = choose_table(db, tables, SETTINGS, manner, ask)
    return settle(db, found, SETTINGS, manner, ask), questions


@pytest.mark.parametrize("manner", list(Manner))
def test_nothing_is_asked_if_all_is_certain(tmp_path: Path, manner: Manner) -> None:
    """In any manner."""
    found, questions = settled(tickets(tmp_path), manner)
    assert (found.proposals["text"].column, questions) == ("body", [])


@pytest.mark.parametrize(
    ("answers", "chosen", "asked"),
    [([""], "body", 1), (["subject"], "subject", 1), (["SUBJECT"], "subject", 1), (["nonsense", "body"], "body", 2)],
)
def test_a_doubt_is_one_question(tmp_path: Path, answers: list[str], chosen: str, asked: int) -> None:
    """An empty answer takes the proposal, and one that names no column is asked again."""
    found, questions = settled(tickets(tmp_path, ("subject", "label")), Manner.ASK, *answers)
    assert (found.proposals["text"].column, len(questions)) == (chosen, asked)
    assert "subject may be meant, too" in questions[0]


def test_an_optional_column_may_be_none(tmp_path: Path) -> None:
    """It is left out then."""
    found, _ = settled(tickets(tmp_path, ("label", "score")), Manner.ASK, "none")
    assert "confidence" not in found.proposals
    assert "score may be meant, too" in found.unfit["confidence"]["probability"]


def test_the_likeliest_is_accepted_unless_it_is_a_tie(tmp_path: Path) -> None:
    """Nobody can know which of two equal columns is meant."""
    found, questions = settled(tickets(tmp_path, ("label", "prediction")), Manner.ACCEPT)
    assert (found.proposals["category"].column, questions) == ("prediction", [])
    (tmp_path / "other").mkdir()
    db = write(tmp_path / "other" / "t.db", "t", {"id": "integer primary key", "body": "text", "label": "text"})
    write(db, "u", {"id": "integer primary key", "body": "text", "label": "text"})
    with pytest.raises(SettingError, match=r"not certain which table holds the records.*--drift-table="):
        settled(db, Manner.ACCEPT)


def test_without_a_terminal_a_doubt_is_refused(tmp_path: Path) -> None:
    """With the option to add."""
    with pytest.raises(SettingError, match=r"subject may be meant, too.*--drift-columns=text=body,.*or accept it with"):
        settled(tickets(tmp_path, ("subject", "label")), Manner.REFUSE)
