"""`drift_checks.review`, called by another program: this one."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import warnings
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

import duckdb
import pytest

import drift_checks
from drift_checks.api.run import Run
from drift_checks.core.errors import InternalError, NothingToReview, ReportsError, SettingError, StoreError
from tests.support.session_runs import run_folders
from tests.support.stores import BuiltStore
from tests.support.whole_runs import surroundings

SMALL: dict[str, Any] = {
    "sample_size": 4,
    "baseline": 2,
    "as_of": "2026-01-15T02:00:00Z",
    "naive_timezone": "UTC",
    "seed": 1,
}
HOSTILE_INI = "[pytest]\naddopts = --nonsense -n 4\ndrift_nonsense = 1\nfilterwarnings = error\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Any:
    """The current folder, with pytest's files of another project in it."""
    folder = tmp_path / "folder"
    with surroundings(folder):
        (folder / "pytest.ini").write_text(HOSTILE_INI)
        (folder / "conftest.py").write_text("raise SystemExit(3)\n")
        yield folder


class Sound:
    """Names the category that the store has."""

    def classify(self, text: str) -> tuple[str, float]:
        """Return what the text says."""
        return text.rpartition("concerns ")[2].partition(" ")[0], 0.9


def other(text: str) -> str:
    """Name a category that no record has."""
    return "other"


def process() -> dict[str, object]:
    """Return what a review must leave as it was."""
    return {
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "path": [*sys.path],
        "importers": [*sys.meta_path],
        "streams": (sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "signals": {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)},
        "warnings": [*warnings.filters],
        "handlers": [*logging.root.handlers, *logging.getLogger("drift_checks").handlers],
        "level": logging.getLogger("drift_checks").level,
        "records": logging.getLogRecordFactory(),
        "threads": {thread.name for thread in threading.enumerate()},
    }


def test_a_review_leaves_the_process_as_it_was(
    store: BuiltStore, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever pytest is configured to do; a second one with another classifier has another verdict."""
    for name, value in (("PYTEST_ADDOPTS", "--nonsense"), ("PYTEST_PLUGINS", "nonsense"), ("DRIFT_REVIEWER", "llm")):
        monkeypatch.setenv(name, value)
    handler = BufferingHandler(1000)
    monkeypatch.setattr(logging.root, "handlers", [handler])
    before = process()
    sound = drift_checks.review(store.db, Sound, chroma=store.chroma, **SMALL)
    drifted = drift_checks.review(str(store.db), other, chroma=store.chroma, **SMALL)
    assert process() == before
    assert (sound.verdict, sound.exit_code, sound.disagreements) == ("OK", 0, [])
    assert (drifted.verdict, drifted.exit_code, len(drifted.disagreements)) == ("CRITICAL", 1, 6)
    assert [sound.folder, drifted.folder] == sorted(run_folders(folder / "reports"))
    assert drifted.report.facts.repeat.startswith(f"drift_checks.review(reviewer=other, db='{store.db}'")
    printed = capsys.readouterr()
    assert printed.out + printed.err == ""
    # The program's own level of logging is WARNING.
    assert {record.levelname for record in handler.buffer} == {"CRITICAL"}


def test_a_review_runs_beside_an_event_loop_and_in_threads(store: BuiltStore) -> None:
    """As in a notebook or a server; several wait for each other."""

    def review(_: object = None) -> Run:
        return drift_checks.review(store.db, Sound(), chroma=store.chroma, **SMALL)

    async def reviews() -> list[Any]:
        return [review(), *await asyncio.gather(*(asyncio.to_thread(review) for _ in range(2)))]

    before = process()
    assert [run.verdict for run in asyncio.run(reviews())] == ["OK"] * 3
    assert process().keys() == before.keys()


def test_what_is_wrong_is_raised(store: BuiltStore, tmp_path: Path) -> None:
    """As this package's errors, in the words of Python."""
    with pytest.raises(StoreError, match=r"nowhere\.db: does not exist"):
        drift_checks.review(tmp_path / "nowhere.db")
    with pytest.raises(SettingError, match=r"^sample-size: 'few' \(from sample_size\) is invalid"):
        drift_checks.review(store.db, sample_size="few")
    with pytest.raises(SettingError, match="a value of type int cannot be reviewed"):
        drift_checks.review(5)
    with pytest.raises(drift_checks.DriftError, match=r"name it as the endpoint does, with llm_model=NAME\.$"):
        drift_checks.review(store.db, "llm", chroma=store.chroma)
    with pytest.raises(ReportsError):
        drift_checks.review(store.db, Sound, chroma=store.chroma, reports=store.db)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "drift_checks.statistics.flow", None)
        patch.delitem(sys.modules, "drift_checks.criteria.test_category_flow", raising=False)
        with pytest.raises(InternalError, match="without a verdict"):
            drift_checks.review(store.db, Sound, chroma=store.chroma)
    store.execute("delete from risk_classifications")
    with pytest.raises(NothingToReview):
        drift_checks.review(store.db, Sound, chroma=store.chroma)


def test_ctrl_c_ends_a_review(store: BuiltStore) -> None:
    """It says how to resume."""
    asked: list[str] = []

    def interrupting(text: str) -> str:
        asked.append(text)
        if len(asked) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return "other"

    with pytest.raises(KeyboardInterrupt, match=r"of 6 records were reviewed; .* with resume=True"):
        drift_checks.review(store.db, interrupting, chroma=store.chroma, concurrency=1, **SMALL)


def test_tables_of_one_name_are_one_store(folder: Path) -> None:
    """Each run knows the earlier ones; the private file is gone."""
    rows = "SELECT range AS ticket, 'It concerns x' || range % 3 || ' ' || range AS body, 'x' || range % 3 AS label"
    table = duckdb.sql(f"{rows} FROM range(60)")
    columns = {"id": "ticket", "text": "body", "category": "label"}
    runs = [drift_checks.review(table, Sound, name="tickets", columns=columns, **SMALL) for _ in range(2)]
    assert [(run.verdict, len(run.report.past)) for run in runs] == [("OK", 0), ("OK", 1)]
    assert runs[0].to_dict()["store"].items() >= {"db": str(folder / "tickets"), "records": 60}.items()
    assert runs[0].report.facts.repeat.startswith("drift_checks.review(table, name='tickets', reviewer=Sound, columns=")
    assert not list(folder.rglob("*.parquet"))
    with pytest.raises(StoreError, match=rf"^{folder}/tickets: has no column 'text body'"):
        drift_checks.review(table, Sound, name="tickets", columns={**columns, "text": "text body"})
