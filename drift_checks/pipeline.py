"""One run up to the reviews: the store is opened, the sample drawn, the vectors opened, the records reviewed.

Each step is made when it is first asked for, and once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from drift_checks.drawing import Drawing
from drift_checks.errors import ReviewerError, SettingError
from drift_checks.records import Record, RecordId, Review, Sample
from drift_checks.reviewers.base import Reviewer
from drift_checks.settings import Settings
from drift_checks.stores.chroma import VectorCollection, refuse_no_chroma
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.sqlite import SqliteFile
from drift_checks.taxonomy import read_taxonomy

OnReview = Callable[[Review], None]


class Pipeline:
    """The steps of a run, from the settings to the reviews; any step may raise DriftError.

    Args:
        settings: What the run was told to do.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reviews: dict[RecordId, Review] = {}
        self._opened: list[SqliteFile | VectorCollection] = []

    @classmethod
    def of(cls, settings: Settings) -> Pipeline:
        """Return the pipeline of these settings, of the demo store where they ask for it."""
        if settings.demo:
            from drift_checks.demo.settings import demo_settings

            settings = demo_settings(settings)
        return cls(settings)

    def check(self) -> None:
        """Draw the sample, and refuse whatever can be told to be impossible before anything is paid for.

        Raises:
            DriftError: The settings or the store do not allow the run.
        """
        store, chroma = self.store, self.settings.chroma
        if chroma is not None:
            refuse_no_chroma(chroma)
        elif self.settings.reviewer == "neighbours":
            raise ReviewerError(_no_chroma(store.file.path))
        # Each of these steps refuses what it cannot use.
        _ = self.taxonomy, self.sample

    @cached_property
    def store(self) -> RecordStore:
        """The table of records."""
        if self.settings.db is None:
            raise SettingError(_no_store(self.settings))
        file = SqliteFile(self.settings.db, self._snapshot_dir)
        self._opened.append(file)
        return RecordStore(file, self.settings.table, dict(self.settings.columns))

    @cached_property
    def sample(self) -> Sample:
        """The records under review."""
        return Drawing(self.settings, self.store).draw()

    @cached_property
    def vectors(self) -> VectorCollection | None:
        """The collection of vectors, None where the run was given no Chroma directory."""
        if self.settings.chroma is None:
            return None
        collection = VectorCollection(self.settings.chroma, self.settings.collection, self._snapshot_dir)
        self._opened.append(collection)
        return collection

    @cached_property
    def taxonomy(self) -> frozenset[str]:
        """The categories that a record may have."""
        if self.settings.taxonomy is not None:
            return frozenset(read_taxonomy(self.settings.taxonomy))
        return frozenset(self.store.categories())

    @cached_property
    def reviewer(self) -> Reviewer:
        """What decides again."""
        from drift_checks.reviewers.neighbours import NeighboursReviewer

        if self.vectors is None:
            raise ReviewerError(_no_chroma(self.settings.db))
        return NeighboursReviewer(self.vectors)

    def review(self, records: Sequence[Record], on_review: OnReview) -> None:
        """Have each record reviewed that was not yet; `on_review` is called after each."""
        for review in self.reviewer.review([record for record in records if record.id not in self.reviews]):
            self.reviews[review.record_id] = review
            on_review(review)

    def opened_vectors(self) -> VectorCollection | None:
        """Return the collection if a step of this run opened it."""
        return next((item for item in self._opened if isinstance(item, VectorCollection)), None)

    def close(self) -> None:
        """Remove the private copies."""
        for opened in self._opened:
            opened.close()

    @property
    def _snapshot_dir(self) -> Path:
        return self.settings.snapshot_dir or default_folder()


def _no_store(settings: Settings) -> str:
    if settings.chroma is not None:
        return (
            f"no records: {settings.chroma} holds no risk_classifications.db; name the SQLite file with --drift-db"
            " FILE (or the variable DRIFT_DB, or drift_db in pytest.ini)."
        )
    return (
        "no store is configured: name one with --drift-db FILE --drift-chroma DIR (or the variables DRIFT_DB and"
        " DRIFT_CHROMA, or drift_db and drift_chroma in pytest.ini), or try the built-in one with --drift-demo."
    )


def _no_chroma(db: Path | None) -> str:
    hint = ""
    if db is not None and (db.parent / "chroma.sqlite3").exists():
        hint = f" There is one beside the records: --drift-chroma {db.parent}"
    return (
        "chroma: the reviewer 'neighbours' needs the vectors; name the Chroma directory with --drift-chroma DIR (or the"
        f" variable DRIFT_CHROMA, or CHROMA_PERSIST_PATH).{hint}"
    )
