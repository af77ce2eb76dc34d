"""One run up to the reviews: the store is opened, the sample drawn, the vectors opened, the records reviewed.

Each step is made when it is first asked for, and once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from drift_checks import sampling
from drift_checks.errors import NothingToReview, ReviewerError, SettingError
from drift_checks.instants import format_instant
from drift_checks.records import Record, RecordId, Review, Sample, Stratum
from drift_checks.reviewers.base import Reviewer
from drift_checks.settings import Settings
from drift_checks.stores.chroma import VectorCollection, refuse_no_chroma
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.sqlite import SqliteFile
from drift_checks.stores.strata import Bounds, StrataQueries
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
        return self.store.file.read(self._draw, self._bounds.register)

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

    @property
    def _bounds(self) -> Bounds:
        settings = self.settings
        old_before = settings.as_of - timedelta(days=settings.old_days)
        return Bounds(settings.low_confidence_below, old_before, settings.naive_timezone)

    def _draw(self, connection: Connection) -> Sample:
        store, settings = self.store, self.settings
        strata = StrataQueries(connection, store, self._bounds)
        sizes = strata.sizes()
        if not sum(sizes.values()):
            raise NothingToReview(f"{store.file.path}: table {store.name!r} is empty: there is nothing to review.")
        divided = store.has("confidence") or store.has("timestamp")
        plan = sampling.plan(
            sizes, settings.sample_size, settings.low_confidence_share, settings.baseline, divided=divided
        )
        if settings.records:
            records = self._chosen(connection, strata)
            notes: tuple[str, ...] = ("exactly these records were asked for",)
        else:
            if not sum(plan.wanted[stratum] for stratum in plan.judged):
                raise NothingToReview(_no_candidates(settings))
            drawn = sampling.draw(strata, plan.wanted, sizes, settings.seed)
            rows = store.rows(connection, [record_id for ids in drawn.values() for record_id in ids])
            records = tuple(Record(key, stratum, rows[key]) for stratum, ids in drawn.items() for key in ids)
            notes = plan.notes
        unreadable = strata.unreadable()
        return Sample(
            records=records,
            sizes=sizes,
            judged=tuple(Stratum) if settings.records else plan.judged,
            seed=settings.seed,
            as_of=settings.as_of,
            naive_timezone=settings.naive_timezone.key,
            chosen=bool(settings.records),
            unreadable=unreadable,
            notes=(*notes, *_unreadable_notes(unreadable)),
        )

    def _chosen(self, connection: Connection, strata: StrataQueries) -> tuple[Record, ...]:
        # A column without a declared type does not take the text 12 for the number.
        numbers = [int(key) for key in self.settings.records if key.lstrip("-").isdecimal() and key.isascii()]
        rows = self.store.rows(connection, [*self.settings.records, *numbers])
        missing = set(self.settings.records) - {str(key) for key in rows}
        if missing:
            raise SettingError(
                f"records: {', '.join(sorted(missing))} not found in {self.store.file.path}; allowed are ids in the"
                f" column {self.store.columns['id']} of table {self.store.name}."
            )
        found = strata.strata_of(list(rows))
        return tuple(Record(key, found[key], row) for key, row in rows.items())


def _unreadable_notes(unreadable: dict[str, int]) -> tuple[str, ...]:
    return tuple(
        f"1 record has a {column} that cannot be read and counts as baseline"
        if number == 1
        else f"{number:,} records have a {column} that cannot be read and count as baseline"
        for column, number in unreadable.items()
    )


def _no_candidates(settings: Settings) -> str:
    before = format_instant(settings.as_of - timedelta(days=settings.old_days))[:10]
    return (
        f"{settings.db}: nothing to review: no record has a confidence at or below {settings.low_confidence_below} or"
        f" is older than {settings.old_days} days (before {before}); change --drift-low-confidence-below or"
        " --drift-old-days, or give a --drift-sample-size no smaller than the store to review all of it."
    )


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
