"""TF-IDF of the words and letters of a text (K. Spärck Jones, J. Documentation 28 (1972))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drift_checks.reviews.vectors.base import TFIDF_BASIS
from drift_checks.reviews.vectors.cache import Array, ArrayFile, TextArrays, key_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Of a text: a feature that occurs in it, and how often.
ENTRY = np.dtype([("feature", "<i4"), ("number", "<u2")])
# Of words, and as many of letters.
_FEATURES = 2**20
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
        frequency, number = np.zeros(2 * _FEATURES, dtype=np.float32), 0
        for block in islice(texts, _BLOCKS_FITTED):
            number += len(block)
            counted = self._counted(block)
            self._counts.use(counted)
            for text in block:
                frequency[counted[key_of(text)]["feature"]] += 1
        self._counts.keep()
        self._weights = np.log((1 + number) / (1 + frequency)) + 1

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Return a sparse matrix of 2 × 2^20 columns."""
        from scipy.sparse import csr_matrix

        counted = self._counted(texts)
        counts = [counted[key_of(text)] for text in texts]
        entries = np.concatenate([np.empty(0, ENTRY), *counts])
        lengths = [len(of_text) for of_text in counts]
        weighed = (1 + np.log(entries["number"], dtype=np.float32)) * self._weights[entries["feature"]]
        # A row has one part for words and one for letters.
        part = 2 * np.repeat(np.arange(len(texts)), lengths) + (entries["feature"] >= _FEATURES)
        squares = np.bincount(part, weighed.astype(float) ** 2, minlength=2 * len(texts))
        parts = (squares.reshape(-1, 2) > 0).sum(axis=1)
        weighed /= np.sqrt(squares * np.repeat(parts, 2))[part]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return csr_matrix((weighed, entries["feature"], starts), shape=(len(texts), 2 * _FEATURES))

    def _counted(self, texts: Sequence[str]) -> Mapping[bytes, Array]:
        """Return how often each feature occurs in each text."""
        by_key = {key_of(text): text for text in texts}
        known = self._counts.known(by_key)
        new = [key for key in by_key if key not in known]
        return known | dict(zip(new, _count([by_key[key] for key in new]), strict=True)) if new else known


def _count(texts: Sequence[str]) -> Iterator[Array]:
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    hashing = partial(HashingVectorizer, n_features=_FEATURES, norm=None, alternate_sign=False)
    parts = hashing(ngram_range=(1, 2)), hashing(analyzer="char_wb", ngram_range=(2, 5))
    counted = hstack([part.transform(texts) for part in parts], format="csr")
    entries = np.empty(counted.nnz, ENTRY)
    entries["feature"], entries["number"] = counted.indices, counted.data
    yield from np.split(entries, counted.indptr[1:-1])


def cached_tfidf(folder: Path | None) -> TfidfVectoriser:
    """Return TF-IDF with a file of counts in the folder, if there is one."""
    if folder is None:
        return TfidfVectoriser()
    return TfidfVectoriser(ArrayFile(folder, (TFIDF_BASIS, version("scikit-learn")), ENTRY))
