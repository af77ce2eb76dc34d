"""Says of every record how doubtful its label is, and how many labels are probably wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from drift_checks.core.records import RecordId
from drift_checks.core.text import count
from drift_checks.reviews.labels.issues import AgeCount, LabelAssessment, LabelIssue
from drift_checks.reviews.labels.kept import Kept, KeptFile
from drift_checks.reviews.labels.model import LEAST, MOST_CATEGORIES, PREDICTION, LabelModel, is_drawn, shares_to_draw
from drift_checks.reviews.labels.pass_over import Pass
from drift_checks.reviews.labels.predictions import DIGITS, LabelPredictions
from drift_checks.reviews.labels.records import OLDER, RECENT, Block, LabelledRecords
from drift_checks.reviews.labels.sources import TextSource
from drift_checks.reviews.labels.texts import TextProjection
from drift_checks.statistics.label_noise import confident_joint, wrong_labels
from drift_checks.stores.records import RecordStore
from drift_checks.stores.strata import STRATA

# The blocks of texts that show how frequent each word is.
_BLOCKS_FITTED = 10
# The regressions are fitted again if fewer of their records are left, or if the store has grown more.
_LEAST_LEFT, _MOST_GROWN = 0.9, 1.25
# A category that the regressions do not know and that has as many records is new.
_NEW = 20


class LabelAssessor:
    """Assesses the labels of a store.

    Args:
        store: The store.
        records: Its labelled records.
        counts: How many records each category has.
        seed: Draws the records to learn from.
        folder: For the file of what was fitted and predicted; None to keep nothing.
        identity: What tells this store from others that use the folder.
        sampled: The records of the sample, whose predictions are kept apart.
    """

    def __init__(
        self,
        store: RecordStore,
        records: LabelledRecords,
        counts: Mapping[str, int],
        seed: int,
        folder: Path | None,
        identity: Sequence[str],
        sampled: Iterable[RecordId] = (),
    ) -> None:
        self._store = store
        self._records = records
        self._counts = counts
        self._seed = seed
        self._sampled = frozenset(sampled)
        self._file = KeptFile(folder, (*identity, str(seed), records.source.basis))

    def assess(self) -> LabelAssessment:
        """Predict every record that was not predicted before, and rank the labels."""
        kept = self._file.load()
        self._prepare_texts(kept)
        found = self._pass(kept)
        if kept is not None and found.dimension != len(kept.model.centre):
            kept, found = None, self._pass(None)
        if not found.drawn:
            return LabelAssessment(missing=self._nothing_to_compare())
        if kept is not None and _still_holds(kept.model, found):
            return self._assessed(kept.model, found, fitted=False)
        if kept is not None:
            self._prepare_texts(None)
            found = self._pass(None)
        drawn = Block.joined(found.drawn)
        model = LabelModel.fitted(drawn, found.records)
        if model is None:
            return LabelAssessment(missing=_not_told_apart(drawn, len(self._counts)))
        empty = Kept(model, None, np.empty(0, np.uint64), np.empty(0, PREDICTION))
        if len(drawn.ids) == found.records:
            found = Pass(empty, found.draw, self._sampled)
            found.add(drawn)
        else:
            found = self._pass(empty)
        return self._assessed(model, found, fitted=True)

    def _prepare_texts(self, kept: Kept | None) -> None:
        source = self._records.source
        if not isinstance(source, TextSource):
            return
        if kept is not None and kept.projection is not None:
            source.projection = kept.projection
            return
        source.projection = self._store.read(
            lambda connection: TextProjection.fitted(self._records.texts(connection, _BLOCKS_FITTED)), timed=False
        )

    def _pass(self, kept: Kept | None) -> Pass:
        """Read all records, draw those to learn from, and predict them all if there are regressions."""
        shares: dict[str, float] = {}

        def draw(block: Block) -> npt.NDArray[np.bool_]:
            if not shares:
                shares.update(shares_to_draw(self._counts, block.vectors.shape[1]))
            return is_drawn(block, shares, self._seed)

        def read(connection: Connection) -> Pass:
            found = Pass(kept, draw, self._sampled)
            for block in self._records.blocks(connection):
                found.add(block)
                if kept is not None and found.dimension != len(kept.model.centre):
                    break
            return found

        return self._records.read(read)

    def _assessed(self, model: LabelModel, found: Pass, *, fitted: bool) -> LabelAssessment:
        source = self._records.source
        obstacle = ""
        if found.predicted:
            projection = source.projection if isinstance(source, TextSource) else None
            obstacle = self._file.save(Kept(model, projection, *found.by_digest()))
        else:
            self._file.touch()
        labels, predictions, ages = found.labels(), found.predictions(), found.ages()
        known = labels >= 0
        joint = confident_joint(labels[known], predictions["counted"][known], len(model.categories))
        counts = np.bincount(labels[known], minlength=len(model.categories))
        wrong = float(wrong_labels(joint, counts).sum())
        places = found.most_doubtful(round(wrong))
        is_wrong = np.zeros(len(labels), np.bool_)
        is_wrong[places] = True
        ids = found.ids_of(places)
        own = predictions["own"].astype(np.float64).round(DIGITS)
        own[~known] = np.nan
        strata = found.strata()
        names = {RECENT: "recent", OLDER: "older"}
        issues = [
            LabelIssue(
                key,
                model.categories[labels[place]],
                model.categories[predictions["category"][place]],
                float(predictions["own"][place]),
                float(predictions["other"][place]),
                names.get(int(ages[place]), ""),
                str(STRATA[int(strata[place])]),
            )
            for key, place in zip(ids, places.tolist(), strict=True)
        ]
        return LabelAssessment(
            basis=source.basis,
            records=int(known.sum()),
            wrong=wrong,
            issues=issues,
            by_category=_by_category(model, labels, ages, is_wrong),
            nearest=found.nearest({issue.record_id: (issue.stored, issue.predicted) for issue in issues}),
            predictions=_counted(self._records.sizes, strata, own, found.sampled),
            remarks=tuple(self._remarks(model, labels, obstacle)),
            fitted=fitted,
            predicted=found.predicted,
        )

    def _nothing_to_compare(self) -> str:
        return f"no record has a label and a vector ({', '.join(self._records.remarks()) or 'no records'})"

    def _remarks(self, model: LabelModel, labels: npt.NDArray[np.intp], obstacle: str) -> list[str]:
        left_out = self._records.remarks()
        if unknown := int((labels < 0).sum()):
            categories = count(len(model.rare), "category")
            left_out.append(f"{count(unknown, 'record')} in {categories} with fewer than {LEAST} different texts")
        found = [f"left out: {', '.join(left_out)}"] if left_out else []
        if obstacle:
            found.append(f"the predictions cannot be kept for the next run ({obstacle})")
        return found


def _still_holds(model: LabelModel, found: Pass) -> bool:
    """Whether the regressions need not be fitted again."""
    left = np.isin(model.trained, found.digests(), kind="sort").mean() if len(model.trained) else 0.0
    is_new = any(number >= _NEW and category not in model.rare for category, number in found.unknown.items())
    return bool(left >= _LEAST_LEFT and found.records <= _MOST_GROWN * model.records and not is_new)


def _counted(
    sizes: npt.NDArray[np.intp],
    strata: npt.NDArray[np.int8],
    own: npt.NDArray[np.float64],
    sampled: Mapping[RecordId, int],
) -> LabelPredictions:
    """Count the probabilities of the labels by stratum; NaN for a label that was not predicted."""
    counts = {}
    for code, stratum in STRATA.items():
        values, numbers = np.unique(own[(strata == code) & np.isfinite(own)], return_counts=True)
        counts[str(stratum)] = tuple(zip(values.tolist(), numbers.tolist(), strict=True))
    return LabelPredictions(
        {str(stratum): int(sizes[code]) for code, stratum in STRATA.items()},
        counts,
        tuple((key, float(own[place])) for key, place in sampled.items() if np.isfinite(own[place])),
    )


def _by_category(
    model: LabelModel, labels: npt.NDArray[np.intp], ages: npt.NDArray[np.int8], is_wrong: npt.NDArray[np.bool_]
) -> dict[str, AgeCount]:
    def counted(which: npt.NDArray[np.bool_]) -> list[int]:
        return list(map(int, np.bincount(labels[which & (labels >= 0)], minlength=len(model.categories))))

    recent, older = ages == RECENT, ages == OLDER
    columns = zip(counted(recent), counted(recent & is_wrong), counted(older), counted(older & is_wrong), strict=True)
    return {name: AgeCount(*numbers) for name, numbers in zip(model.categories, columns, strict=True)}


def _not_told_apart(drawn: Block, categories: int) -> str:
    """Return why no regression was fitted to these records of a store with so many categories."""
    if categories > MOST_CATEGORIES:
        return f"it compares at most {MOST_CATEGORIES} categories, and the store has {categories:,}"
    found = count(len(drawn.ids), "record"), count(len(set(drawn.categories)), "category")
    return (
        f"needs two categories with {LEAST} different texts and vectors each, found fewer in {found[0]} of {found[1]}"
    )
