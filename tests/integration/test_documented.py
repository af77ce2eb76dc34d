"""The examples in the documents do what the documents say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.session_runs import REPOSITORY, SMALL, Review
from tests.support.stores import BuiltStore

pytestmark = pytest.mark.slow

SMALL_DEMO = ("--drift-demo", "--drift-sample-size=4", "--drift-baseline=0", "-k", "test_agreement.py")


@pytest.fixture
def example(review: Review) -> tuple[str, str]:
    """The classifier and the conftest that docs/reviewers.md shows; the former is saved as it says."""
    text = (REPOSITORY / "docs" / "reviewers.md").read_text(encoding="utf-8")
    classifier, conftest = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    Path(review.folder / "my_classifier.py").write_text(classifier, encoding="utf-8")
    return classifier, conftest


def test_the_classifier_of_ones_own_reviews(review: Review, example: tuple[str, str]) -> None:
    """By its address."""
    found = review(*SMALL_DEMO, "--drift-reviewer=my_classifier:Keywords")
    assert (found.drift["reviewer"]["name"], found.drift["reviewer"]["reviewed"]) == ("my_classifier:Keywords", 4)


def test_the_hook_gives_the_classifier(review: Review, example: tuple[str, str], store: BuiltStore) -> None:
    """Made in conftest.py, in place of the default."""
    (review.folder / "conftest.py").write_text(example[1], encoding="utf-8")
    found = review(*store.options, *SMALL, "-k", "test_agreement.py")
    assert (found.drift["reviewer"]["name"], found.drift["reviewer"]["reviewed"]) == ("my_classifier:Keywords", 5)


def test_every_setting_stands_in_the_ini_file() -> None:
    """With its default, to be changed."""
    from drift_checks.settings.declarations import declared

    text = (REPOSITORY / "pytest.ini").read_text(encoding="utf-8")
    assert [setting.ini for setting in declared() if f"# {setting.ini} =" not in text] == ["drift_demo"]
