"""A classifier of the demo's texts by rules, so that `compare --drift-demo` has two classifiers to compare."""

from __future__ import annotations

import re
from functools import cache

from drift_checks.stores.demo.texts import SLOT, grammar

NAME = f"{__name__}:classify"


def classify(text: str) -> str:
    """Return the category whose sentences have the most words in the text."""
    words = {name: sum(rule.groups for rule in rules if rule.search(text)) for name, rules in _rules().items()}
    return max(words, key=lambda name: words[name])


@cache
def _rules() -> dict[str, list[re.Pattern[str]]]:
    """Return for each category a rule for each of its sentences, with a group for each word that is not in a slot."""
    return {
        name: [
            re.compile("[^.]+?".join(map(_grouped, filter(None, SLOT.split(sentence)[::2]))))
            for sentence in category.sentences
        ]
        for name, category in grammar().categories.items()
    }


def _grouped(words: str) -> str:
    return re.sub(r"\w+", r"(\g<0>)", re.escape(words))
