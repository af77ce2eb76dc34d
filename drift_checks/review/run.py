"""One run up to the reviews: the store is opened, the sample drawn, the vectors opened, the records reviewed.

Each step is made when it is first asked for, and once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.records import Record, RecordId, Review, Sample
from drift_checks.core.redaction import redacted
from drift_checks.review.drawing import Drawing
from drift_checks.review.journal import Journal, read_journal
from drift_checks.review.ledger import Ledger
from drift_checks.review.resuming import Unfinished
from drift_checks.review.reviewers.base import Classifier, OnReview, Reviewer
from drift_checks.review.reviewers.choice import choose_classifier, limits_of, name_reviewer
from drift_checks.review.reviewers.pool import PooledReviewer
from drift_checks.review.variants import variants_of
from drift_checks.review.windows import Windows
from drift_checks.settings.declarations import DATABASE_NAME, NEIGHBOURS, SEQUENTIAL, Settings
from drift_checks.statistics.sequential import fewest_to_decide
from drift_checks.stores.chroma import VectorCollection, refuse_no_chroma, refuse_no_collection
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.sqlite import SqliteFile
from drift_checks.stores.taxonomy import read_taxonomy
from drift_checks.stores.write_back import refuse_unwritable

# Records of a classifier of the user's own that are asked about in other forms.
_VARIED = 10
_NOT_NEEDED = "not needed: the reviews before it decided"


class Meanwhile:
    """What is made ready while calls are under way, once.

    Args:
        make_ready: Makes it.
    """

    def __init__(self, make_ready: Callable[[], object]) -> None:
        self._make_ready: Callable[[], object] | None = make_ready

    def over(self) -> None:
        """Make it ready, if that was not done."""
        make_ready, self._make_ready = self._make_ready, None
        if make_ready is not None:
            make_ready()


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

    @property
    def model(self) -> str | None:
        """The models that answered, as they name themselves; before that, the one that is to be asked."""
        answered = self.ledger.totals()["models"]
        return ", ".join(answered) or (self.classifier.model if self.classifier else None)

    def check(self) -> None:
        """Draw the sample, and refuse whatever can be told to be impossible before anything is paid for.

        Raises:
            DriftError: The settings or the store do not allow the run.
        """
        store, chroma = self.store, self.settings.chroma
        if chroma is not None:
            refuse_no_chroma(chroma)
        elif self.reviewer_name == NEIGHBOURS:
            raise _no_chroma(store.file.path)
        if self.settings.write_back:
            refuse_unwritable(store)
        # Each of these steps refuses what it cannot use.
        _ = self.taxonomy, self.sample, self.classifier
        if self.classifier is not None and chroma is not None:
            # Found out later, it would be after the first calls were paid for.
            refuse_no_collection(chroma, self.settings.collection, self._snapshot_dir)

    @cached_property
    def store(self) -> RecordStore:
        """The table of records."""
        if self.settings.db is None:
            raise _no_store(self.settings)
        file = SqliteFile(self.settings.db, self._snapshot_dir)
        self._opened.append(file)
        return RecordStore(file, self.settings.table, dict(self.settings.columns))

    @cached_property
    def sample(self) -> Sample:
        """The records under review."""
        drawing = Drawing(self.settings, self.store)
        return drawing.draw() if self.unfinished is None else drawing.draw_again(self.unfinished.sample)

    @cached_property
    def windows(self) -> Windows:
        """Recent and reference records of the whole store."""
        return Windows(self.settings, self.store)

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
            spent = self.ledger.spent()
            return PooledReviewer(self.classifier, limits_of(self.settings), spent, stays_open=True)
        from drift_checks.review.reviewers.neighbours import NeighboursReviewer

        if self.vectors is None:
            raise _no_chroma(self.settings.db)
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
        """Have each record reviewed that was not yet, or where the evidence decides, as many as that takes.

        Args:
            records: What to review.
            on_review: Called after each review.
            meanwhile: Makes ready what else the run needs, while calls are under way; before, where code of the user's
                is called, which may not stand what that does to the process.
        """
        waiting = Meanwhile(meanwhile)
        if self.settings.decision == SEQUENTIAL and not self.sample.chosen:
            judged = [record for record in records if record.stratum in self.sample.judged]
            self._review_until_decided(judged, on_review, waiting)
            rest = [record for record in records if record.stratum not in self.sample.judged]
            records = [*(record for record in judged if self.reviews[record.id].made), *rest]
        self._ask(records, on_review, waiting, self.repeats_among(records))
        waiting.over()

    def _review_until_decided(self, judged: Sequence[Record], on_review: OnReview, waiting: Meanwhile) -> None:
        """Ask about as many records at once as the decision needs at the least, until it is taken."""
        left = [record for record in judged if record.id not in self.reviews]
        while left and (number := fewest_to_decide(self._agreed(judged), self.settings.critical)):
            batch, left = left[:number], left[number:]
            self._ask(batch, on_review, waiting)
            refused = [self.reviews[record.id] for record in batch if not self.reviews[record.id].asked]
            if refused:
                # An outage, or the budget is spent: the rest fails for the same reason.
                for record in left:
                    self.ledger.keep(replace(refused[-1], record_id=record.id))
                return
        for record in left:
            self.reviews[record.id] = Review(record.id, failure=_NOT_NEEDED, asked=False, needed=False)

    def _agreed(self, records: Sequence[Record]) -> list[bool]:
        made = [(self.reviews[record.id], record) for record in records if record.id in self.reviews]
        return [review.agrees_with(record) for review, record in made if review.made]

    def _ask(
        self, records: Sequence[Record], on_review: OnReview, waiting: Meanwhile, repeated: Sequence[Record] = ()
    ) -> None:
        ledger, keep = self.ledger, self._keeping({record.id: record for record in (*records, *repeated)})
        asked = [record for record in records if record.id not in ledger.reviews]
        repeats = [record for record in repeated if record.id not in ledger.repeats]
        if not asked and not repeats:
            return
        overlapping = self.classifier is not None and not self.classifier.is_own
        if not overlapping:
            waiting.over()
        with closing(self.reviewer.review(asked, repeats, ledger.call, keep, ledger.spend)) as reviewing:
            for review in reviewing:
                on_review(review)
                # After the first answer: by then the client has imported all that it needs. Two threads that import the
                # same libraries get halves of them.
                waiting.over()

    def review_variants(self) -> None:
        """Have some of the reviewed records reviewed in other forms of the same meaning, where that is wanted."""
        known = {record.id: record for record in self.sample.records}
        waiting: dict[str, tuple[RecordId, int]] = {}
        forms: list[Record] = []
        for key in self._varied():
            for number, form in enumerate(variants_of(known[key]), 1):
                if number not in self.ledger.variants.get(key, {}):
                    name = f"{key} in form {number}"
                    waiting[name] = key, number
                    forms.append(replace(form, id=name))

        keep_form = self._keeping({form.id: form for form in forms})

        def keep(review: Review) -> None:
            key, number = waiting[str(review.record_id)]
            keep_form(review, record_id=key, variant=number)

        if forms:
            with closing(self.reviewer.review(forms, (), self.ledger.call, keep, self.ledger.spend)) as reviewing:
                for _ in reviewing:
                    pass

    def _keeping(self, records: Mapping[RecordId, Record]) -> Callable[..., None]:
        """Return what keeps a review of one of the records, changed as given, in the ledger."""

        def keep(review: Review, **changed: Any) -> None:
            if self.settings.redact:
                review = redacted(review, records[review.record_id])
            self.ledger.keep(replace(review, **changed))

        return keep

    def variants_wanted(self) -> int:
        """Return how many records are to be reviewed in other forms; none where the reviewer reads no text."""
        if self.classifier is None:
            return 0
        by_default = _VARIED if self.classifier.is_own else 0
        return by_default if self.settings.stability is None else self.settings.stability

    def _varied(self) -> list[RecordId]:
        """Return the records to vary: drawn with the seed from those that were reviewed."""
        made = [
            record.id for record in self.sample.records if record.id in self.reviews and self.reviews[record.id].made
        ]
        number = min(self.variants_wanted(), len(made))
        return random.Random(f"variants:{self.settings.seed}").sample(made, number)  # noqa: S311

    def repeats_among(self, records: Sequence[Record]) -> list[Record]:
        """Return the records to review twice: drawn with the seed from those whose agreement is judged."""
        judged = [record for record in records if record.stratum in self.sample.judged]
        number = min(self.settings.repeat, len(judged))
        return random.Random(f"repeat:{self.settings.seed}").sample(judged, number)  # noqa: S311

    def close_reviewer(self) -> None:
        """Let the reviewer go; it is asked no more."""
        if isinstance(self.__dict__.get("reviewer"), PooledReviewer):
            self.__dict__.pop("reviewer").close()

    def opened_vectors(self) -> VectorCollection | None:
        """Return the collection if a step of this run opened it."""
        return next((item for item in self._opened if isinstance(item, VectorCollection)), None)

    def close(self) -> None:
        """Remove the private copies, and let the reviewer go."""
        self.close_reviewer()
        for opened in self._opened:
            opened.close()

    @property
    def _snapshot_dir(self) -> Path:
        return self.settings.snapshot_dir or default_folder()


def _no_store(settings: Settings) -> SettingError:
    if settings.chroma is not None:
        return SettingError(
            "db",
            f"{settings.chroma} holds no {DATABASE_NAME}",
            "name the SQLite file with --drift-db FILE (or the variable DRIFT_DB, or drift_db in pytest.ini)",
        )
    return SettingError(
        "db",
        "no store is configured",
        "name one with --drift-db FILE --drift-chroma DIR (or the variables DRIFT_DB and DRIFT_CHROMA, or drift_db and"
        " drift_chroma in pytest.ini), or try the built-in one with --drift-demo",
    )


def _no_chroma(db: Path | None) -> ReviewerError:
    is_beside = db is not None and (db.parent / "chroma.sqlite3").exists()
    return ReviewerError(
        "chroma",
        "the reviewer 'neighbours' needs vectors",
        "name the Chroma directory with --drift-chroma DIR (or the variable DRIFT_CHROMA, or CHROMA_PERSIST_PATH)",
        f"there is one beside the records: --drift-chroma {db.parent}" if db is not None and is_beside else "",
    )
