"""The records that wait for a judgement: which is next, its text as the store has it now, and the nearest texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice

from drift_checks.core.errors import DriftError
from drift_checks.core.records import Record, RecordId, Stratum, as_text
from drift_checks.core.text import count, visible
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.judged_reviews import present_records
from drift_checks.report.waiting import Reviewed, Waiting
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, Judged, Judgement, PresentRecord
from drift_checks.reviews.preparation import Preparation
from drift_checks.reviews.vectors.base import CHROMA, NearRecord
from drift_checks.settings.declarations import RANDOM, TFIDF, Settings
from drift_checks.stores.identity import StoreIdentity

_SEARCHED = 40
_SHOWN_OF_EACH = 2
# A search without Chroma passes over the whole store, so it is made for some of the next records as well.
_AHEAD = 30
_MOST_COMPARED = 200_000


@dataclass(frozen=True)
class NearText:
    """A text that is near to that of the record, and its category in the store."""

    category: str
    text: str


@dataclass(frozen=True)
class ReadRecord:
    """A record as the store has it now; `obstacle` says why there are no nearest texts."""

    text: str
    evidence: str = ""
    near: tuple[NearText, ...] = ()
    obstacle: str = ""


def settings_to_judge(settings: Settings) -> Settings:
    """Return the settings of a review without what would make opening the store slow, or cost a call for each text."""
    embedding = settings.embedding if settings.embedding == TFIDF else None
    return replace(settings, sample=RANDOM, sample_size=20, records=(), embedding=embedding)


class WaitingRecords:
    """The records of a store that wait for a judgement.

    Args:
        runs: The runs of the store, oldest first, at least one.
    """

    def __init__(self, runs: Sequence[RecordedRun], file: JudgementFile, preparation: Preparation) -> None:
        self._runs, self.file, self._preparation = runs, file, preparation
        # The judged records, as they were when they were first needed here.
        self._present: dict[str, PresentRecord] = {}
        self._looked_up: set[RecordId] = set()
        self._near: dict[RecordId, list[NearRecord]] = {}
        self._obstacle = ""
        self._latest: Reviewed | None = None

    @property
    def store_identity(self) -> StoreIdentity:
        """What tells the store from others."""
        return self._runs[-1].store.identity

    def judged(self) -> Judged:
        """Return the judgements until now, also of texts that changed since."""
        return Judged(self.file.read().judgements, self.store_identity)

    def reviewed(self) -> Reviewed:
        """Return what was reviewed, with the judgements until now of the texts that the store has."""
        judged = self.judged()
        if new := {item.record_id for item in judged.all} - self._looked_up:
            self._present |= present_records(new, self._preparation.store)
            self._looked_up |= new
        self._latest = Reviewed(self._runs, judged.of_present(self._present))
        return self._latest

    def waiting(self, judge: str) -> Iterator[Waiting]:
        """Yield the records that wait for the judge now, the most informative first."""
        return self.reviewed().waiting(judge)

    def disagreements(self) -> tuple[int, int]:
        """Return how many of the disagreements were judged, and of how many, when it was last asked what waits."""
        return (self._latest or self.reviewed()).disagreements()

    def unchanged(self, items: Sequence[Waiting], *columns: str) -> dict[RecordId, dict[str, object]]:
        """Return the rows of the records that still have the category that was reviewed: a corrected one is judged."""
        store = self._preparation.store
        only = ("id", "text", "category", *(name for name in columns if store.has(name)))
        rows = store.read(partial(store.rows, ids=[item.record_id for item in items], only=only))
        stored = {item.record_id: item.stored for item in items}
        return {key: row for key, row in rows.items() if as_text(row["category"]) == stored.get(key)}

    def unanswered(self, most: int, now: datetime) -> tuple[list[Judgement], dict[RecordId, str]]:
        """Return the first records that wait, as withdrawn judgements, and their texts."""
        items = list(islice(self.waiting(""), most))
        texts = {key: as_text(row["text"]) for key, row in self.unchanged(items).items()}
        found = [
            # Who fills in a table sees which category is stored.
            item.judgement(texts[item.record_id], Answer.WITHDRAWN, "", now, blind=False)
            for item in items
            if item.record_id in texts
        ]
        return found, texts

    def read(self, item: Waiting) -> ReadRecord | None:
        """Return the record as the store has it now; None if it is gone, or its category is another."""
        row = self.unchanged([item], "evidence").get(item.record_id)
        if row is None:
            return None
        near = self._recorded_near(item) or self._found_near(item)
        obstacle = "" if near else self._obstacle or f"none among the {_SEARCHED} nearest texts has either category"
        return ReadRecord(as_text(row["text"]), as_text(row.get("evidence")), near, obstacle)

    def _recorded_near(self, item: Waiting) -> tuple[NearText, ...]:
        """Return the nearest texts that the run recorded."""
        store = self._preparation.store
        ids = [key for _, key in item.near]
        rows = store.read(partial(store.rows, ids=ids, only=("id", "text"))) if ids else {}
        return tuple(NearText(category, as_text(rows[key]["text"])) for category, key in item.near if key in rows)

    def _found_near(self, item: Waiting) -> tuple[NearText, ...]:
        """Return the nearest texts with either category, found by the store's vectors or by its words."""
        if item.record_id not in self._near and not self._obstacle:
            try:
                self._search([item, *islice(self.waiting(""), _AHEAD)])
            except DriftError as error:
                self._obstacle = visible(str(error))
        found: list[NearText] = []
        for category in dict.fromkeys((item.stored, item.reviewed)):
            same = (near for near in self._near.get(item.record_id, ()) if near.category == category and near.text)
            found += (NearText(category, near.text or "") for near in islice(same, _SHOWN_OF_EACH))
        if item.agreed:
            # What else it might be.
            near = self._near.get(item.record_id, ())
            other = (
                NearText(it.category, it.text) for it in near if it.category and it.category != item.stored and it.text
            )
            found += islice(other, 1)
        return tuple(found)

    def _search(self, items: Sequence[Waiting]) -> None:
        vectors, store = self._preparation.compared, self._preparation.store
        if vectors.basis != CHROMA and (number := store.count()) > _MOST_COMPARED:
            self._obstacle = f"without Chroma, nearest texts are not searched for among {count(number, 'record')}"
            return
        ids = [item.record_id for item in items if item.record_id not in self._near]
        rows = store.read(partial(store.rows, ids=ids))
        found = vectors.nearest_others([Record(key, Stratum.BASELINE, row) for key, row in rows.items()], _SEARCHED)
        self._near |= {key: found.get(key, [])[:_SEARCHED] for key in ids}


class PickedRecord:
    """One record by its id, also one that does not wait, and then those that wait.

    Args:
        key: The id, as text.
    """

    def __init__(self, records: WaitingRecords, key: str) -> None:
        self._records, self._key = records, key
        self.read, self.disagreements = records.read, records.disagreements
        # How often each judge had answered before.
        self._before: dict[str, int] = {}

    def waiting(self, judge: str) -> Iterator[Waiting]:
        """Yield the record first until this judge has answered."""
        reviewed = self._records.reviewed()
        times = reviewed.judged.times(self._key, judge)
        item = reviewed.picked(self._key, judge)
        if item is not None and times == self._before.setdefault(judge, times):
            yield item
        yield from reviewed.waiting(judge)
