"""Vectors as a table stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# The vectors in the form that is read fastest, in the column embedding_json of a search.
PACKED = "packed_embedding"
Matrix = npt.NDArray[np.float32]
_KINDS = np.dtype("<f4"), np.dtype("<f8")
# Bytes of another type are extremely small or large numbers.
_LEAST, _MOST = 1e-9, 1e6
# How many numbers of a BLOB usually show that it has the other precision.
_TRIED = 8
_SPACES = b" ", b"\t", b"\r", b"\n"
# The header of a sent array, and its types of numbers by their number in PostgreSQL.
_HEADER = 20
_SENT: Mapping[int, np.dtype[Any]] = {700: np.dtype(">f4"), 701: np.dtype(">f8")}
_SIGN = np.uint32(0x80000000)


class SortKey(bytes):
    """The bytes by which DuckDB sorts a list or an array of 32-bit numbers: it gives no other form of one as fast.

    They are a 1, a 1 before the four bytes of each number, and a 0 at the end of a list. The highest byte comes first;
    the sign of a number is inverted, of a negative one all bits.
    """

    __slots__ = ()


class SentArray(bytes):
    """The bytes in which PostgreSQL sends an array of 32-bit or 64-bit numbers, as `array_send` returns them.

    They are five whole numbers of four bytes (dimensions, whether there is a NULL, type, length, first index), and the
    number of bytes before each number. The highest byte comes first.
    """

    __slots__ = ()


class Embeddings(NamedTuple):
    """The vectors in a sequence of stored values.

    Attributes:
        blocks: Matrices of vectors, each with the places of their values.
        unreadable: The places of the values that are no vectors.
    """

    blocks: list[tuple[npt.NDArray[np.intp], Matrix]]
    unreadable: list[int]


def read_embeddings(stored: Sequence[object]) -> Embeddings:
    """Return what `read_embedding` returns for each value, as matrices: bytes of the same length are read at once."""
    alike: dict[tuple[type, int], list[int]] = {}
    for place, value in enumerate(stored):
        if isinstance(value, bytes) and (type(value) is not bytes or not may_be_json(value)):
            alike.setdefault((type(value), len(value)), []).append(place)
    blocks: list[tuple[npt.NDArray[np.intp], Matrix]] = []
    left = np.ones(len(stored), dtype=bool)
    for (kind, size), places in alike.items():
        joined = b"".join([stored[place] for place in places])  # type: ignore[misc]
        rows = np.frombuffer(joined, np.uint8).reshape(len(places), size)
        for usable, vectors in _READERS[kind](rows):
            there = np.array(places)[usable]
            left[there] = False
            blocks.append((there, vectors if usable.all() else vectors[usable]))
    one_by_one: dict[int, list[tuple[int, Matrix]]] = {}
    unreadable = []
    for place in np.flatnonzero(left).tolist():
        vector = read_embedding(stored[place])
        if vector is None:
            unreadable.append(place)
        else:
            one_by_one.setdefault(vector.size, []).append((place, vector))
    blocks.extend(
        (np.array([place for place, _ in found]), np.stack([vector for _, vector in found]))
        for found in one_by_one.values()
    )
    return Embeddings(blocks, unreadable)


def read_embedding(stored: object) -> Matrix | None:
    """Return the vector in a JSON array of finite numbers or in a BLOB, None for any other value.

    The numbers may be texts, and the array may be the only item of another array or of an object. A BLOB holds the
    32-bit or 64-bit floating-point numbers that numpy writes.
    """
    if isinstance(stored, SortKey | SentArray):
        rows = np.frombuffer(stored, np.uint8)[np.newaxis]
        return next((vectors[0] for usable, vectors in _READERS[type(stored)](rows) if usable.all()), None)
    vector = _in_json(stored) if isinstance(stored, str | bytes) else None
    if vector is None and isinstance(stored, bytes):
        vector = _packed(stored)
    return vector if vector is not None and vector.size and np.isfinite(vector).all() else None


def _in_json(stored: str | bytes) -> Matrix | None:
    from pydantic_core import from_json

    try:
        # Several times as fast as the json of the standard library, on the million arrays of a large table.
        numbers = _innermost(from_json(stored))
        if not isinstance(numbers, list):
            return None
        kinds = set(map(type, numbers))
        if not kinds <= {int, float, str}:
            return None
        with np.errstate(over="ignore"):
            found = [float(number) for number in numbers] if kinds != {float} else numbers
            return np.asarray(found, dtype=np.float64).astype(np.float32)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def may_be_json(stored: bytes) -> bool:
    """Whether bytes begin and end as a JSON array or object does."""
    return stored.startswith((b"[", b"{", *_SPACES)) and stored.endswith((b"]", b"}", *_SPACES))


def _innermost(value: object) -> object:
    """Return the array in arrays of one array, and in objects of one array."""
    if isinstance(value, dict):
        arrays = [item for item in value.values() if isinstance(item, list)]
        return _innermost(arrays[0]) if len(arrays) == 1 else None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list | dict):
        return _innermost(value[0])
    return value


def _packed(stored: bytes) -> Matrix | None:
    """Return the numbers in a BLOB, if only one precision makes them plausible."""
    found = [
        numbers
        for kind in _KINDS
        if len(stored) % kind.itemsize == 0 and _are_plausible(numbers := np.frombuffer(stored, dtype=kind))
    ]
    return found[0].astype(np.float32) if len(found) == 1 else None


def _are_plausible(numbers: npt.NDArray[Any]) -> bool:
    sizes = np.abs(numbers[numbers != 0])
    return bool(sizes.size and np.isfinite(sizes).all() and (sizes > _LEAST).all() and (sizes < _MOST).all())


def _in_blobs(rows: npt.NDArray[np.uint8]) -> Iterator[tuple[npt.NDArray[np.bool_], Matrix]]:
    """Yield the numbers in BLOBs, for each precision, and which of the rows certainly have it."""
    for kind, other in (_KINDS, _KINDS[::-1]):
        size = rows.shape[1]
        if size and size % kind.itemsize == 0:
            numbers = rows.view(kind)
            sizes = np.abs(numbers)
            usable = (sizes.min(axis=1) > _LEAST) & (sizes.max(axis=1) < _MOST)
            if size % other.itemsize == 0:
                tried = np.abs(rows.view(other)[:, :_TRIED])
                usable &= ((tried != 0) & ~((tried > _LEAST) & (tried < _MOST))).any(axis=1)
            yield usable, numbers.astype(np.float32, copy=False)
            if usable.all():
                return


def _in_sort_keys(rows: npt.NDArray[np.uint8]) -> Iterator[tuple[npt.NDArray[np.bool_], Matrix]]:
    """Yield the numbers in sort keys, and which of the rows have only finite numbers."""
    # A list has an end, an array none.
    dimension, end = divmod(rows.shape[1] - 1, 5)
    if dimension < 1 or end > 1:
        return
    numbers = rows[:, 1 : 1 + 5 * dimension].reshape(len(rows), dimension, 5)
    bits = np.ascontiguousarray(numbers[:, :, 1:]).view(">u4")[:, :, 0].astype(np.uint32)
    vectors = np.where(bits & _SIGN, bits ^ _SIGN, ~bits).view(np.float32)
    # NULL is a single byte 2.
    usable = (rows[:, 0] == 1) & (numbers[:, :, 0] == 1).all(axis=1) & np.isfinite(vectors).all(axis=1)
    yield usable, vectors


def _in_sent_arrays(rows: npt.NDArray[np.uint8]) -> Iterator[tuple[npt.NDArray[np.bool_], Matrix]]:
    """Yield the numbers in sent arrays, for each precision, and which of the rows have it and only finite numbers."""
    for oid, kind in _SENT.items():
        dimension, rest = divmod(rows.shape[1] - _HEADER, 4 + kind.itemsize)
        if dimension < 1 or rest:
            continue
        header = np.ascontiguousarray(rows[:, :_HEADER]).view(">i4")[:, :4]
        numbers = rows[:, _HEADER:].reshape(len(rows), dimension, 4 + kind.itemsize)[:, :, 4:]
        with np.errstate(over="ignore"):
            vectors = np.ascontiguousarray(numbers).view(kind)[:, :, 0].astype(np.float32)
        yield (header == (1, 0, oid, dimension)).all(axis=1) & np.isfinite(vectors).all(axis=1), vectors


_READERS: Mapping[type, Callable[[npt.NDArray[np.uint8]], Iterator[tuple[npt.NDArray[np.bool_], Matrix]]]] = {
    bytes: _in_blobs,
    SortKey: _in_sort_keys,
    SentArray: _in_sent_arrays,
}
