"""Invented risk-factor paragraphs, generated from the grammar in `phrases.yaml`.

Each paragraph has one to four sentences about one category. A share of them is borderline: it also has a sentence of a
neighbouring category, which is easily confused with the first.
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
"""The share of borderline texts in which both categories have one sentence."""
CLOSING_SHARE = 0.3

_SENTENCE_COUNTS = (1, 2, 2, 3, 3)
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class DemoText:
    """A paragraph with its category, and the second category of a borderline one."""

    text: str
    category: str
    second_category: str | None = None

    @property
    def is_borderline(self) -> bool:
        """Whether the text is about two categories."""
        return self.second_category is not None


@dataclass(frozen=True)
class Category:
    """The grammar of one category."""

    description: str
    weight: int
    neighbours: tuple[str, ...]
    sentences: tuple[str, ...]
    slots: dict[str, tuple[str, ...]]
    closes: bool


@dataclass(frozen=True)
class Grammar:
    """The whole grammar."""

    categories: dict[str, Category]
    closings: tuple[str, ...]


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """Read the grammar from the package."""
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
    """Return the description of each category."""
    return {name: category.description for name, category in grammar().categories.items()}


def generate(count: int, seed: int) -> list[DemoText]:
    """Return `count` distinct texts, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - reproducible on purpose
    names = list(grammar().categories)
    weights = [category.weight for category in grammar().categories.values()]
    texts: dict[str, DemoText] = {}
    while len(texts) < count:
        [name] = rng.choices(names, weights)
        candidate = _paragraph(name, rng, borderline=_is_due(len(texts), BORDERLINE_SHARE))
        texts.setdefault(candidate.text, candidate)
    return list(texts.values())


def _is_due(number: int, share: float) -> bool:
    """Return whether the text with this number is borderline, so that any first texts have that share."""
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
    """Fills the slots of a paragraph, with one company and without repeating other phrases."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: set[str] = set()
        self._company: str | None = None

    def sentences(self, name: str, count: int) -> list[str]:
        """Return `count` distinct sentences of a category."""
        category = grammar().categories[name]
        return [self.sentence(each, category.slots) for each in self._rng.sample(category.sentences, count)]

    def sentence(self, template: str, slots: dict[str, tuple[str, ...]]) -> str:
        """Return a template with its slots filled, capitalised."""
        filled = self._fill(template, slots)
        return filled[0].upper() + filled[1:]

    def _fill(self, template: str, slots: dict[str, tuple[str, ...]]) -> str:
        return SLOT.sub(lambda match: self._value(match.group(1), slots), template)

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
