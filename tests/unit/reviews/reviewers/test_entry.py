"""How what a user names as classifier is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC

from drift_checks.core.errors import ReviewerError
from drift_checks.reviews.reviewers.base import Classification
from drift_checks.reviews.reviewers.entry import takes_list
from drift_checks.reviews.reviewers.own import OwnClassifier
from tests.support.classifying import ask, outcomes, question

TEXTS = ["debt and money", "money and loans", "a new law", "the law and a court"] * 3


class Runnable:
    """A chain, as langchain has them: callable in old versions, with another result."""

    def invoke(self, text: str, config: object = None, **_: object) -> SimpleNamespace:
        """Return a message."""
        return SimpleNamespace(content=text.upper(), type="ai")

    def __call__(self, text: str) -> str:
        """Return what nobody wants."""
        raise AssertionError


class HuggingFace:
    """A pipeline of transformers, which also has scikit-learn's `predict`."""

    def __call__(self, inputs: Any, **_: Any) -> list[dict[str, object]]:
        """Return a list for a text, too."""
        return [{"label": text.upper(), "score": 0.5} for text in ([inputs] if isinstance(inputs, str) else inputs)]

    def predict(self, X: Any) -> object:  # noqa: N803 - its name in transformers
        """Return the same."""
        return self(X)


class FastText:
    """A model that only has `predict`."""

    def predict(self, text: str, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict") -> object:
        """Return labels and probabilities."""
        return (text.upper(),), np.array([0.5])


def many(texts: list[str]) -> list[str]:
    """Classify several texts."""
    assert isinstance(texts, list)
    return [text.upper() for text in texts]


async def many_later(documents):  # type: ignore[no-untyped-def]
    """Classify several texts in a coroutine, without annotations."""
    return many(documents)


def trained(classifier: Any, labels: Sequence[object]) -> Pipeline:
    """Return a pipeline that tells money from law."""
    return make_pipeline(CountVectorizer(), classifier).fit(TEXTS, [labels[0], labels[0], labels[1], labels[1]] * 3)


@pytest.mark.parametrize(
    ("holder", "confidence"),
    [(Runnable(), None), (Runnable, None), (HuggingFace(), 0.5), (FastText(), 0.5), (many, None), (many_later, None)],
    ids=["langchain", "class", "Hugging Face", "fastText", "list", "later"],
)
def test_calls_what_libraries_offer(holder: object, confidence: float | None) -> None:
    """With one text, or a list of one."""
    assert ask(OwnClassifier(holder, "mine:it"), question("a")) == Classification("A", confidence)


@pytest.mark.parametrize(
    "labels", [("money", "law"), (0, 1), np.array(["money", "law"], dtype=object)], ids=["texts", "numbers", "objects"]
)
@pytest.mark.parametrize(
    "classifier", [LogisticRegression(), MultinomialNB(), CalibratedClassifierCV(LinearSVC(), cv=2)]
)
def test_asks_a_pipeline_of_scikit_learn(classifier: Any, labels: Sequence[object]) -> None:
    """The confidence is the probability of the class that it predicts."""
    pipeline = trained(classifier, labels)
    answer = ask(OwnClassifier(pipeline, "mine:pipeline"), question("the law"))
    assert answer.category == str(labels[1])
    assert answer.confidence == pytest.approx(pipeline.predict_proba(["the law"]).max())


def test_a_pipeline_without_probabilities_has_no_confidence() -> None:
    """As support vectors."""
    pipeline = trained(LinearSVC(), ("money", "law"))
    assert ask(OwnClassifier(pipeline, "mine:pipeline"), question("the law")) == Classification("law")


@pytest.mark.parametrize(
    ("estimator", "remedy"),
    [
        (make_pipeline(CountVectorizer(), MultinomialNB()), "fit it before"),
        (LogisticRegression().fit([[0], [1]], [0, 1]), "name a pipeline that takes texts"),
    ],
    ids=["not fitted", "without texts"],
)
def test_an_estimator_that_cannot_be_used_says_how(estimator: object, remedy: str) -> None:
    """The remedy is that of the estimator."""
    classifier = OwnClassifier(estimator, "mine:estimator")
    (error,) = outcomes(classifier, question("a"))
    assert isinstance(error, Exception)
    fault = classifier.fault(error)
    assert fault is not None
    assert remedy in str(fault.error)


def annotated(annotation: object) -> Callable[..., None]:
    """Return a function whose only parameter is annotated so."""

    def function(text) -> None:  # type: ignore[no-untyped-def]
        """Do nothing."""

    function.__annotations__["text"] = annotation
    return function


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        *((kind, True) for kind in (list, list[str], Sequence[str], tuple[str, ...], np.ndarray, npt.NDArray[np.str_])),
        *((kind, True) for kind in ("list[str]", "typing.List[str]", "pd.Series")),
        *(
            (kind, False)
            for kind in (str, object, Any, "str", "str | list[str]", str | list[str], "Text", dict[str, str])
        ),
    ],
    ids=str,
)
def test_an_annotation_says_whether_a_list_is_taken(annotation: object, expected: bool) -> None:
    """What also takes a text gets a text."""
    assert takes_list(annotated(annotation)) is expected


@pytest.mark.parametrize("function", [str, partial(many, ["a"]), print, lambda: 1, lambda text: 1])
def test_other_functions_take_a_text(function: Callable[..., object]) -> None:
    """Also those without a signature or a parameter."""
    assert not takes_list(function)


class Fixed:
    """Says that it always gives the same answer."""

    deterministic = True

    def classify(self, text: str) -> str:
        """Return the text in capitals."""
        return text.upper()


@pytest.mark.parametrize(
    ("holder", "expected"), [(Fixed, True), (Fixed(), True), (Fixed().classify, True), (Runnable, False), (many, False)]
)
def test_a_classifier_may_say_that_it_is_deterministic(holder: object, expected: bool) -> None:
    """By an attribute of the class, the object or the function."""
    assert OwnClassifier(holder, "mine:it").deterministic is expected


@pytest.mark.parametrize("holder", [SimpleNamespace(fit=1), SimpleNamespace(predict="a"), {"a": 1}])
def test_what_has_no_such_method_is_refused(holder: object) -> None:
    """The sentence names the methods."""
    with pytest.raises(ReviewerError, match="have one of the methods classify, predict, invoke"):
        OwnClassifier(holder, "mine:it")
