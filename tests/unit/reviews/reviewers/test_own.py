"""A classifier of the user's own: what may be one, and how it is called."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import NoReturn

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import ReviewerError
from drift_checks.reviews.reviewers.base import Classification, UnusableAnswer
from drift_checks.reviews.reviewers.own import OwnClassifier, name_of
from tests.support.classifying import ask, outcomes, question


def upper(text: str) -> str:
    """Return the text in capitals, as a category."""
    return text.upper()


async def upper_later(text: str) -> str:
    """Return the same, from a coroutine."""
    await asyncio.sleep(0)
    return text.upper()


def two(ending: str, text: str) -> str:
    """Need a second argument."""
    return text.upper() + ending


async def two_later(ending: str, text: str) -> str:
    """Need a second argument, in a coroutine."""
    return text.upper() + ending


class Plain:
    """Has a method."""

    def classify(self, text: str) -> str:
        """Return the text in capitals."""
        return text.upper()

    @staticmethod
    def still(text: str) -> str:
        """Return the text in capitals."""
        return text.upper()

    @classmethod
    def of_class(cls, text: str) -> str:
        """Return the text in capitals."""
        return text.upper()


class Later:
    """Has an asynchronous method."""

    async def classify(self, text: str) -> str:
        """Return the text in capitals."""
        return text.upper()


class Promising:
    """Has a method that returns an awaitable."""

    def classify(self, text: str) -> Awaitable[str]:
        """Return a coroutine."""
        return upper_later(text)


class Called:
    """Can be called."""

    def __call__(self, text: str, style: str = "") -> str:
        """Return the text in capitals."""
        return text.upper()


class CalledLater:
    """Can be called, and awaited."""

    async def __call__(self, text: str) -> str:
        """Return the text in capitals."""
        return text.upper()


class Demanding(Plain):
    """Needs an argument to be made."""

    def __init__(self, path: str) -> None:
        self.path = path


class Failing(Plain):
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no weights")


class Abstract(ABC):
    """Cannot be made either."""

    @abstractmethod
    def classify(self, text: str) -> str:
        """Leave it to others."""


class Leaving(Plain):
    """Ends the process in place of being made."""

    def __init__(self) -> None:
        raise SystemExit("no weights")


class Empty:
    """Cannot classify."""


class Wide:
    """Classifies what is more than a text."""

    def classify(self, text: str, categories: list[str]) -> str:
        """Need the categories."""
        return categories[0]


FORMS: dict[str, object] = {
    "function": upper,
    "coroutine function": upper_later,
    "lambda": lambda text: text.upper(),
    "class": Plain,
    "class that can be called": Called,
    "instance with an async method": Later(),
    "instance that promises": Promising(),
    "callable": Called(),
    "async callable": CalledLater(),
    "bound method": Plain().classify,
    "static method": Plain.still,
    "class method": Plain.of_class,
    "partial": partial(two, ""),
    "partial of a coroutine function": partial(two_later, ""),
    "built-in": str.upper,
    "namespace": SimpleNamespace(classify=upper),
}


@pytest.mark.parametrize("form", FORMS)
def test_asks_whatever_takes_a_text(form: str) -> None:
    """Functions, methods, objects and classes, blocking and not, are asked alike."""
    assert ask(OwnClassifier(FORMS[form], "mine"), question("a")).category == "A"


@pytest.mark.parametrize(
    "wrong",
    [Demanding, Empty, Empty(), 5, "text", None, Plain.classify, two, lambda: "a", Wide()],
    ids=["arguments", "no method", "instance", "number", "text", "none", "unbound", "two", "zero", "wide"],
)
def test_refuses_what_takes_no_text_at_once(wrong: object, snapshot: SnapshotAssertion) -> None:
    """The sentence says what is wrong with it and what is allowed."""
    with pytest.raises(ReviewerError) as caught:
        OwnClassifier(wrong, "my.module:mine")
    assert str(caught.value) == snapshot


@pytest.mark.parametrize("wrong", [Failing, Wide])
def test_refuses_a_class_that_fails_before_the_first_text(wrong: type, snapshot: SnapshotAssertion) -> None:
    """Faults of its instances are reported when it is opened."""
    with pytest.raises(ReviewerError) as caught:
        ask(OwnClassifier(wrong, "my.module:Mine"))
    assert str(caught.value) == snapshot


@pytest.mark.parametrize("wrong", [Abstract, Leaving])
def test_refuses_a_class_that_cannot_be_instantiated(wrong: type) -> None:
    """Also if its constructor exits."""
    with pytest.raises(ReviewerError, match="cannot be instantiated"):
        ask(OwnClassifier(wrong, "mine"))


@pytest.mark.parametrize("name", ["close", "aclose"])
@pytest.mark.parametrize("later", [False, True], ids=["sync", "async"])
def test_makes_and_closes_an_object_of_a_class(name: str, later: bool) -> None:
    """It is made once, before the first text, and closed once, after the last."""
    seen: list[str] = []

    def close(self: object) -> None:
        seen.append("closed")

    async def close_later(self: object) -> None:
        seen.append("closed")

    def classify(self: object, text: str) -> str:
        seen.append(text)
        return text

    made: Callable[[object], None] = lambda self: seen.append("made")  # noqa: E731
    kind = type("Made", (), {"__init__": made, "classify": classify, name: close_later if later else close})
    outcomes(OwnClassifier(kind, "mine"), question("a"), question("b"))
    assert seen == ["made", "a", "b", "closed"]


def test_leaves_an_object_of_the_user_s_open() -> None:
    """What was made elsewhere is closed there."""
    closed: list[bool] = []
    ask(OwnClassifier(SimpleNamespace(classify=upper, close=lambda: closed.append(True)), "mine"))
    assert not closed


def test_blocking_calls_overlap() -> None:
    """Two calls that only meet each other both come to an end."""
    meeting = threading.Barrier(2, timeout=20)

    def meet(text: str) -> str:
        meeting.wait()
        time.sleep(0.01)
        return text

    seen = outcomes(OwnClassifier(meet, "mine"), question("a"), question("b"), at_once=True)
    assert [type(outcome) for outcome in seen] == [Classification, Classification]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("x"), TimeoutError(), UnusableAnswer("none")])
@pytest.mark.parametrize("later", [False, True], ids=["sync", "async"])
def test_hands_on_an_exception_as_it_is(error: Exception, later: bool) -> None:
    """The very exception arrives."""

    def fail(text: str) -> NoReturn:
        raise error

    async def fail_later(text: str) -> NoReturn:
        raise error

    (outcome,) = outcomes(OwnClassifier(fail_later if later else fail, "mine"), question())
    assert outcome is error


@pytest.mark.parametrize("later", [False, True], ids=["sync", "async"])
def test_an_exit_fails_only_its_record(later: bool) -> None:
    """Code that ends the process, as a command-line tool's does, raises an exception that the pool can count."""

    def leave(text: str) -> NoReturn:
        raise SystemExit(3)

    async def leave_later(text: str) -> NoReturn:
        raise SystemExit(3)

    (outcome,) = outcomes(OwnClassifier(leave_later if later else leave, "mine"), question())
    assert isinstance(outcome, Exception)


def test_names_what_has_no_address() -> None:
    """A function is named by itself, an object by its class; the hook may return any callable."""
    assert (name_of(upper), name_of(Plain())) == (f"{__name__}:upper", f"{__name__}:Plain")
    assert "upper" in name_of(str.upper)
