"""The examples in the documentation work."""

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
    """The classifier and the conftest in docs/reviewers.md; the classifier is saved as my_classifier.py."""
    text = (REPOSITORY / "docs" / "reviewers.md").read_text(encoding="utf-8")
    classifier, conftest = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    Path(review.folder / "my_classifier.py").write_text(classifier, encoding="utf-8")
    return classifier, conftest


def test_the_classifier_reviews(review: Review, example: tuple[str, str]) -> None:
    """It is named by its address."""
    found = review(*SMALL_DEMO, "--drift-reviewer=my_classifier:Keywords")
    assert (found.drift["reviewer"]["name"], found.drift["reviewer"]["reviewed"]) == ("my_classifier:Keywords", 4)


def test_the_hook_returns_the_classifier(review: Review, example: tuple[str, str], store: BuiltStore) -> None:
    """Its classifier replaces the default."""
    (review.folder / "conftest.py").write_text(example[1], encoding="utf-8")
    found = review(*store.options, *SMALL, "-k", "test_agreement.py")
    assert (found.drift["reviewer"]["name"], found.drift["reviewer"]["reviewed"]) == ("my_classifier:Keywords", 5)


def test_every_setting_stands_in_the_ini_file() -> None:
    """It stands there with its default."""
    from drift_checks.settings.declarations import declared

    text = (REPOSITORY / "pytest.ini").read_text(encoding="utf-8")
    assert [setting.ini for setting in declared() if f"# {setting.ini} =" not in text] == ["drift_demo"]
