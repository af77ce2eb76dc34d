"""A local embedding that needs neither model nor network: a random projection whose matrix is never stored.

A text becomes a bag of features: its words and their character n-grams. The hash of each feature is read as a row of
random signs. The vector is the weighted sum of these rows, scaled to length one, so texts that share words are close.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

DIMENSION = 64

_WORD = re.compile(r"[^\W\d_]+")
_STEM_LENGTH = 6
_GRAM_LENGTH = 5
_GRAM_WEIGHT = 0.35
_STOP_WORDS = """
    a about above across after again all allow also among an and another any are as at be because before below
    beyond both but by can cannot could despite do does down each even every few for from further had has have
    here how if in into is it its itself just leave lead like make many may means might more most much must no
    nor not of off on once one only onto or other our out over own same several shall should so some such than
    that the their them then there these they this those through to too two under until up upon us very was we
    were what when where whether which while who will with within without would yet you your
"""
_STOPPED = frozenset(_STOP_WORDS.split())


def embed(texts: Sequence[str], dimension: int = DIMENSION) -> npt.NDArray[np.float32]:
    """Return a vector of length one for each text; it depends only on the text, on any machine."""
    bags = [_weights(text) for text in texts]
    features = dict.fromkeys(feature for bag in bags for feature in bag)
    places = {feature: place for place, feature in enumerate(features)}
    signs = np.array([_signs(feature, dimension) for feature in features])
    vectors = np.empty((len(texts), dimension), dtype=np.float32)
    for row, bag in enumerate(bags):
        weights = np.array(list(bag.values()))
        # A matrix product would add in an order that differs between machines.
        total = (weights[:, None] * signs[[places[feature] for feature in bag]]).sum(axis=0)
        vectors[row] = total / math.sqrt(math.fsum(total * total))
    return vectors


def _signs(feature: str, dimension: int) -> npt.NDArray[np.float64]:
    digest = hashlib.shake_128(feature.encode()).digest((dimension + 7) // 8)
    bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))[:dimension]
    return bits.astype(np.float64) * 2 - 1


def _weights(text: str) -> dict[str, float]:
    """Weight each feature by the logarithm of its count, so that a repeated word does not dominate."""
    words = [word for word in _WORD.findall(text.lower()) if word not in _STOPPED]
    stems = Counter(f"w:{word[:_STEM_LENGTH]}" for word in words)
    grams = Counter(f"g:{gram}" for word in words for gram in _grams(word))
    if not words:
        return {"": 1.0}
    return {
        **{feature: 1.0 + math.log(count) for feature, count in stems.items()},
        **{feature: _GRAM_WEIGHT * (1.0 + math.log(count)) for feature, count in grams.items()},
    }


def _grams(word: str) -> list[str]:
    padded = f"^{word}$"
    return [padded[start : start + _GRAM_LENGTH] for start in range(len(padded) - _GRAM_LENGTH + 1)]
