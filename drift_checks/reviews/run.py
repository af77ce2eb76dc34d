"""A run up to its reviews: prepare the records, choose the reviewers, review.

Each step runs once, when it is first needed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drift_checks.core.errors import SettingError
from drift_checks.core.records import Record, RecordId, Review, Stratum
from drift_checks.reviews.batches import BatchReviewer
from drift_checks.reviews.cluster.choice import UsedCluster, neighbours_on_cluster, on_cluster, refuse_no_gain
from drift_checks.reviews.hunting import refuse_unjudgeable_hunt
from drift_checks.reviews.journal import Journal, JournalContents, read_journal
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.preparation import Preparation
from drift_checks.reviews.resuming import Unfinished
from drift_checks.reviews.reviewers.base import Classifier, OnReview, Reviewer
from drift_checks.reviews.reviewers.choice import Named, classifier_of, limits_of, name_reviewers
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from drift_checks.reviews.reviewers.limits import Spent
from drift_checks.reviews.reviewers.pool import BackgroundReviewer, PooledReviewer
from drift_checks.reviews.second import SecondReviewer
from drift_checks.reviews.vectors.base import Comparison
from drift_checks.settings.declarations import NEIGHBOURS, SEQUENTIAL, Settings
from drift_checks.stores.tables import Table
from drift_checks.stores.writing import refuse_unwritable

if TYPE_CHECKING:
    from drift_checks.reviews.anchors import Anchor
    from drift_checks.reviews.cluster.neighbours import ClusterNeighbours

Drawn = TypeVar("Drawn")
# The number of records whose variants the user's own classifier reviews by default.
_VARIED = 10


class Pipeline(Preparation):
    """The steps of a run, from the settings to the reviews; any step may raise DriftError.

    Args:
        settings: The settings of the run.
        hook_classifier: The classifier that a hook returned, or a list of classifiers and names.
        folders: Folders that may hold the user's own modules.
        unfinished: The interrupted run to resume.
        table: The records, if they are in memory; the setting `db` is then only their name.
    """

    def __init__(
        self,
        settings: Settings,
        hook_classifier: object | None = None,
        folders: tuple[Path, ...] = (),
        unfinished: Unfinished | None = None,
        table: Table | None = None,
    ) -> None:
        self.named = name_reviewers(settings, hook_classifier)
        self.reviewer_name = self.named[0].name
        resumed = settings if unfinished is None else unfinished.resumed(settings, self.reviewer_names)
        super().__init__(resumed, folders, unfinished, table)
        self.ledger = Ledger()
        self._concurrency: UsedConcurrency | None = None

    def check(self) -> None:
        """Draw the sample, and refuse a run that is bound to fail, before any call is paid for.

        Raises:
            DriftError: The settings or the store do not allow the run.
        """
        if self.settings.repeat and self.reviewer_name == NEIGHBOURS:
            raise _nothing_to_repeat("the reviewer 'neighbours' never contradicts itself")
        refuse_unjudgeable_hunt(self.settings)
        refuse_no_gain(self.settings, self.reviewer_name, in_memory=self._table is not None)
        if self._vector_place is not None:
            self._vector_place.refuse_no_chroma()
        if self.settings.write_back:
            refuse_unwritable(self.store)
        # Each of these steps refuses what it cannot use. The versions are for the report, when the store may be away.
        _ = self.taxonomy, self.sample, self.classifier, self.versions, self.second
        if self.settings.repeat and getattr(self.classifier, "deterministic", False):
            raise _nothing_to_repeat(f"{self.reviewer_name} says deterministic = True")
        if self.settings.gold is not None:
            _ = self.anchors
        if any(named.name == NEIGHBOURS for named in self.named) and self.settings.embedding is not None:
            _ = self.compared
        elif self.classifier is not None and self._vector_place is not None:
            self._vector_place.refuse_no_collection()

    @cached_property
    def classifier(self) -> Classifier | None:
        """The classifier that the pool calls, None for the reviewer `neighbours`."""
        classifier = classifier_of(self.named[0], self.settings, self.taxonomy, self._folders)
        return None if classifier is None else on_cluster(classifier, self.settings, self._folders)

    @cached_property
    def second(self) -> tuple[SecondReviewer, ...]:
        """The reviewers beside the first, which run in this process."""
        return tuple(self._second(named) for named in self.named[1:])

    @cached_property
    def reviewer(self) -> Reviewer:
        """The reviewer that classifies the records again."""
        if self.classifier is not None:
            return PooledReviewer(self.classifier, limits_of(self.settings), self._spent())
        if (searching := self.cluster_neighbours) is not None:
            return BackgroundReviewer(searching, lambda: searching, self.settings.timeout)
        return self._neighbours()

    @cached_property
    def cluster_neighbours(self) -> ClusterNeighbours | None:
        """The reviewer `neighbours` on a cluster, None without one."""
        if self.reviewer_name != NEIGHBOURS or self.settings.cluster is None:
            return None
        return neighbours_on_cluster(self.settings, self.compared, self.sample.records)

    @property
    def reviewer_names(self) -> str:
        """The names of all reviewers, with commas."""
        return ",".join(named.name for named in self.named)

    @property
    def reviews(self) -> dict[RecordId, Review]:
        """The reviews so far, by record id."""
        return self.ledger.reviews

    @property
    def model(self) -> str | None:
        """The models that answered, as they name themselves; before any answer, the model that will be asked."""
        models = self.ledger.totals()["models"]
        return ", ".join(models) or (self.classifier.model if self.classifier else None)

    @property
    def omitted_parameters(self) -> tuple[str, ...]:
        """The parameters of calls that the endpoint rejects."""
        return tuple(self.ledger.totals()["omitted_parameters"])

    def use_journal(self, journal: Journal, header: Mapping[str, Any]) -> None:
        """Write the reviews to the run's journal, and take over those that it holds."""
        journal.begin(header)
        contents = read_journal(journal.path)
        self.ledger.use_journal(journal, contents)
        for second in self.second:
            second.ledger.use_journal(journal, contents.second.get(second.name, JournalContents()))

    def review(
        self,
        records: Sequence[Record],
        on_review: OnReview,
        prepare: Callable[[], object] = lambda: None,
        anchors: Sequence[Record] = (),
    ) -> None:
        """Review the records that are not reviewed yet; a sequential decision may need only some of them.

        The second reviewers follow, or are asked at the same time if all are endpoints and no limit must be shared.
        `prepare` prepares the checks while calls are in progress, or before them if they run the user's code, which may
        not tolerate what it does to the process.

        The first reviewer reviews the anchors among the records, or after them if there is a budget, so that they take
        no call from the sample.
        """
        beside = [second for second in self.second if second.is_remote] if self._reviews_beside else []

        def begin() -> None:
            for second in beside:
                second.begin(records)
            prepare()

        prepare_once = cache(begin)
        batches = self._batches
        if self.settings.decision == SEQUENTIAL and not self.sample.chosen:
            judged = [record for record in records if record.stratum in self.sample.judged]
            batches.review_until_decided(judged, self.settings.critical, on_review, prepare_once)
            rest = [record for record in records if record.stratum not in self.sample.judged]
            records = [*(record for record in judged if self.reviews[record.id].made), *rest]
        has_budget = (self.settings.max_calls, self.settings.max_cost) != (None, None)
        batches.review(records, self.repeats_among(records), on_review, prepare_once, () if has_budget else anchors)
        batches.review((), (), on_review, prepare_once, anchors)
        prepare_once()
        made = [record for record in records if self.reviews[record.id].made]
        for second in self.second:
            if second not in beside:
                second.begin(made)
            second.finish()

    def review_variants(self) -> None:
        """Review variants of some of the reviewed records, drawn by the seed."""
        drawn = (record for record in self.sample.records if record.stratum is not Stratum.LABEL_ISSUE)
        reviewed = [record for record in drawn if (found := self.reviews.get(record.id)) and found.made]
        self._batches.review_variants(self._draw("variants", reviewed, self.variants_wanted()))

    def variants_wanted(self) -> int:
        """Return the number of records whose variants are reviewed; 0 if the reviewer reads no text."""
        if self.classifier is None:
            return 0
        default = _VARIED if self.classifier.is_own else 0
        return default if self.settings.stability is None else self.settings.stability

    def repeats_among(self, records: Sequence[Record]) -> list[Record]:
        """Return the records to review twice, drawn by the seed from those whose agreement is judged."""
        judged = [record for record in records if record.stratum in self.sample.judged]
        return self._draw("repeat", judged, self.settings.repeat)

    @cached_property
    def anchors_tonight(self) -> list[Anchor]:
        """The anchors of this run, drawn by the seed; none if the user named the records to review."""
        number = 0 if self.sample.chosen else self.settings.anchors
        # From a pool half as large again, so that each returns often enough to be compared with itself.
        return self._draw("anchors", self.anchors.all[: number + number // 2], number) if number else []

    def anchors_to_review(self, reviewed: Collection[RecordId]) -> list[Record]:
        """Return the records of these anchors that are not reviewed already."""
        return [anchor.record for anchor in self.anchors_tonight if anchor.record.id not in reviewed]

    def close_reviewer(self) -> None:
        """Close the reviewers after their last review."""
        for second in self.__dict__.get("second", ()):
            second.close()
        if isinstance(self.__dict__.get("reviewer"), BackgroundReviewer):
            self._concurrency = self.used_concurrency()
            self.__dict__.pop("reviewer").finish()

    def comparison(self) -> Comparison | None:
        """Return what the reviewer `neighbours` compared records by; None for other reviewers, and before any."""
        if self.reviewer_name != NEIGHBOURS or "compared" not in self.__dict__:
            return None
        searching: ClusterNeighbours | None = self.__dict__.get("cluster_neighbours")
        return (searching and searching.comparison) or Comparison.of(self.compared)

    def compared_by(self, name: str) -> Comparison | None:
        """Return what a second reviewer compared records by; None unless it is `neighbours`, and before any."""
        return Comparison.of(self.compared) if name == NEIGHBOURS and "compared" in self.__dict__ else None

    def used_cluster(self) -> UsedCluster | None:
        """Return the cluster on which reviews were made; None without one, or if there was nothing to review."""
        user = self.classifier or self.__dict__.get("cluster_neighbours")
        workers, address = getattr(user, "workers", None), self.settings.cluster
        if address is None or workers is None or not workers.opened:
            return None
        return UsedCluster(address=address, workers=len(workers.opened))

    def used_concurrency(self) -> UsedConcurrency | None:
        """Return how many calls were in flight at once; None for reviewers that keep to the setting, or make none."""
        reviewer = self.__dict__.get("reviewer")
        return reviewer.used_concurrency() if isinstance(reviewer, PooledReviewer) else self._concurrency

    def close(self) -> None:
        """Close the reviewer, and remove the private copies of the store."""
        self.close_reviewer()
        super().close()

    @property
    def _batches(self) -> BatchReviewer:
        return BatchReviewer(
            self.ledger, lambda: self.reviewer, redact=self.settings.redact, is_concurrent=self._is_remote
        )

    @property
    def _is_remote(self) -> bool:
        return self.classifier is not None and not self.classifier.is_own

    @property
    def _reviews_beside(self) -> bool:
        """Whether second reviewers may be asked while the first is: the first must not share a limit with them."""
        settings = self.settings
        limits = settings.max_calls, settings.max_cost, settings.requests_per_minute
        return self._is_remote and settings.decision != SEQUENTIAL and limits == (None, None, None)

    def _second(self, named: Named) -> SecondReviewer:
        classifier = classifier_of(named, self.settings, self.taxonomy, self._folders)

        def reviewer() -> Reviewer:
            if classifier is None:
                return self._neighbours()
            limits = replace(limits_of(self.settings), max_calls=self.settings.max_calls)
            return PooledReviewer(classifier, limits, self._spent())

        return SecondReviewer(named.name, classifier, reviewer, redact=self.settings.redact)

    def _neighbours(self) -> Reviewer:
        from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer

        return NeighboursReviewer(self.compared)

    def _spent(self) -> Spent:
        """Return how much of the run's budget all reviewers have spent; neighbours cost nothing."""
        ledgers = [self.ledger] if self.classifier is not None else []
        ledgers += [second.ledger for second in self.second if second.classifier is not None]
        spent = [ledger.spent() for ledger in ledgers]
        return Spent(sum(item.calls for item in spent), sum(item.cost for item in spent))

    def _draw(self, purpose: str, records: Sequence[Drawn], number: int) -> list[Drawn]:
        generator = random.Random(f"{purpose}:{self.settings.seed}")  # noqa: S311 - a sample, not a secret
        return generator.sample(records, min(number, len(records)))


def _nothing_to_repeat(why: str) -> SettingError:
    return SettingError(
        "repeat",
        f"{why}, so there is nothing to measure",
        "omit it, or name another reviewer with --drift-reviewer=NAME",
    )
