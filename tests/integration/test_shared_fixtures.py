"""Fixtures that the items of a check share are looked up once, and each item gets what it would get without that."""

from __future__ import annotations

from tests.support.session_criteria import write_criterion
from tests.support.session_runs import Review
from tests.support.stores import BuiltStore, records_alone

CHECKS = """
MADE = []

@pytest.fixture(scope="session")
def once(sample):
    MADE.append("once")
    return len(sample.records)

@pytest.fixture
def fresh(record, review, request):
    MADE.append("fresh")
    yield [record.id, review.record_id, request.node.name]
    MADE.append("ended")

def test_of_each_scope(record, review, reviews, once, fresh, request):
    assert fresh == [record.id, record.id, request.node.name]
    assert review is reviews[record.id]
    assert request.node.name.startswith(f"test_of_each_scope[{record.id}-")
    assert request.getfixturevalue("record") is record
    assert request.getfixturevalue("once") == once == len(reviews)

def test_how_often():
    assert MADE.count("once") == 1
    assert MADE.count("fresh") == MADE.count("ended") == 5
"""
OVERRIDDEN = """
from dataclasses import replace

@pytest.fixture
def review(review):
    return replace(review, category="mine")

@pytest.fixture(scope="session", params=["a", "b"])
def letter(request):
    return request.param

@pytest.fixture(scope="session")
def after(letter):
    return letter + "!"

def test_override(record, review):
    assert review.category == "mine"

def test_parameters(record, letter, after):
    assert after == letter + "!"
"""


def test_each_item_gets_its_own_values(review: Review, store: BuiltStore) -> None:
    """Of every scope, also by `request`, by a fixture of another name, and by one that overrides one of the package."""
    write_criterion(review.folder / "own", "scopes", CHECKS)
    write_criterion(review.folder / "own", "overridden", OVERRIDDEN)
    found = review.pytest("own", *records_alone(store), "--drift-records=1,2,3,4,5")
    messages = [test["call"].get("longrepr") for test in found.document["tests"] if test["outcome"] != "passed"]
    assert messages == []
    assert len(found.document["tests"]) == 5 + 1 + 5 + 10


def test_setup_is_shown_for_each_item(review: Review, store: BuiltStore) -> None:
    """As pytest shows it: the record of each item, and each review."""
    write_criterion(review.folder / "own", "one", "def test_one(record, review):\n    pass")
    out = review.pytest("own", *records_alone(store), "--drift-records=1,2,3", "--setup-show").out
    assert (out.count("SETUP    F record"), out.count("SETUP    F review")) == (3, 3)
