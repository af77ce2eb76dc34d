"""Judging in tests: a store with a run that found something to judge, and what judges see of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

from drift_checks.core.files import Claims
from drift_checks.operations.judging.records import NearText, ReadRecord, WaitingRecords, settings_to_judge
from drift_checks.operations.judging.session import JudgingSession, Source
from drift_checks.operations.judging.site import JudgingSite
from drift_checks.operations.judging.web import JudgingServer
from drift_checks.report.history.recorded import RecordedDisagreement, RecordedRun
from drift_checks.report.waiting import Waiting
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.preparation import Preparation
from drift_checks.settings.declarations import Settings
from tests.support.histories import altered, run
from tests.support.judgements import NOW
from tests.support.stores import AS_OF, CATEGORIES, NAME, BuiltStore

DISAGREED, AGREED = range(1, 7), range(7, 13)


def run_to_judge(store: BuiltStore) -> RecordedRun:
    """Return a run of the store in which records 1 to 6 disagree, and 7 to 12 agree."""
    with closing(sqlite3.connect(store.db)) as connection:
        stored = dict(connection.execute(f"select id, category from {NAME}"))
    disagreements = tuple(
        RecordedDisagreement(
            record_id=key,
            stratum="old",
            stored=stored[key],
            reviewed=next(name for name in CATEGORIES if name != stored[key]),
            stored_confidence=None,
            reviewed_confidence=None,
        )
        for key in DISAGREED
    )
    made = altered(run(), store={"db": str(store.db), "table": NAME, "collection": NAME})
    made = altered(made, sample={"store_strata": {"old": 120}})
    agreed: dict[str, tuple[int, ...]] = {}
    for key in AGREED:
        agreed[stored[key]] = (*agreed.get(stored[key], ()), key)
    return replace(made, disagreements=disagreements, agreed_records={"old": agreed})


@contextmanager
def waiting_records(
    store: BuiltStore, reports: Path, made: RecordedRun | None = None, *, chroma: bool = True
) -> Iterator[WaitingRecords]:
    """The records of the store that wait after a run, and nearest texts by its vectors in Chroma or by words."""
    reports.mkdir(exist_ok=True)
    chosen = settings_to_judge(
        Settings(db=store.db, chroma=store.chroma if chroma else None, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))
    )
    with closing(Preparation(chosen, (), None, None)) as preparation:
        yield WaitingRecords([made or run_to_judge(store)], JudgementFile(reports), preparation)


@contextmanager
def served(
    store: BuiltStore, reports: Path, judge: str | None = None, *, named: bool = False
) -> Iterator[JudgingServer]:
    """Serve the page for judges of the store."""
    with waiting_records(store, reports) as records, serving(records, records.file, judge, named=named) as server:
        yield server


@contextmanager
def serving(
    source: Source, file: JudgementFile, judge: str | None = None, *, named: bool = False
) -> Iterator[JudgingServer]:
    """Serve the page for judges of these records."""
    with Claims(file.path.parent / "claims") as claims:

        def open_session(judge: str, owner: str) -> JudgingSession:
            return JudgingSession(source, file, claims, judge, lambda: NOW, owner=owner, named=named)

        site = JudgingSite(open_session, CATEGORIES, lambda: ["nothing yet"], judge, suggested="ann")
        with JudgingServer(site, 0) as server:
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield server
            server.shutdown()
            thread.join()
            site.close()


class ListedRecords:
    """Records that wait, without a store: a judged one no longer waits."""

    def __init__(self, file: JudgementFile, keys: Sequence[int] = range(1, 6), text: str = "text {}") -> None:
        self._file, self._keys, self._text, self.run = file, keys, text, run()

    def waiting(self, judge: str) -> Iterator[Waiting]:
        """Yield the records that nobody has judged."""
        found = {item.record_id: item for item in self._file.read().judgements}
        judged = {key for key, item in found.items() if item.answer != "withdrawn"}
        yield from (Waiting(key, "fraud", "loan", self.run, "old") for key in self._keys if key not in judged)

    def read(self, item: Waiting) -> ReadRecord | None:
        """Return its text, and one near text with either category."""
        near = (NearText("fraud", "a fraud"), NearText("loan", "a loan"))
        return ReadRecord(self._text.format(item.record_id), "the words", near)

    def disagreements(self) -> tuple[int, int]:
        """Return how many are judged."""
        return len(self._keys) - sum(1 for _ in self.waiting("")), len(self._keys)
