"""An embedding that is asked only about new texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from drift_checks.reviews.vectors.cache import ArrayFile, TextArrays, key_of
from drift_checks.reviews.vectors.embedding import EmbeddingVectoriser
from drift_checks.reviews.vectors.exact import Matrix
from drift_checks.reviews.vectors.texts import Vectoriser

# Known texts that are embedded again, and how far apart the vectors of the same text may be: a function can change
# with something that its file does not show, such as the model that it asks.
_TRIED = 16
_SAME = 0.05


class CachedVectoriser:
    """An embedding that is asked only about texts without a vector in its file."""

    def __init__(self, embedding: EmbeddingVectoriser, file: ArrayFile) -> None:
        self.basis = embedding.basis
        self._embedding = embedding
        self._vectors = TextArrays(file)
        self._is_tried = False

    @property
    def remark(self) -> str:
        """Why the vectors could not be kept; empty if they were."""
        obstacle = self._vectors.obstacle
        return f"the vectors of the texts cannot be kept for the next run ({obstacle})" if obstacle else ""

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Embed the new texts, and keep their vectors; also those made before an error."""
        self._vectors.load()
        try:
            for block in texts:
                self._vectors.use(self._vectors_of(block))
        finally:
            self._vectors.keep()

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of these texts."""
        found = self._vectors_of(texts)
        return np.stack([found[key_of(text)] for text in texts])

    def _vectors_of(self, texts: Sequence[str]) -> Mapping[bytes, Matrix]:
        by_key = {key_of(text): text for text in texts}
        self._try([key for key in by_key if key in self._vectors.earlier], by_key)
        known = self._vectors.known(by_key)
        new = [key for key in by_key if key not in known]
        if not new:
            return known
        made = self._embedding.transform([by_key[key] for key in new])
        if self._vectors.earlier and made.shape[1] != next(iter(self._vectors.earlier.values())).size:
            self._vectors.earlier.clear()
            return self._vectors_of(texts)
        return known | dict(zip(new, made, strict=True))

    def _try(self, known: Sequence[bytes], texts: Mapping[bytes, str]) -> None:
        """Forget the earlier vectors if the embedding makes others now."""
        if self._is_tried or not known:
            return
        self._is_tried = True
        tried = known[:: max(1, len(known) // _TRIED)][:_TRIED]
        made = self._embedding.transform([texts[key] for key in tried])
        before = np.stack([self._vectors.earlier[key] for key in tried])
        if made.shape != before.shape or (np.linalg.norm(made - before, axis=1) > _SAME).any():
            self._vectors.earlier.clear()


def cached(embedding: EmbeddingVectoriser, folder: Path | None) -> Vectoriser:
    """Return the embedding with a file in the folder, unless there is none, or nothing tells its versions apart."""
    if folder is None or not embedding.identity:
        return embedding
    return CachedVectoriser(embedding, ArrayFile(folder, embedding.identity, np.float32))
