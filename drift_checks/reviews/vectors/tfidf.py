"""TF-IDF of the words and letters of a text (K. Spärck Jones, J. Documentation 28 (1972))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drift_checks.reviews.vectors.base import TFIDF_BASIS
from drift_checks.reviews.vectors.cache import Array, ArrayFile, TextArrays, key_of
from drift_checks.reviews.vectors.ngrams import Hashes, Integers, letter_ngrams, word_ngrams
from drift_checks.reviews.vectors.sparse import SparseRows

# Of a text: a feature that occurs in it, and how often.
ENTRY = np.dtype([("feature", "<i4"), ("number", "<u2")])
# Of words, and as many of letters.
_FEATURES = 2**20
_ALL_FEATURES = 2 * _FEATURES
# How texts are counted; another number for another way, since counts are kept for later runs.
_WAY = "1"
# The blocks of texts that show how frequent each feature is.
_BLOCKS_FITTED = 20
_REMARK = (
    "it finds labels that contradict texts in similar words, but cannot recognise paraphrases, so that some sound"
    " labels disagree; vectors of a model tell more (--drift-embedding=NAME)"
)


class TfidfVectoriser:
    """Words and pairs of words weigh as much as sequences of two to five letters.

    The letters find other forms of a word, and words in languages that put no spaces between them. On 13,083 customer
    messages in 77 intents, both together agree with the store on 86 % of the records, each alone on 80 to 83 %.
    """

    basis = TFIDF_BASIS

    def __init__(self, file: ArrayFile | None = None) -> None:
        self._counts = TextArrays(file)
        self._weights: NDArray[np.float32] = np.zeros(0, dtype=np.float32)

    @property
    def remark(self) -> str:
        """What words can show, and why their counts could not be kept."""
        obstacle = self._counts.obstacle
        return _REMARK + (f"; the words cannot be kept for the next run ({obstacle})" if obstacle else "")

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Count the features of new texts, and weigh each feature by how few texts have it."""
        self._counts.load()
        frequency, number = np.zeros(_ALL_FEATURES, dtype=np.float32), 0
        for block in islice(texts, _BLOCKS_FITTED):
            number += len(block)
            counted = self._counted(block)
            self._counts.use(counted)
            for text in block:
                frequency[counted[key_of(text)]["feature"]] += 1
        self._counts.keep()
        self._weights = np.log((1 + number) / (1 + frequency)) + 1

    def transform(self, texts: Sequence[str]) -> SparseRows:
        """Return vectors of 2 × 2^20 numbers."""
        counted = self._counted(texts)
        counts = [counted[key_of(text)] for text in texts]
        entries = np.concatenate([np.empty(0, ENTRY), *counts])
        lengths = np.array([len(of_text) for of_text in counts], np.int64)
        weighed = (1 + np.log(entries["number"], dtype=np.float32)) * self._weights[entries["feature"]]
        # A row has one part for words and one for letters.
        part = 2 * np.repeat(np.arange(len(texts)), lengths) + (entries["feature"] >= _FEATURES)
        squares = np.bincount(part, weighed.astype(float) ** 2, minlength=2 * len(texts))
        parts = (squares.reshape(-1, 2) > 0).sum(axis=1)
        weighed /= np.sqrt(squares * np.repeat(parts, 2))[part]
        return SparseRows(entries["feature"], weighed, lengths, _ALL_FEATURES)

    def _counted(self, texts: Sequence[str]) -> Mapping[bytes, Array]:
        """Return how often each feature occurs in each text."""
        by_key = {key_of(text): text for text in texts}
        known = self._counts.known(by_key)
        new = [key for key in by_key if key not in known]
        return known | dict(zip(new, _count([by_key[key] for key in new]), strict=True)) if new else known


def _count(texts: Sequence[str]) -> list[Array]:
    words, letters = word_ngrams(texts), letter_ngrams(texts)
    owners = np.concatenate([words.texts, letters.texts])
    features = np.concatenate([_feature(words.hashes), _FEATURES + _feature(letters.hashes)])
    found, numbers = np.unique(owners * _ALL_FEATURES + features, return_counts=True)
    entries = np.empty(len(found), ENTRY)
    entries["feature"], entries["number"] = found % _ALL_FEATURES, numbers
    return np.split(entries, np.searchsorted(found, np.arange(1, len(texts)) * _ALL_FEATURES))


def _feature(hashes: Hashes) -> Integers:
    """Return the features, of words or of letters: those of scikit-learn's HashingVectorizer."""
    return np.abs(hashes.view(np.int32).astype(np.int64)) % _FEATURES


def cached_tfidf(folder: Path | None) -> TfidfVectoriser:
    """Return TF-IDF with a file of counts in the folder, if there is one."""
    if folder is None:
        return TfidfVectoriser()
    return TfidfVectoriser(ArrayFile(folder, (TFIDF_BASIS, _WAY), ENTRY))
