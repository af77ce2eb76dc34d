"""TF-IDF of the words and letters of a text (K. Spärck Jones, J. Documentation 28 (1972))."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from drift_checks.reviews.vectors.base import TFIDF_BASIS

_FEATURES = 2**20
# The blocks of texts that show how frequent each feature is.
_BLOCKS_FITTED = 20


class TfidfVectoriser:
    """Words and pairs of words weigh as much as sequences of two to five letters.

    The letters find other forms of a word, and words in languages that put no spaces between them. On 13,083 customer
    messages in 77 intents, both together agree with the store on 86 % of the records, each alone on 80 to 83 %.
    """

    basis = TFIDF_BASIS
    remark = (
        "it finds labels that contradict texts in similar words, but cannot recognise paraphrases, so that some sound"
        " labels disagree; vectors of a model tell more (--drift-embedding=NAME)"
    )

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        hashing = partial(HashingVectorizer, n_features=_FEATURES, norm=None, alternate_sign=False, dtype=np.float32)
        self._parts = (
            hashing(ngram_range=(1, 2)),
            hashing(analyzer="char_wb", ngram_range=(2, 5)),
        )
        self._weights: list[Any] = []

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Weigh each feature by how few texts have it."""
        frequencies, number = [np.zeros(_FEATURES, dtype=np.float32) for _ in self._parts], 0
        for block in islice(texts, _BLOCKS_FITTED):
            number += len(block)
            for place, part in enumerate(self._parts):
                frequencies[place] += np.bincount(part.transform(block).indices, minlength=_FEATURES)
        self._weights = [np.log((1 + number) / (1 + frequency)) + 1 for frequency in frequencies]

    def transform(self, texts: Sequence[str]) -> Any:
        """Return a sparse matrix of 2 × 2^20 columns."""
        from scipy.sparse import hstack
        from sklearn.preprocessing import normalize

        parts = []
        for part, weights in zip(self._parts, self._weights, strict=True):
            counted = part.transform(texts)
            counted.data = (1 + np.log(counted.data)) * weights[counted.indices]
            parts.append(normalize(counted))
        return normalize(hstack(parts, format="csr"))
