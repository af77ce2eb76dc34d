"""The words and sequences of letters in texts as hashes, computed for many texts at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint32]

_WORD = re.compile(r"\b\w\w+\b")
_LETTERS = range(2, 6)


class NGrams(NamedTuple):
    """The number of the text that each n-gram occurs in, and the n-gram's hash."""

    texts: Integers
    hashes: Hashes


def word_ngrams(texts: Iterable[str]) -> NGrams:
    """Return the words of at least two letters, and the pairs of adjacent ones."""
    joined = _Joined(_WORD.findall(text.lower()) for text in texts)
    begins, ends = joined.spaces[:-1] + 1, joined.spaces[1:]
    owners = joined.owners[begins]
    paired = np.flatnonzero(owners[:-1] == owners[1:])
    return joined.ngrams(np.concatenate([begins, begins[paired]]), np.concatenate([ends, ends[paired + 1]]))


def letter_ngrams(texts: Iterable[str]) -> NGrams:
    """Return the sequences of two to five characters in each word with a space at both ends."""
    joined = _Joined(text.lower().split() for text in texts)
    before = np.searchsorted(joined.spaces, np.arange(len(joined.owners) + 1))
    begins, ends = [], []
    for size in _LETTERS:
        # No space except at the ends.
        within = np.flatnonzero(before[size - 1 : -1] == before[1 : len(before) - size + 1])
        begins.append(within)
        ends.append(within + size)
    return joined.ngrams(np.concatenate(begins), np.concatenate(ends))


class _Joined:
    """Texts of words, joined to one with a space before each word and at the end.

    Attributes:
        spaces: The places of the spaces.
        owners: The number of the text that each character belongs to.
    """

    def __init__(self, words: Iterable[list[str]]) -> None:
        parts = ["".join(f" {word}" for word in of_text) for of_text in words]
        text = "".join((*parts, " "))
        characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        self.spaces = np.flatnonzero(characters == ord(" "))
        self.owners = np.repeat(np.arange(len(parts) + 1), [*map(len, parts), 1])
        sizes = 1 + sum((characters >= least).astype(np.int64) for least in (0x80, 0x800, 0x10000))
        self._offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._bytes = np.frombuffer(text.encode(errors="surrogatepass"), np.uint8)

    def ngrams(self, begins: Integers, ends: Integers) -> NGrams:
        """Return the n-grams between these places."""
        offsets = self._offsets[begins]
        return NGrams(self.owners[begins], murmur(self._bytes, offsets, self._offsets[ends] - offsets))


def murmur(data: NDArray[np.uint8], starts: Integers, sizes: Integers) -> Hashes:
    """Return the hash MurmurHash3_x86_32 (A. Appleby, 2011), with the seed 0, of the bytes at each place."""
    padded = np.concatenate([data, np.zeros(4, np.uint8)]).astype(np.uint32)
    # The four bytes from each place on, as one number.
    fours = np.zeros(len(data) + 1, np.uint32)
    for place in range(4):
        fours |= padded[place : place + len(fours)] << np.uint32(8 * place)
    blocks, rest = np.divmod(sizes, 4)
    found = np.zeros(len(starts), np.uint32)
    for number in range(int(blocks.max(initial=0))):
        longer = np.flatnonzero(blocks > number)
        mixed = _rotated(found[longer] ^ _scrambled(fours[starts[longer] + 4 * number]), 13)
        found[longer] = mixed * np.uint32(5) + np.uint32(0xE6546B64)
    found ^= _scrambled(fours[starts + 4 * blocks] & ((1 << 8 * rest) - 1).astype(np.uint32))
    found ^= sizes.astype(np.uint32)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        found ^= found >> np.uint32(shift)
        found *= np.uint32(factor)
    found ^= found >> np.uint32(16)
    return found


def _scrambled(numbers: Hashes) -> Hashes:
    return _rotated(numbers * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)


def _rotated(numbers: Hashes, by: int) -> Hashes:
    return numbers << np.uint32(by) | numbers >> np.uint32(32 - by)
