"""Regressions that say how probable each category of a record is, fitted without the record and its copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_checks.reviews.labels.records import Block, Digests, digests_of
from drift_checks.statistics import label_noise
from drift_checks.statistics.label_noise import Prediction
from drift_checks.statistics.logistic import Labels, Matrix

FOLDS = 5
# A category needs as many different texts; and as many outside each fold, to be learned from.
LEAST = 5
_LEAST_OUTSIDE = 2
MOST_CATEGORIES = 500
MOST_TRAINED = 20_000
# Numbers in the vectors of the records that are learned from, times categories: 13,083 records with 384 dimensions and
# 77 categories take eight seconds of one core.
_MOST_WORK = 450_000_000
_TWO_TO_64 = 2.0**64
# What is known of a record; a category that it counts as is -1 if there is none.
PREDICTION = np.dtype([("own", "<f4"), ("other", "<f4"), ("category", "<i2"), ("counted", "<i2")])
Predictions = npt.NDArray[np.void]


@dataclass(frozen=True)
class LabelModel:
    """The regressions, one for each fold of the texts.

    Attributes:
        categories: The categories that are told apart, sorted.
        rare: The categories of too few texts.
        centre: The mean of the vectors, which is subtracted; then they are divided by `scale`.
        coefficients: By fold.
        least: The probability from which a record counts as one of a category.
        trained: The digests of the records that were learned from.
        records: How many records there were.
    """

    categories: tuple[str, ...]
    rare: tuple[str, ...]
    centre: Matrix
    scale: float
    coefficients: Matrix
    least: Matrix
    trained: Digests
    records: int

    @classmethod
    def fitted(cls, drawn: Block, records: int) -> LabelModel | None:
        """Fit the regressions to the drawn records; None with fewer than two categories of enough texts."""
        drawn = drawn.take(_unambiguous(drawn))
        folds = folds_of(drawn.texts)
        categories, rare = _learnable(drawn, folds)
        if not 2 <= len(categories) <= MOST_CATEGORIES:
            return None
        labels = _numbers_of(drawn.categories, categories)
        there = labels >= 0
        labels = labels[there]
        vectors, folds = drawn.vectors[there], folds[there]
        centre = vectors.mean(axis=0)
        vectors = vectors - centre
        scale = float(np.sqrt(np.square(vectors).sum(axis=1).mean())) or 1.0
        vectors /= np.float32(scale)
        coefficients, probabilities = label_noise.cross_fit(vectors, labels, len(categories), folds, FOLDS)
        least = label_noise.thresholds(probabilities, labels)
        return cls(tuple(categories), tuple(rare), centre, scale, coefficients, least, drawn.digests[there], records)

    def labels_of(self, block: Block) -> Labels:
        """Return the number of each record's category, -1 for one that is not told apart."""
        return _numbers_of(block.categories, self.categories)

    def predict(self, block: Block, labels: Labels) -> Predictions:
        """Return what the regressions that have not seen the records say of each."""
        vectors = (block.vectors - self.centre) / np.float32(self.scale)
        probabilities = label_noise.predicted(vectors, folds_of(block.texts), self.coefficients)
        prediction = Prediction.of(probabilities, labels)
        found = np.empty(len(labels), PREDICTION)
        found["own"], found["other"], found["category"] = prediction.own, prediction.other, prediction.category
        found["counted"] = label_noise.counted_as(probabilities, labels, self.least)
        return found


def folds_of(texts: Digests) -> Labels:
    """Return the number of each text's fold; copies share it."""
    return (texts % np.uint64(FOLDS)).astype(np.intp)


def shares_to_draw(counts: Mapping[str, int], dimension: int) -> dict[str, float]:
    """Return which share of each category's records is learned from: of large categories only some."""
    wanted = min(MOST_TRAINED, max(_MOST_WORK // (dimension * max(1, len(counts))), 2 * LEAST * len(counts)))
    left, shares = wanted, {}
    ascending = sorted(counts.items(), key=lambda item: item[1])
    for place, (category, number) in enumerate(ascending):
        taken = min(number, left // (len(ascending) - place))
        left -= taken
        shares[category] = taken / number if number else 1.0
    return shares


def is_drawn(block: Block, shares: Mapping[str, float], seed: int) -> npt.NDArray[np.bool_]:
    """Return which records are learned from: the same ones for the same seed, whatever other records there are."""
    wanted = np.array([shares.get(category, 1.0) for category in block.categories])
    if (wanted >= 1).all():
        return np.ones(len(wanted), np.bool_)
    # Not by their texts, which half of a store may have in common.
    drawn = (
        digests_of(str(key).encode(errors="surrogatepass") for key in block.ids) ^ np.uint64(_spread(seed))
    ) / _TWO_TO_64
    found: npt.NDArray[np.bool_] = drawn < wanted
    return found


def _spread(seed: int) -> int:
    return (seed % 2**64) * 0x9E3779B97F4A7C15 % 2**64


def _numbers_of(named: Iterable[str], categories: Sequence[str]) -> Labels:
    # An array of texts would take as much memory for each as the longest does.
    numbers = {category: number for number, category in enumerate(categories)}
    return np.array([numbers.get(category, -1) for category in named], np.intp)


def _unambiguous(drawn: Block) -> npt.NDArray[np.bool_]:
    """Return which records may teach: none whose vector is also that of a text in another fold, which it would tell."""
    folds = folds_of(drawn.texts)
    of_vector: dict[bytes, int] = {}
    keys = [vector.tobytes() for vector in drawn.vectors]
    for key, fold in zip(keys, folds.tolist(), strict=True):
        of_vector[key] = fold if of_vector.get(key, fold) == fold else -1
    return np.array([of_vector[key] >= 0 for key in keys], np.bool_)


def _learnable(drawn: Block, folds: Labels) -> tuple[Sequence[str], Sequence[str]]:
    """Return the categories with enough different texts, also outside each fold; and the others."""
    texts: dict[str, dict[int, int]] = {}
    for category, text, fold in zip(drawn.categories, drawn.texts.tolist(), folds.tolist(), strict=True):
        texts.setdefault(category, {})[text] = fold
    enough: list[str] = []
    rare: list[str] = []
    for category, of_category in texts.items():
        in_fold = np.bincount(list(of_category.values()), minlength=FOLDS)
        is_enough = len(of_category) >= LEAST and len(of_category) - int(np.max(in_fold)) >= _LEAST_OUTSIDE
        (enough if is_enough else rare).append(category)
    return sorted(enough), sorted(rare)
