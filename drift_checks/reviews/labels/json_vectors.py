"""The vectors of JSON arrays in the table, in a file that may be deleted at any time.

To read their numbers in JSON takes several times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from drift_checks.reviews.vectors.cache import ArrayFile, TextArrays
from drift_checks.stores.embeddings import Embeddings, may_be_json, read_embeddings

FOLDER = "label_vectors"
# Of all vectors together: with more, writing the file takes too much memory.
MOST_NUMBERS = 10_000_000


class KeptVectors:
    """Reads stored vectors, those of JSON arrays from the file if an earlier run read them."""

    def __init__(self, file: ArrayFile) -> None:
        self._arrays = TextArrays(file)
        self._is_loaded = False

    def read(self, stored: Sequence[object]) -> Embeddings:
        """Return what `read_embeddings` returns."""
        keys = [_key(value) for value in stored]
        if not self._is_loaded and any(keys):
            self._arrays.load()
            self._is_loaded = True
        known = self._arrays.known(key for key in keys if key is not None)
        new = [place for place, key in enumerate(keys) if key not in known]
        there = np.array(new, np.intp)
        blocks, unreadable = read_embeddings([stored[place] for place in new])
        found = [(there[places], vectors) for places, vectors in blocks]
        self._arrays.use(known)
        for places, vectors in found:
            named = zip((keys[place] for place in places.tolist()), vectors, strict=True)
            self._arrays.use({key: vector for key, vector in named if key is not None})
        by_size: dict[int, list[int]] = {}
        for place, key in enumerate(keys):
            if key in known:
                by_size.setdefault(known[key].size, []).append(place)
        found += [
            (np.array(places), np.stack([known[key] for place in places if (key := keys[place])]))
            for places in by_size.values()
        ]
        return Embeddings(found, [new[place] for place in unreadable])

    def keep(self) -> None:
        """Write the file if a vector is new."""
        if self._is_loaded:
            self._arrays.keep()


def _key(stored: object) -> bytes | None:
    """Return the digest of a JSON array; None for any other value."""
    content = stored.encode(errors="surrogatepass") if isinstance(stored, str) else stored
    if type(content) is not bytes or not may_be_json(content):
        return None
    return blake2b(content, digest_size=16).digest()
