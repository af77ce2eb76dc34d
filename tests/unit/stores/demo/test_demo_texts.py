"""The invented texts."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from drift_checks.stores.demo.texts import BORDERLINE_SHARE, DemoText, descriptions, generate, grammar

COUNT = 1200
CATEGORIES = {
    *("operational", "systematic", "geopolitical", "regulatory", "competitive", "technological", "human_capital"),
    *("financial", "reputational", "boilerplate", "other"),
}


@pytest.fixture(scope="module")
def texts() -> list[DemoText]:
    """As many texts as in the demo store."""
    return generate(COUNT, 2026)


def test_no_two_texts_are_alike(texts: list[DemoText]) -> None:
    """A repeated text is generated again."""
    assert len({text.text for text in texts}) == COUNT


def test_a_seed_always_gives_the_same_texts(texts: list[DemoText]) -> None:
    """Fewer texts are the first of more; another seed gives other texts."""
    assert generate(COUNT, 2026) == texts
    assert generate(50, 2026) == texts[:50]
    others = {text.text for text in generate(COUNT, 2027)}
    assert len(others.intersection(text.text for text in texts)) < COUNT / 20


def test_every_category_has_enough_texts_for_a_vote(texts: list[DemoText]) -> None:
    """A vote of eleven neighbours needs several times as many."""
    counts = Counter(text.category for text in texts)
    assert set(counts) == set(descriptions()) == CATEGORIES
    assert min(counts.values()) >= 60


def test_a_fifth_of_the_texts_is_borderline(texts: list[DemoText]) -> None:
    """A borderline text has a sentence of a category that is easily confused with its own."""
    borderline = [text for text in texts if text.is_borderline]
    assert len(borderline) == int(BORDERLINE_SHARE * COUNT)
    for text in borderline:
        assert text.second_category in grammar().categories[text.category].neighbours


def test_texts_are_paragraphs_of_one_to_four_sentences(texts: list[DemoText]) -> None:
    """Each sentence begins with a capital letter and ends with a full stop."""
    for text in texts:
        sentences = re.split(r"(?<=\.) ", text.text)
        assert 1 <= len(sentences) <= 4
        assert all(re.fullmatch(r"[A-Z].*\.", sentence) for sentence in sentences), text.text


def test_texts_have_no_mechanical_faults(texts: list[DemoText]) -> None:
    """No open slot, no doubled word, and no "could not"."""
    faults = re.compile(r"[{}]|\b(\w+) \1\b|  |\b(could|might) not\b")
    assert not [text.text for text in texts if faults.search(text.text)]


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_each_category_has_enough_material(category: str) -> None:
    """At least 25 sentences and phrases, and neighbours that exist."""
    entry = grammar().categories[category]
    fragments = {*entry.sentences, *(value for values in entry.slots.values() for value in values)}
    assert len(fragments) >= 25
    assert set(entry.neighbours) <= CATEGORIES - {category}
