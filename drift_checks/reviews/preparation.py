"""The steps of a run before its reviews: open the store, draw the sample, open the vectors, assess the labels.

Each step runs once, when it is first needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.core.errors import ReportsError, SettingError, StoreAway
from drift_checks.core.records import Record, RecordId, Sample, Stratum
from drift_checks.reviews.hunting import hunted
from drift_checks.reviews.labels.issues import LabelAssessment
from drift_checks.reviews.labels.predictions import LabelPredictions
from drift_checks.reviews.resuming import Unfinished
from drift_checks.reviews.sampler import Sampler
from drift_checks.reviews.slices import SampleSlice, slice_sample
from drift_checks.reviews.vectors.base import VectorSet
from drift_checks.reviews.windows import FindVectors, Windows
from drift_checks.settings.declarations import HUNT, Settings
from drift_checks.stores.columns.completion import completed
from drift_checks.stores.engines.base import RecordFile
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.identity import StoreIdentity
from drift_checks.stores.records import RecordStore
from drift_checks.stores.tables import Table, TableFile
from drift_checks.stores.taxonomy import read_taxonomy
from drift_checks.stores.vectors.base import Vector, VectorCollection
from drift_checks.stores.vectors.connecting import connected
from drift_checks.stores.vectors.linking import Link
from drift_checks.stores.vectors.opening import VectorPlace

if TYPE_CHECKING:
    from drift_checks.reviews.anchors import Anchors


class Preparation:
    """The steps of a run from the settings to the sample; any step may raise DriftError.

    Args:
        settings: The settings of the run.
        folders: Folders that may hold the user's own modules.
        unfinished: The interrupted run to resume.
        table: The records, if they are in memory; the setting `db` is then only their name.
    """

    def __init__(
        self, settings: Settings, folders: tuple[Path, ...], unfinished: Unfinished | None, table: Table | None
    ) -> None:
        self.settings = settings
        self.unfinished = unfinished
        # Before the store completed them.
        self.given = settings
        # What was found in the store, for the user.
        self.found: tuple[str, ...] = ()
        self._folders = folders
        self._table = table
        self._opened: list[RecordFile | VectorCollection] = []
        self._vectors_away: StoreAway | None = None

    @cached_property
    def store(self) -> RecordStore:
        """The table of records."""
        if self.settings.db is None:
            raise _no_store(self.settings)
        how = self._snapshot_dir, self.settings.query_timeout
        file: RecordFile
        if self._table is None:
            file = open_records(self.settings.db, *how)
        else:
            assert isinstance(self.settings.db, Path)
            file = TableFile(self._table, self.settings.db, *how)
        self._opened.append(file)
        done = completed(self.given, file)
        store = _opened(file, done.settings)
        self.settings, self.found = connected(done, store, self._snapshot_dir)
        return store if self.settings is done.settings else _opened(file, self.settings)

    @cached_property
    def sample(self) -> Sample:
        """The records under review."""
        if self.settings.sample != HUNT or self.unfinished is not None or self._first_draw.chosen:
            return self._first_draw
        return hunted(self._first_draw, self.labels, self._sampler.read)

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self.settings, self.store)

    @cached_property
    def _first_draw(self) -> Sample:
        """The sample as it is drawn at random, or as the interrupted run drew it."""
        return self._sampler.draw() if self.unfinished is None else self._sampler.draw_again(self.unfinished.sample)

    @cached_property
    def anchors(self) -> Anchors:
        """The texts whose right category is known, from judgements and the gold set."""
        from drift_checks.reviews.anchors import Anchors, find_anchors
        from drift_checks.reviews.judgements.file import JudgementFile

        settings = self.settings
        judgements = JudgementFile(settings.reports)
        if settings.gold is None and not judgements.path.exists():
            return Anchors()
        from drift_checks.reviews.gold import read_gold
        from drift_checks.reviews.judgements.judgement import Judged

        is_complete = settings.taxonomy is not None
        gold = () if settings.gold is None else read_gold(settings.gold, self.taxonomy, is_complete=is_complete)
        store = StoreIdentity(str(settings.db), settings.table, settings.collection)
        try:
            made = judgements.read().judgements
        except ReportsError:
            # The end of the run warns of it.
            made = ()
        return find_anchors(
            Judged(made, store), gold, lambda ids: self._sampler.read([(key, Stratum.BASELINE) for key in ids])
        )

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The versions of model, prompt and embedding model in the newest records."""
        return self.store.latest_versions()

    @cached_property
    def windows(self) -> Windows:
        """Recent and reference records of the whole store."""
        return Windows(self.settings, self.store, None if self.settings.chroma is None else self._vectors_in_chroma)

    @cached_property
    def slices(self) -> list[SampleSlice]:
        """The slices of the sample."""
        return slice_sample(self.sample, self.settings)

    @cached_property
    def labels(self) -> LabelAssessment:
        """What a classifier that has not seen the records says of all labels of the store."""
        from drift_checks.reviews.labels.choice import assess_labels

        return assess_labels(self.settings, self.store, self._first_draw.records, self.windows, self._searchable)

    @cached_property
    def vectors(self) -> VectorCollection | None:
        """The collection of vectors, None without Chroma."""
        if self._vector_place is None:
            return None
        if self._vectors_away is not None:
            raise self._vectors_away.with_traceback(None)
        try:
            collection = self._vector_place.open()
        except StoreAway as error:
            # Each check of a record would wait for it again.
            self._vectors_away = error
            raise
        self._opened.append(collection)
        return collection

    @cached_property
    def link(self) -> Link | None:
        """Which entry of that collection is of which record."""
        return None if self.vectors is None else Link(self.store, self.vectors, self._first_draw.records)

    @cached_property
    def compared(self) -> VectorSet:
        """The vectors that the reviewer `neighbours` compares records by."""
        from drift_checks.reviews.vectors.choice import choose_vectors

        return choose_vectors(self.settings, self.store, self.sample.records, self._folders, self._linked_vectors)

    @cached_property
    def taxonomy(self) -> Mapping[str, str]:
        """The categories, with their descriptions, which may be empty."""
        if self.settings.taxonomy is not None:
            return read_taxonomy(self.settings.taxonomy)
        return dict.fromkeys(self.store.categories(), "")

    @property
    def drawn(self) -> Sample | None:
        """The sample, if it is drawn already."""
        found: Sample | None = self.__dict__.get("sample")
        return found

    def opened_vectors(self) -> VectorCollection | None:
        """Return the collection of vectors if a step of this run opened it."""
        return next((item for item in self._opened if isinstance(item, VectorCollection)), None)

    def label_predictions(self) -> LabelPredictions | None:
        """Return how probable all labels are, by stratum, if a step of this run assessed them."""
        found = self.labels.predictions if "labels" in self.__dict__ else None
        if found is None or Stratum.LABEL_ISSUE not in self.sample.sizes:
            return found
        return found.apart((issue.record_id, issue.stratum, issue.own) for issue in self.labels.issues)

    def similar(self) -> VectorSet | None:
        """Return the vectors that show which records are similar, if a step of this run opened them."""
        is_open = self.opened_vectors() is not None and self.settings.embedding is None
        return self.compared if is_open or "compared" in self.__dict__ else None

    def close(self) -> None:
        """Remove the private copies of the store."""
        for opened in self._opened:
            opened.close()

    def _vectors_in_chroma(self, records: Sequence[Record]) -> dict[RecordId, Vector]:
        """Return the vectors of the records that have an entry."""
        if self.vectors is None or self.link is None:
            return {}
        keys = {record.id: key for record in records if (key := self.link.key_of(record)) is not None}
        entries = self.vectors.entries(list(keys.values()))
        return {record: entries[key].vector for record, key in keys.items() if key in entries}

    def _searchable(self) -> tuple[int, FindVectors] | None:
        """Return the dimension of the vectors in Chroma, and what finds them; None without any."""
        # Linked first, because that reads the store itself.
        if self.link is None or self.vectors is None or not self.vectors.dimension:
            return None
        return self.vectors.dimension, self._vectors_in_chroma

    def _linked_vectors(self) -> tuple[VectorCollection, Link] | None:
        return None if self.vectors is None or self.link is None else (self.vectors, self.link)

    @property
    def _vector_place(self) -> VectorPlace | None:
        return VectorPlace.of(self.settings, self._snapshot_dir)

    @property
    def _snapshot_dir(self) -> Path:
        return self.settings.snapshot_dir or default_folder()


def _opened(file: RecordFile, settings: Settings) -> RecordStore:
    return RecordStore(file, settings.table, dict(settings.columns), settings.where)


def _no_store(settings: Settings) -> SettingError:
    if settings.chroma is not None:
        remedy = "name the SQLite file of the records with --drift-db=FILE (or the variable DRIFT_DB, or drift_db in"
        return SettingError("db", f"{settings.chroma} holds no risk_classifications.db", f"{remedy} pytest.ini)")
    return SettingError(
        "db",
        "no store is configured",
        "name one with --drift-db=FILE --drift-chroma=DIR (or the variables DRIFT_DB and DRIFT_CHROMA, or drift_db and"
        " drift_chroma in pytest.ini), or try the built-in one with --drift-demo",
    )
