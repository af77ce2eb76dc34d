"""Groups of texts that share rare words.

Spherical k-means on TF-IDF (I. S. Dhillon and D. S. Modha, Concept decompositions for large sparse text data using
clustering, Machine Learning 42 (2001)). It begins with texts that are far from each other, so that the same texts
always give the same groups.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.logistic import Matrix

# Fewer texts fall into groups by chance.
FEWEST_TEXTS = 40
_MOST_GROUPS, _TEXTS_PER_GROUP = 8, 8
_MOST_WORDS = 2_000
_LONGEST_TEXT = 4_000
_STEPS = 20
_NAMED_BY = 3
# A word in more texts than this share of them says little about any.
_COMMON = 0.15
_WORD = re.compile(r"[^\W\d_]{3,}")


def topics(texts: Sequence[str]) -> list[str]:
    """Return for each text the words that are most typical of its group; empty for a text without a rare word.

    All are empty if the texts are too few.
    """
    if len(texts) < FEWEST_TEXTS:
        return [""] * len(texts)
    words, weights = _weighed(texts)
    told: npt.NDArray[np.bool_] = np.linalg.norm(weights, axis=1) > 0
    number = min(_MOST_GROUPS, int(told.sum()) // _TEXTS_PER_GROUP)
    if number < 2:
        return [""] * len(texts)
    centres = weights[_far_apart(weights, told, number)]
    for _ in range(_STEPS):
        groups = np.argmax(weights @ centres.T, axis=1)
        sums = np.array([weights[told & (groups == group)].sum(axis=0) for group in range(number)])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centres)
    # What is typical is frequent here and not elsewhere.
    typical = centres - centres.mean(axis=0)
    names = [", ".join(words[place] for place in np.argsort(-row, kind="stable")[:_NAMED_BY]) for row in typical]
    return [names[group] if is_told else "" for group, is_told in zip(groups, told, strict=True)]


def _weighed(texts: Sequence[str]) -> tuple[list[str], Matrix]:
    """Return the rare words, and how much each text is about each of them; rows have the length 1, or 0."""
    counts = [Counter(_WORD.findall(text[:_LONGEST_TEXT].casefold())) for text in texts]
    frequency = Counter(word for found in counts for word in found)
    rare = [(word, there) for word, there in frequency.most_common() if 2 <= there <= _COMMON * len(texts)]
    words = [word for word, _ in rare[:_MOST_WORDS]]
    places = {word: place for place, word in enumerate(words)}
    weights = np.zeros((len(texts), len(words)), dtype=np.float32)
    for row, found in enumerate(counts):
        for word, times in found.items():
            if word in places:
                weights[row, places[word]] = (1 + np.log(times)) * np.log(len(texts) / frequency[word])
    lengths = np.linalg.norm(weights, axis=1, keepdims=True)
    shares: Matrix = (weights / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return words, shares


def _far_apart(weights: Matrix, told: npt.NDArray[np.bool_], number: int) -> list[int]:
    """Return the text that is most like all others, then each time the one that is least like those before."""
    chosen = [int(np.argmax(weights @ weights.sum(axis=0)))]
    nearest = weights @ weights[chosen[0]]
    while len(chosen) < number:
        chosen.append(int(np.argmin(np.where(told, nearest, 2.0))))
        nearest = np.maximum(nearest, weights @ weights[chosen[-1]])
    return chosen
