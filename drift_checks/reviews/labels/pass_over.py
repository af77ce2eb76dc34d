"""A pass over the records of a store: it draws those to learn from, and collects what is predicted of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from drift_checks.core.records import RecordId
from drift_checks.reviews.labels.issues import Nearest
from drift_checks.reviews.labels.kept import Kept
from drift_checks.reviews.labels.model import Predictions
from drift_checks.reviews.labels.records import Block, Digests, Numbers
from drift_checks.statistics.logistic import Labels

# The report shows as many issues with their nearest records.
SHOWN = 20
Draw = Callable[[Block], npt.NDArray[np.bool_]]


class Pass:
    """What a pass has found so far.

    Attributes:
        draw: Says which records of a block are learned from.
        drawn: These records.
        records: How many records there were.
        dimension: Of their vectors.
        unknown: How many records have each category that the regressions do not tell apart.
        predicted: How many records had to be predicted.
        sampled: The places of the records of the sample.
    """

    def __init__(self, kept: Kept | None, draw: Draw, sample: frozenset[RecordId]) -> None:
        self.draw = draw
        self.sampled: dict[RecordId, int] = {}
        self._sample = sample
        self.drawn: list[Block] = []
        self.records = self.predicted = self.dimension = 0
        self.unknown: Counter[str] = Counter()
        self._kept = kept
        self._found: list[tuple[Labels, Predictions, Numbers, Numbers, Digests]] = []
        self._ids: dict[int, RecordId] = {}
        self._first: list[tuple[float, int, Block]] = []

    def add(self, block: Block) -> None:
        """Take a block of records."""
        self.dimension = block.vectors.shape[1]
        self.drawn.append(block.take(self.draw(block)))
        if self._kept is not None and self.dimension == len(self._kept.model.centre):
            self._predict(self._kept, block)
        self.records += len(block.ids)

    def _predict(self, kept: Kept, block: Block) -> None:
        labels = kept.model.labels_of(block)
        self.unknown.update(block.categories[labels < 0].tolist())
        is_known, found = kept.of(block.digests)
        new = np.flatnonzero(~is_known & (labels >= 0))
        if len(new):
            found[new] = kept.model.predict(block.take(new), labels[new])
            self.predicted += len(new)
        found[labels < 0] = (1, 0, 0, -1)
        self.sampled.update(
            (key, self.records + place) for place, key in enumerate(block.ids.tolist()) if key in self._sample
        )
        doubt = found["other"] - found["own"]
        doubtful = np.flatnonzero(doubt > 0)
        self._ids.update((self.records + place, block.ids[place]) for place in doubtful.tolist())
        first = doubtful[np.argsort(-doubt[doubtful], kind="stable")[:SHOWN]]
        self._first += [
            (float(doubt[place]), self.records + place, block.take(np.array([place]))) for place in first.tolist()
        ]
        self._first = sorted(self._first, key=lambda item: (-item[0], item[1]))[:SHOWN]
        self._found.append((labels.astype(np.int16), found, block.ages, block.strata, block.digests))

    def labels(self) -> Labels:
        """Return the number of each record's category, -1 for one that is not told apart."""
        return np.concatenate([labels for labels, *_ in self._found])

    def predictions(self) -> Predictions:
        """Return what is predicted of each record."""
        return np.concatenate([found for _, found, *_ in self._found])

    def ages(self) -> Numbers:
        """Return the age of each record."""
        return np.concatenate([ages for _, _, ages, *_ in self._found])

    def strata(self) -> Numbers:
        """Return the code of the stratum of each record."""
        return np.concatenate([strata for *_, strata, _ in self._found])

    def digests(self) -> Digests:
        """Return the digest of each record."""
        return np.concatenate([digests for *_, digests in self._found])

    def by_digest(self) -> tuple[Digests, Predictions]:
        """Return the digests, ascending, and what is predicted of each."""
        is_known = self.labels() >= 0
        digests, places = np.unique(self.digests()[is_known], return_index=True)
        return digests, self.predictions()[is_known][places]

    def most_doubtful(self, number: int) -> npt.NDArray[np.intp]:
        """Return the places of this many records with another category more probable than the label, at most."""
        doubtful = np.array(sorted(self._ids), np.intp)
        predictions = self.predictions()
        doubt = predictions["other"][doubtful] - predictions["own"][doubtful]
        found: npt.NDArray[np.intp] = doubtful[np.argsort(-doubt, kind="stable")[:number]]
        return found

    def ids_of(self, places: npt.NDArray[np.intp]) -> list[RecordId]:
        """Return the ids of records that `most_doubtful` returned."""
        return [self._ids[place] for place in places.tolist()]

    def nearest(
        self, labels: Mapping[RecordId, tuple[str, str]]
    ) -> dict[RecordId, tuple[Nearest | None, Nearest | None]]:
        """Return the drawn records nearest to each of the first issues, one with each of its two labels.

        Args:
            labels: Of all issues; a record with a wrong label would speak for the wrong one.
        """
        drawn = Block.joined(self.drawn)
        drawn = drawn.take(np.array([key not in labels for key in drawn.ids], np.bool_))
        found = {}
        for _, _, issue in self._first:
            key = issue.ids[0]
            if key in labels:
                similar = drawn.vectors @ issue.vectors[0]
                similar[drawn.texts == issue.texts[0]] = -np.inf
                stored, predicted = (_nearest(drawn, similar, label) for label in labels[key])
                found[key] = (stored, predicted)
        return found


def _nearest(drawn: Block, similar: npt.NDArray[np.float32], label: str) -> Nearest | None:
    places = np.flatnonzero((drawn.categories == label) & np.isfinite(similar))
    if not len(places):
        return None
    place = int(places[int(np.argmax(similar[places]))])
    return Nearest(drawn.ids[place], float(similar[place]))
