"""What was made of texts in earlier runs, so that a run makes it only of new ones.

It is an array for each text: a vector, or the counts of words. A private folder has a file for each way to make them:
a digest of the rest, the number of texts, a digest of each text, the length of each array, and the arrays. The texts
themselves are not in it. What is damaged, cut short or another user's is ignored and written again.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from drift_checks.core.files import MEBIBYTE, read_plain, replace_file, try_lock

Array = NDArray[Any]
_FORMAT = "2"
_SUFFIX = ".arrays"
# 20,000 texts with 3,072 dimensions take 235.
_MOST_BYTES = 256 * MEBIBYTE
# Of all files in the folder: those of many stores, or of four models with as many vectors as a file may have.
_MOST_BYTES_IN_ALL = 4 * _MOST_BYTES
_DIGEST, _KEY = 32, 16
_NUMBER = struct.Struct("<Q")
_LENGTH = np.dtype("<u4")
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700


class ArrayFile:
    """The file with the arrays that are made in one way, which `identity` tells from every other."""

    def __init__(self, folder: Path, identity: Sequence[str], kind: DTypeLike) -> None:
        self.folder = folder
        self.kind = np.dtype(kind)
        self._identity = hashlib.sha256("\0".join((_FORMAT, *identity)).encode(errors="surrogatepass")).digest()
        self._file = folder / f"{self._identity.hex()[:32]}{_SUFFIX}"

    def load(self) -> dict[bytes, Array]:
        """Return the arrays by the texts' digests, the latest used first; none if the file cannot be trusted."""
        try:
            self._refuse_foreign()
            content = memoryview(read_plain(self._file, _MOST_BYTES))
        except OSError:
            return {}
        if content[:_DIGEST] != self._digest_of(content[_DIGEST:]):
            return {}
        [number] = _NUMBER.unpack_from(content, _DIGEST)
        start = _DIGEST + _NUMBER.size
        keys = bytes(content[start : start + number * _KEY])
        lengths = np.frombuffer(content, _LENGTH, number, start + len(keys)).tolist()
        arrays = np.frombuffer(content, self.kind, offset=start + number * (_KEY + _LENGTH.itemsize))
        ends = np.cumsum(lengths).tolist()
        places = enumerate(zip(ends, lengths, strict=True))
        return {keys[at * _KEY : (at + 1) * _KEY]: arrays[end - length : end] for at, (end, length) in places}

    def save(self, arrays: Mapping[bytes, Array]) -> None:
        """Write the first arrays, as many as a file may have; raise OSError if that fails.

        Does nothing while another process writes to the folder: it has made the same of the same texts.
        """
        self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        self._refuse_foreign()
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            if try_lock(handle):
                replace_file(self._file, self._content(dict(_fitting(arrays.items()))), _FILE_MODE)
                self._remove_old()
        finally:
            os.close(handle)

    def touch(self) -> None:
        """Note that the file was used."""
        with suppress(OSError):
            os.utime(self._file)

    def _content(self, arrays: Mapping[bytes, Array]) -> bytes:
        lengths = np.array([len(array) for array in arrays.values()], _LENGTH)
        joined = np.concatenate([np.empty(0, self.kind), *arrays.values()]).astype(self.kind)
        body = b"".join((_NUMBER.pack(len(arrays)), *arrays, lengths.tobytes(), joined.tobytes()))
        return self._digest_of(body) + body

    def _digest_of(self, body: bytes | memoryview) -> bytes:
        digest = hashlib.sha256(self._identity)
        digest.update(body)
        return digest.digest()

    def _refuse_foreign(self) -> None:
        """Raise OSError unless the folder is this user's alone: others could put arrays there."""
        status = self.folder.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or self.folder.is_symlink():
            raise PermissionError(None, "it must be this user's folder, with mode 0700", str(self.folder))

    def _remove_old(self) -> None:
        files = sorted(self.folder.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in [self._file, *(file for file in files if file != self._file)]:
            total += file.stat().st_size
            if total > _MOST_BYTES_IN_ALL:
                file.unlink(missing_ok=True)


class TextArrays:
    """The arrays of the texts of a run, from its file, if it has one, or made in this run.

    Attributes:
        earlier: The arrays in the file, by the texts' digests.
        obstacle: Why the file could not be written; empty if it was.
    """

    def __init__(self, file: ArrayFile | None) -> None:
        self.earlier: dict[bytes, Array] = {}
        self.obstacle = ""
        self._file = file
        self._used: dict[bytes, Array] = {}
        self._bytes_used = 0
        self._is_changed = False

    def load(self) -> None:
        """Read the file; not before it is needed, since another process of the run may write it meanwhile."""
        self.earlier = {} if self._file is None else self._file.load()

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Array]:
        """Return the arrays of those texts that have one."""
        return {key: place[key] for key in keys for place in (self.earlier, self._used) if key in place}

    def use(self, arrays: Mapping[bytes, Array]) -> None:
        """Hold the arrays as long as they fit in a file; the others are made again whenever they are needed."""
        for key, array in arrays.items():
            if key not in self._used and self._bytes_used + _size(array) <= _most():
                self._is_changed = self._is_changed or key not in self.earlier
                self._bytes_used += _size(array)
                self._used[key] = array

    def keep(self) -> None:
        """Write the file, unless nothing is new; the arrays that this run used come first."""
        if self._file is None:
            return
        if not self._is_changed:
            self._file.touch()
            return
        try:
            self._file.save({key: self.known([key])[key] for key in chain(self._used, self.earlier)})
        except OSError as error:
            self.obstacle = f"{self._file.folder}: {error.strerror}"


def key_of(text: str) -> bytes:
    """Return the digest that stands for a text."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_KEY).digest()


def _fitting(arrays: Iterable[tuple[bytes, Array]]) -> Iterator[tuple[bytes, Array]]:
    """Yield the first arrays, as many as a file may have."""
    left = _most()
    for key, array in arrays:
        left -= _size(array)
        if left < 0:
            return
        yield key, array


def _size(array: Array) -> int:
    return _KEY + _LENGTH.itemsize + array.nbytes


def _most() -> int:
    return _MOST_BYTES - _DIGEST - _NUMBER.size
