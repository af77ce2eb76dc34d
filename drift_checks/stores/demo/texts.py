"""Invented risk-factor paragraphs, made from the grammar in `phrases.yaml`.

Every paragraph has one to four sentences about one category. A share of the paragraphs is borderline:
it also holds a sentence of a second category, one that the first is easily taken for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

BORDERLINE_SHARE = 0.21
BALANCED_SHARE = 0.1
"""Share of the borderline texts in which the second category has as many sentences as the first."""
CLOSING_SHARE = 0.3

_SENTENCE_COUNTS = (1, 2, 2, 3, 3)
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class DemoText:
    """A paragraph, the category it belongs to, and for a borderline one the category mixed in."""

    text: str
    category: str
    second_category: str | None = None

    @property
    def is_borderline(self) -> bool:
        """Whether the text speaks of two categories."""
        return self.second_category is not None


@dataclass(frozen=True)
class Category:
    """What the grammar says about one category."""

    description: str
    weight: int
    neighbours: tuple[str, ...]
    sentences: tuple[str, ...]
    slots: dict[str, tuple[str, ...]]
    closes: bool


@dataclass(frozen=True)
class Grammar:
    """The whole phrase material."""

    categories: dict[str, Category]
    closings: tuple[str, ...]


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """Read the phrase material that comes with the package."""
    source = resources.files("drift_checks.stores.demo").joinpath("phrases.yaml").read_text(encoding="utf-8")
    raw = yaml.safe_load(source)
    categories = {
        name: Category(
            description=entry["description"],
            weight=entry["weight"],
            neighbours=tuple(entry["neighbours"]),
            sentences=tuple(entry["sentences"]),
            slots={slot: tuple(values) for slot, values in {**raw["common"], **entry["slots"]}.items()},
            closes=entry.get("closes", True),
        )
        for name, entry in raw["categories"].items()
    }
    return Grammar(categories, tuple(raw["closings"]))


def descriptions() -> dict[str, str]:
    """Return the taxonomy of the demo: each category with its description."""
    return {name: category.description for name, category in grammar().categories.items()}


def generate(count: int, seed: int) -> list[DemoText]:
    """Return `count` texts, no two alike, the same ones for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - the same texts for everyone are the point
    names = list(grammar().categories)
    weights = [category.weight for category in grammar().categories.values()]
    texts: dict[str, DemoText] = {}
    while len(texts) < count:
        [name] = rng.choices(names, weights)
        candidate = _paragraph(name, rng, borderline=_is_due(len(texts), BORDERLINE_SHARE))
        texts.setdefault(candidate.text, candidate)
    return list(texts.values())


def _is_due(number: int, share: float) -> bool:
    """Whether the text of this number is borderline: of any first texts, the share is."""
    return int((number + 1) * share) > int(number * share)


def _paragraph(name: str, rng: random.Random, *, borderline: bool) -> DemoText:
    writer = _Writer(rng)
    category = grammar().categories[name]
    if borderline:
        second = rng.choice(category.neighbours)
        own = 1 if rng.random() < BALANCED_SHARE else 2
        text = writer.sentences(name, own) + writer.sentences(second, 1)
        return DemoText(" ".join(text), name, second)
    text = writer.sentences(name, rng.choice(_SENTENCE_COUNTS))
    if category.closes and rng.random() < CLOSING_SHARE:
        text.append(writer.sentence(rng.choice(grammar().closings), category.slots))
    return DemoText(" ".join(text), name)


class _Writer:
    """Fills the slots of one paragraph: one company throughout, no other phrase twice."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: set[str] = set()
        self._company: str | None = None

    def sentences(self, name: str, count: int) -> list[str]:
        """Return `count` different sentences of a category."""
        category = grammar().categories[name]
        return [self.sentence(each, category.slots) for each in self._rng.sample(category.sentences, count)]

    def sentence(self, template: str, slots: dict[str, tuple[str, ...]]) -> str:
        """Return a template with its slots filled and its first letter raised."""
        filled = self._fill(template, slots)
        return filled[0].upper() + filled[1:]

    def _fill(self, template: str, slots: dict[str, tuple[str, ...]]) -> str:
        return _SLOT.sub(lambda match: self._value(match.group(1), slots), template)

    def _value(self, slot: str, slots: dict[str, tuple[str, ...]]) -> str:
        if slot == "company":
            self._company = self._company or self._rng.choice(slots[slot])
            return self._company
        return self._fill(self._unused(slots[slot]), slots)

    def _unused(self, values: Sequence[str]) -> str:
        fresh = [value for value in values if value not in self._used]
        chosen = self._rng.choice(fresh or values)
        self._used.add(chosen)
        return chosen
