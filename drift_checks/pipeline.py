"""One run up to the reviews: the store is opened, the sample drawn, the vectors opened, the records reviewed.

Each step is made when it is first asked for, and once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

from drift_checks.drawing import Drawing
from drift_checks.errors import ReviewerError, SettingError
from drift_checks.journal import Journal, read_journal
from drift_checks.ledger import Ledger
from drift_checks.records import Record, RecordId, Review, Sample
from drift_checks.resuming import Unfinished
from drift_checks.reviewer_choice import choose_classifier, limits_of, name_reviewer
from drift_checks.reviewers.base import Classifier, OnReview, Reviewer
from drift_checks.reviewers.pool import PooledReviewer
from drift_checks.settings import NEIGHBOURS, Settings
from drift_checks.stores.chroma import VectorCollection, refuse_no_chroma, refuse_no_collection
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.sqlite import SqliteFile
from drift_checks.taxonomy import read_taxonomy


class Pipeline:
    """The steps of a run, from the settings to the reviews; any step may raise DriftError.

    Args:
        settings: What the run was told to do.
        given: The classifier that a hook gave.
        folders: Where the user's own modules may lie.
        unfinished: What the run did before it was broken off, where it is one that goes on.
    """

    def __init__(
        self,
        settings: Settings,
        given: object | None = None,
        folders: tuple[Path, ...] = (),
        unfinished: Unfinished | None = None,
    ) -> None:
        self.reviewer_name = name_reviewer(settings, given)
        self.settings = settings if unfinished is None else unfinished.resumed(settings, self.reviewer_name)
        self.ledger = Ledger()
        self.unfinished = unfinished
        self._given = given
        self._folders = folders
        self._opened: list[SqliteFile | VectorCollection] = []

    @property
    def reviews(self) -> dict[RecordId, Review]:
        """The reviews so far, by the record's id."""
        return self.ledger.reviews

    def check(self) -> None:
        """Draw the sample, and refuse whatever can be told to be impossible before anything is paid for.

        Raises:
            DriftError: The settings or the store do not allow the run.
        """
        store, chroma = self.store, self.settings.chroma
        if chroma is not None:
            refuse_no_chroma(chroma)
        elif self.reviewer_name == NEIGHBOURS:
            raise ReviewerError(_no_chroma(store.file.path))
        # Each of these steps refuses what it cannot use.
        _ = self.taxonomy, self.sample, self.classifier
        if self.classifier is not None and chroma is not None:
            # Found out later, it would be after the first calls were paid for.
            refuse_no_collection(chroma, self.settings.collection, self._snapshot_dir)

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
        drawing = Drawing(self.settings, self.store)
        return drawing.draw() if self.unfinished is None else drawing.draw_again(self.unfinished.sample)

    @cached_property
    def vectors(self) -> VectorCollection | None:
        """The collection of vectors, None where the run was given no Chroma directory."""
        if self.settings.chroma is None:
            return None
        collection = VectorCollection(self.settings.chroma, self.settings.collection, self._snapshot_dir)
        self._opened.append(collection)
        return collection

    @cached_property
    def taxonomy(self) -> Mapping[str, str]:
        """The categories that a record may have, with their descriptions, which may be empty."""
        if self.settings.taxonomy is not None:
            return read_taxonomy(self.settings.taxonomy)
        return dict.fromkeys(self.store.categories(), "")

    @cached_property
    def classifier(self) -> Classifier | None:
        """What the pool asks, None where the neighbours vote."""
        if self.reviewer_name == NEIGHBOURS:
            return None
        return choose_classifier(self.settings, self.taxonomy, self._given, self._folders)

    @cached_property
    def reviewer(self) -> Reviewer:
        """What decides again."""
        if self.classifier is not None:
            return PooledReviewer(self.classifier, limits_of(self.settings), self.ledger.spent())
        from drift_checks.reviewers.neighbours import NeighboursReviewer

        if self.vectors is None:
            raise ReviewerError(_no_chroma(self.settings.db))
        return NeighboursReviewer(self.vectors)

    def keep_in(self, journal: Journal, begun: Mapping[str, Any]) -> None:
        """Keep the reviews in the run's journal; those that it holds already are not asked for again.

        Args:
            journal: Held by this process.
            begun: What the journal begins with, in plain values.
        """
        journal.begin(begun)
        self.ledger.keep_in(journal, read_journal(journal.path))

    def review(
        self, records: Sequence[Record], on_review: OnReview, meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        """Have each record reviewed that was not yet.

        Args:
            records: What to review.
            on_review: Called after each review.
            meanwhile: Makes ready what else the run needs, while calls are under way; before, where code of the user's
                is called, which may not stand what that does to the process.
        """
        ledger = self.ledger
        asked = [record for record in records if record.id not in ledger.reviews]
        repeats = [record for record in self.repeats_among(records) if record.id not in ledger.repeats]
        overlapping = bool(asked or repeats) and self.classifier is not None and not self.classifier.is_own
        if not overlapping:
            meanwhile()
        if not asked and not repeats:
            return
        with closing(self.reviewer.review(asked, repeats, ledger.call, ledger.keep, ledger.spend)) as reviewing:
            for review in reviewing:
                on_review(review)
                if overlapping:
                    # After the first answer: by then the client has imported all that it needs. Two threads that import
                    # the same libraries get halves of them.
                    meanwhile()
                    overlapping = False

    def repeats_among(self, records: Sequence[Record]) -> list[Record]:
        """Return the records to review twice: drawn with the seed from those whose agreement is judged."""
        judged = [record for record in records if record.stratum in self.sample.judged]
        number = min(self.settings.repeat, len(judged))
        return random.Random(f"repeat:{self.settings.seed}").sample(judged, number)  # noqa: S311

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
