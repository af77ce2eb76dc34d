"""The user's own classifier: any callable, or object or class with a method `classify`, that takes a text."""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from drift_checks.core.errors import ReviewerError, nearest
from drift_checks.core.records import Usage
from drift_checks.core.text import quoted
from drift_checks.review.reviewers.base import Answer, Question, UnusableAnswer
from drift_checks.review.reviewers.failures import describe
from drift_checks.review.reviewers.threads import in_thread
from drift_checks.review.reviewers.values import read_confidence, read_text

METHOD = "classify"
HOOK = "pytest_drift_reviewer"


class OwnClassifier:
    """Asks the user's code.

    Blocking code runs in threads; what it returns is awaited where it can be. A class is made without arguments before
    the first text, and what it made is closed after the last, by `aclose` or `close` where it has one.

    Args:
        made_of: The callable, object or class.
        name: How the reports call it.

    Raises:
        ReviewerError: It is none of these, or cannot take a text.
    """

    model: str | None = None
    comparable_confidence = True
    is_own = True

    def __init__(self, made_of: object, name: str) -> None:
        self.name = name
        self._made_of = made_of
        self._made: object | None = None
        self._decide: Callable[[str], Any] | None = None
        if isinstance(made_of, type):
            self._refuse_wrong_class(made_of)
        else:
            self._decide = self._function_of(made_of)

    async def open(self) -> None:
        """Make the object, where a class was given."""
        if not isinstance(self._made_of, type):
            return
        try:
            self._made = self._made_of()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise ReviewerError(
                "reviewer",
                f"{self.name} could not be made without arguments ({describe(error)})",
                f"give an object that is made, or make it in conftest.py in the hook {HOOK}",
            ) from None
        self._decide = self._function_of(self._made)

    async def classify(self, question: Question) -> Answer:
        """Return what the user's code decides."""
        assert self._decide is not None, "it was not opened"
        text = question.record.text
        try:
            result = self._decide(text) if _is_coroutine(self._decide) else await in_thread(self._decide, text)
            if inspect.isawaitable(result):
                result = await result
        except SystemExit as error:
            raise RuntimeError(f"SystemExit: {error}") from None
        return read_answer(result)

    def most_cost(self, question: Question) -> float:
        """Return 0: what it costs is not known."""
        return 0.0

    def explain_refusal(self, message: str) -> ReviewerError:
        """Return the error for credentials that were refused."""
        return ReviewerError("reviewer", f"{self.name} was refused ({message})", "check the credentials that it uses")

    async def close(self) -> None:
        """Close the object that was made of a class."""
        made, self._made = self._made, None
        for name in ("aclose", "close"):
            close = getattr(made, name, None)
            if callable(close):
                done = close() if _is_coroutine(close) else await in_thread(close)
                if inspect.isawaitable(done):
                    await done
                return

    def _refuse_wrong_class(self, kind: type) -> None:
        try:
            inspect.signature(kind).bind()
        except TypeError as error:
            raise ReviewerError(
                "reviewer",
                f"{self.name} cannot be made without arguments ({error})",
                f"give an object that is made, or make it in conftest.py in the hook {HOOK}",
            ) from None
        except ValueError:
            # Its signature cannot be told, as of some compiled classes.
            return
        if not callable(getattr(kind, METHOD, None)) and "__call__" not in dir(kind):
            raise self._no_classifier()

    def _function_of(self, made: object) -> Callable[[str], Any]:
        function = getattr(made, METHOD, made)
        if not callable(function):
            raise self._no_classifier()
        try:
            inspect.signature(function).bind("text")
        except TypeError as error:
            raise ReviewerError(
                "reviewer",
                f"{self.name} does not take a text alone ({error})",
                "allowed is what can be called with one argument, the text",
            ) from None
        except ValueError:
            pass
        return function

    def _no_classifier(self) -> ReviewerError:
        return ReviewerError(
            "reviewer",
            f"{self.name} is not a classifier",
            f"it must be a callable that takes a text, or have a method {METHOD!r} that does",
        )


def load_classifier(address: str, folders: tuple[Path, ...]) -> OwnClassifier:
    """Return the classifier at `package.module:name`.

    Args:
        address: Where it is.
        folders: Searched after everything that is installed.

    Raises:
        ReviewerError: There is none, or importing it fails.
    """
    module_name, _, path = address.partition(":")
    for folder in folders:
        # Last, so that nothing there stands in for an installed module.
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    # SystemExit and the like: a module that ends the process where it is imported is no classifier's.
    try:
        found: Any = import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _not_imported(module_name, error, folders) from None
    for name in path.split("."):
        found = _member(found, name, module_name)
    return OwnClassifier(found, address)


def _member(holder: Any, name: str, module_name: str) -> Any:
    try:
        return getattr(holder, name)
    except AttributeError:
        known = [key for key in dir(holder) if not key.startswith("_")]
        raise ReviewerError("reviewer", f"{module_name} has no {name!r}", nearest(name, known)) from None
    except Exception as error:
        raise ReviewerError("reviewer", f"{name!r} of {module_name} cannot be had ({describe(error)})") from None


def name_of(given: object) -> str:
    """Return how the reports call a classifier that has no address: by where it, or its class, was defined."""
    named = given if isinstance(given, type) or inspect.isroutine(given) else type(given)
    module = getattr(named, "__module__", None) or getattr(type(named), "__module__", "")
    return f"{module}:{named.__qualname__}"


def read_answer(result: object) -> Answer:
    """Return the answer that a result holds: an object, a mapping or a tuple with a category and perhaps a confidence.

    Raises:
        UnusableAnswer: It holds no category.
    """
    if isinstance(result, str | Enum):
        result = (result,)
    if isinstance(result, Mapping):
        read: Callable[[str], Any] = result.get
    elif isinstance(result, tuple | list) and not hasattr(result, "category"):
        read = dict(zip(("category", "confidence"), result, strict=False)).get
    else:
        read = partial(_attribute, result)
    category = _category(read("category"))
    if category is None:
        raise UnusableAnswer(f"the classifier returned no category but {quoted(result)}")
    return Answer(
        category,
        confidence=read_confidence(read("confidence")),
        rationale=read_text(read("rationale")),
        evidence=read_text(read("evidence")),
        model=read_text(read("model") or read("model_version")),
        usage=Usage(_whole(read("input_tokens")), _whole(read("output_tokens"))),
    )


def _category(value: object) -> str | None:
    value = value.value if isinstance(value, Enum) else value
    number = _whole(value)
    text = str(number) if number is not None else value
    return str(text) if isinstance(text, str) and text.strip() else None


def _attribute(holder: object, name: str) -> object:
    return getattr(holder, name, None)


def _whole(value: object) -> int | None:
    if "bool" in type(value).__name__:
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _is_coroutine(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    called = inspect.getattr_static(type(function), "__call__", None)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def _not_imported(module_name: str, error: BaseException, folders: tuple[Path, ...]) -> ReviewerError:
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing and (module_name == missing or module_name.startswith(f"{missing}.")):
        places = " or ".join(dict.fromkeys(map(str, folders))) or "the current folder"
        return ReviewerError(
            "reviewer",
            f"there is no module {missing!r}, neither installed nor in {places}",
            "it must be package.module:name, importable from there",
        )
    return ReviewerError(
        "reviewer", f"importing {module_name} failed ({describe(error)})", "fix it, or install what it needs"
    )
