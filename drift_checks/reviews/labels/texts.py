"""Vectors of texts by their words and letters, for a store that holds none.

TF-IDF of words, pairs of words and sequences of two to four letters has a million columns. Each column is added, with a
random sign, to a few of a thousand numbers, which keeps the products of two texts nearly as they are (K. Weinberger et
al., Feature hashing for large scale multitask learning, ICML 2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.logistic import Matrix

DIMENSION = 1024
# Later words rarely decide a category.
LONGEST_TEXT = 1_000
_BUCKETS = 2**18
_PLACES = 4
_SHORTEST, _LONGEST = 2, 4
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
Features = npt.NDArray[np.uint64]


class TextProjection:
    """Turns texts into vectors; `weights` says how much each feature counts: the rarer, the more."""

    def __init__(self, weights: Matrix) -> None:
        self.weights = weights

    @classmethod
    def fitted(cls, blocks: Iterable[Sequence[str]]) -> TextProjection:
        """Weigh each feature by how few of the texts have it."""
        frequency, number = np.zeros(_BUCKETS, dtype=np.float32), 0
        for texts in blocks:
            rows, features = _features(texts)
            occurring = np.unique(rows * np.uint64(_BUCKETS) + features % np.uint64(_BUCKETS))
            frequency += np.bincount((occurring % np.uint64(_BUCKETS)).astype(np.intp), minlength=_BUCKETS)
            number += len(texts)
        return cls((np.log((1 + number) / (1 + frequency)) + 1).astype(np.float32))

    def vectors(self, texts: Sequence[str]) -> Matrix:
        """Return a vector for each text; zeros for one without words."""
        rows, features = _features(texts)
        weights = self.weights[(features % np.uint64(_BUCKETS)).astype(np.intp)]
        found = np.zeros(len(texts) * DIMENSION)
        start, mixed = rows * np.uint64(DIMENSION), features
        for _ in range(_PLACES):
            mixed = _mixed(mixed)
            signs = (mixed & np.uint64(1)).astype(np.float32) * 2 - 1
            places = start + (mixed >> _SHIFT) % np.uint64(DIMENSION)
            found += np.bincount(places.astype(np.intp), weights * signs, minlength=len(found))
        return found.reshape(len(texts), DIMENSION).astype(np.float32)


def _features(texts: Sequence[str]) -> tuple[Features, Features]:
    """Return the number of the text and a hash, for each word, pair of words and sequence of letters."""
    words = [text[:LONGEST_TEXT].casefold().split() for text in texts]
    of_words = [
        (row, crc32(feature.encode(errors="surrogatepass")))
        for row, there in enumerate(words)
        for feature in (*there, *(f"{first} {second}" for first, second in pairwise(there)))
    ]
    rows, hashes = zip(*of_words, strict=True) if of_words else ((), ())
    # Between two texts are as many spaces as keep a sequence from reaching into the next one.
    padded = [f" {' '.join(there)}{' ' * _LONGEST}" for there in words]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    of_letter = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(text) for text in padded])
    found_rows, found = [np.array(rows, np.uint64)], [_mixed(np.array(hashes, np.uint64))]
    rolling = letters
    for length in range(_SHORTEST, _LONGEST + 1):
        rolling = _mixed(rolling[:-1]) + letters[length - 1 :] if len(rolling) else rolling
        is_word = letters[length - 1 :] != ord(" ")
        found.append(_mixed(rolling[is_word] + np.uint64(length)))
        found_rows.append(of_letter[length - 1 :][is_word])
    return np.concatenate(found_rows), np.concatenate(found)


def _mixed(numbers: Features) -> Features:
    mixed = (numbers ^ (numbers >> _SHIFT)) * _MULTIPLIER
    mixed ^= mixed >> _SHIFT
    return mixed
