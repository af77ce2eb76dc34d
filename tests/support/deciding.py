"""Classifiers of the user's own that take down what they are asked, for tests of how many calls a run makes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.session_runs import Review, Run

SEQUENTIAL = "--drift-decision=sequential"
AGREEMENT = ("-k", "test_agreement.py")
# One record of four of each stratum gets another category from `near_threshold`, and each of low confidence from
# `low_apart`; `without_baseline` fails for the rest of the store; `cased` and `spaced` read no other case or space.
SOURCE = """
import json, pathlib, re

def take_down(what, text=""):
    with pathlib.Path(what).open("a") as file:
        file.write(json.dumps(text) + "\\n")

def number_of(text):
    take_down("asked", text)
    return int(re.search("[0-9]+", text)[0])

def stored(text):
    return re.search("financial|regulatory|operational", text.lower())[0]

def agreeing(text):
    number_of(text)
    return stored(text)

def disagreeing(text):
    number_of(text)
    return "none of them"

def near_threshold(text):
    return "none of them" if number_of(text) // 4 % 4 == 0 else stored(text)

def low_apart(text):
    return "none of them" if number_of(text) % 4 == 0 else stored(text)

def without_baseline(text):
    if number_of(text) % 4 == 2:
        raise ValueError("this text is too odd")
    return stored(text)

def cased(text):
    number_of(text)
    return stored(text) if text != text.upper() and text != text.lower() else "none of them"

def spaced(text):
    number_of(text)
    return stored(text) if text == " ".join(text.split()) else "none of them"

class Counted:
    def __init__(self):
        take_down("made")

    def classify(self, text):
        return agreeing(text)
"""


def write_classifiers(review: Review) -> None:
    """Write the module `deciders` into the folder in which commands are given."""
    (review.folder / "deciders.py").write_text(SOURCE, encoding="utf-8")


def own(name: str) -> str:
    """Return the option that names one of them."""
    return f"--drift-reviewer=deciders:{name}"


def texts_asked(review: Review) -> list[str]:
    """Return the texts that they were asked about, in their order."""
    return _taken_down(review.folder / "asked")


def times_made(review: Review) -> int:
    """Return how often the class was made."""
    return len(_taken_down(review.folder / "made"))


def outcomes_of(run: Run, criterion: str) -> dict[str, str]:
    """Return how each check of a criterion ended, by its name."""
    tests = run.document["tests"]
    return {test["nodeid"]: test["outcome"] for test in tests if f"test_{criterion}.py::" in test["nodeid"]}


def _taken_down(path: Path) -> list[str]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
