"""An order of categories that puts those that are confused with each other side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence


def neighbouring(names: Sequence[str], counts: Mapping[tuple[str, str], int]) -> list[str]:
    """Return the names as a chain in which each is followed by the one most often confused with it.

    If none is left that was confused with the last one, the first remaining name follows.
    """
    ties: dict[str, Counter[str]] = {name: Counter() for name in names}
    for (stored, reviewed), number in counts.items():
        if stored != reviewed and stored in ties and reviewed in ties:
            ties[stored][reviewed] += number
            ties[reviewed][stored] += number
    left = dict.fromkeys(names)
    chain: list[str] = []
    while left:
        near = [name for name in ties[chain[-1]] if name in left] if chain else []
        chosen = max(near, key=lambda name: (ties[chain[-1]][name], name)) if near else next(iter(left))
        chain.append(chosen)
        del left[chosen]
    return chain
