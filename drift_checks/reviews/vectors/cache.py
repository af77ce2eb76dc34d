"""Vectors of texts from earlier runs, so that a run embeds only new texts.

A file per embedding, in a private folder: a digest of the rest, the numbers of texts and dimensions, a digest of each
text, and the vectors. The texts themselves are not in it. What is damaged, cut short or another user's is ignored and
written again.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from drift_checks.core.files import MEBIBYTE, read_plain, replace_file, try_lock
from drift_checks.reviews.vectors.embedding import EmbeddingVectoriser
from drift_checks.reviews.vectors.exact import Matrix

_FORMAT = "1"
_SUFFIX = ".vectors"
# 20,000 texts with 3,072 dimensions take 235.
_MOST_BYTES = 256 * MEBIBYTE
_MOST_FILES = 4
_DIGEST, _KEY = 32, 16
_SHAPE = struct.Struct("<QQ")
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
# Cached texts that are embedded again, and how far apart the vectors of the same text may be: a function can change
# with something that its file does not show, such as the model that it asks.
_TRIED = 16
_SAME = 0.05

Vectors = dict[bytes, Matrix]


class VectorCache:
    """The file with the vectors of one embedding, which `identity` tells from every other."""

    def __init__(self, folder: Path, identity: Sequence[str]) -> None:
        self.folder = folder
        self._identity = hashlib.sha256("\0".join((_FORMAT, *identity)).encode()).digest()
        self._file = folder / f"{self._identity.hex()[:32]}{_SUFFIX}"

    def load(self) -> Vectors:
        """Return the vectors by the texts' digests, the latest used first; none if the file cannot be trusted."""
        try:
            self._refuse_foreign()
            content = memoryview(read_plain(self._file, _MOST_BYTES))
        except OSError:
            return {}
        start = _DIGEST + _SHAPE.size
        if len(content) < start or content[:_DIGEST] != self._digest_of(content[_DIGEST:]):
            return {}
        number, dimension = _SHAPE.unpack(content[_DIGEST:start])
        if len(content) != start + number * _size(dimension):
            return {}
        keys = bytes(content[start : start + number * _KEY])
        vectors = np.frombuffer(content, "<f4", offset=start + len(keys)).reshape(number, dimension)
        return {keys[place * _KEY : (place + 1) * _KEY]: vector for place, vector in enumerate(vectors)}

    def save(self, vectors: Mapping[bytes, Matrix]) -> None:
        """Write the vectors, all of one dimension; raise OSError if that fails.

        Does nothing while another process writes to the folder: it has embedded the same texts.
        """
        self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._refuse_foreign()
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            if try_lock(handle):
                replace_file(self._file, self._content(vectors), _FILE_MODE)
                self._remove_old()
        finally:
            os.close(handle)

    def touch(self) -> None:
        """Note that the file was used."""
        with suppress(OSError):
            os.utime(self._file)

    def _content(self, vectors: Mapping[bytes, Matrix]) -> bytes:
        dimension = next(iter(vectors.values())).size
        kept = dict(islice(vectors.items(), _most(dimension)))
        matrix = np.stack(list(kept.values())).astype("<f4")
        body = b"".join((_SHAPE.pack(len(kept), dimension), *kept, matrix.tobytes()))
        return self._digest_of(body) + body

    def _digest_of(self, body: bytes | memoryview) -> bytes:
        digest = hashlib.sha256(self._identity)
        digest.update(body)
        return digest.digest()

    def _refuse_foreign(self) -> None:
        """Raise OSError unless the folder is this user's alone: others could put vectors there."""
        status = self.folder.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or self.folder.is_symlink():
            raise PermissionError(None, "it must be this user's folder, with mode 0700", str(self.folder))

    def _remove_old(self) -> None:
        files = sorted(self.folder.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in [file for file in files if file != self._file][_MOST_FILES - 1 :]:
            file.unlink(missing_ok=True)


class CachedVectoriser:
    """An embedding that is asked only about texts without a vector in the cache."""

    def __init__(self, embedding: EmbeddingVectoriser, cache: VectorCache) -> None:
        self.basis = embedding.basis
        self.remark = ""
        self._embedding = embedding
        self._cache = cache
        self._earlier: Vectors = {}
        self._used: Vectors = {}
        self._is_tried = self._is_changed = False

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Embed the new texts, and keep their vectors; also those made before an error."""
        # Not before: another process of the run may have embedded them by now.
        self._earlier = self._cache.load()
        try:
            for block in texts:
                self._use(self._vectors_of(block))
        finally:
            self._keep()

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of these texts."""
        found = self._vectors_of(texts)
        return np.stack([found[_key_of(text)] for text in texts])

    def _vectors_of(self, texts: Sequence[str]) -> Vectors:
        by_key = {_key_of(text): text for text in texts}
        self._try([key for key in by_key if key in self._earlier], by_key)
        known = {key: self._held(key) for key in by_key if key in self._used or key in self._earlier}
        new = [key for key in by_key if key not in known]
        if not new:
            return known
        made = self._embedding.transform([by_key[key] for key in new])
        if self._earlier and made.shape[1] != _dimension(self._earlier):
            self._forget()
            return self._vectors_of(texts)
        return known | dict(zip(new, made, strict=True))

    def _held(self, key: bytes) -> Matrix:
        return self._used[key] if key in self._used else self._earlier[key]

    def _try(self, cached: Sequence[bytes], texts: Mapping[bytes, str]) -> None:
        """Forget the cached vectors if the embedding makes others now."""
        if self._is_tried or not cached:
            return
        self._is_tried = True
        tried = cached[:: max(1, len(cached) // _TRIED)][:_TRIED]
        made = self._embedding.transform([texts[key] for key in tried])
        before = np.stack([self._earlier[key] for key in tried])
        if made.shape != before.shape or (np.linalg.norm(made - before, axis=1) > _SAME).any():
            self._forget()

    def _forget(self) -> None:
        self._earlier = {}

    def _use(self, vectors: Vectors) -> None:
        """Hold the vectors as long as they fit in the file; the others are made again when they are compared."""
        for key, vector in vectors.items():
            if len(self._used) < _most(vector.size):
                self._is_changed = self._is_changed or key not in self._earlier
                self._used[key] = vector

    def _keep(self) -> None:
        if not self._is_changed:
            self._cache.touch()
            return
        # First the vectors of this run: what exceeds the file's size is left out at the end.
        not_used = {key: vector for key, vector in self._earlier.items() if key not in self._used}
        try:
            self._cache.save(self._used | not_used)
        except OSError as error:
            problem = f"{self._cache.folder}: {error.strerror}"
            self.remark = f"the vectors of the texts cannot be kept for the next run ({problem})"


def _key_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_KEY).digest()


def _dimension(vectors: Vectors) -> int:
    return next(iter(vectors.values())).size


def _size(dimension: int) -> int:
    return _KEY + 4 * dimension


def _most(dimension: int) -> int:
    """Return how many texts a file may have."""
    return (_MOST_BYTES - _DIGEST - _SHAPE.size) // _size(dimension)
