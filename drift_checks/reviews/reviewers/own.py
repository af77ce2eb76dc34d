"""The user's own classifier: a callable that takes a text, or an object or class with such a method `classify`."""

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
from drift_checks.reviews.reviewers.answers import read_confidence, read_text
from drift_checks.reviews.reviewers.base import Classification, Fault, Request, UnusableAnswer, token_count
from drift_checks.reviews.reviewers.failures import describe, is_refused, status_of
from drift_checks.reviews.reviewers.threads import in_thread

METHOD = "classify"
# The records that fail alike before it is certain that all do: with 403, and with a defect of the code.
_SEVERAL, _MANY = 3, 5
_DEFECTS = (ImportError, AttributeError, NameError, TypeError, LookupError, NotImplementedError, SyntaxError)
HOOK = "pytest_drift_reviewer"


class OwnClassifier:
    """Calls the user's code.

    Blocking code runs in threads; awaitable results are awaited. A class is instantiated without arguments before the
    first text; after the last, the instance's `aclose` or `close` is called if it has one.
    """

    model: str | None = None
    comparable_confidence = True
    is_own = True

    def __init__(self, source: object, name: str) -> None:
        self.name = name
        self._source = source
        self._instance: object | None = None
        self._function: Callable[[str], Any] | None = None
        if isinstance(source, type):
            self._check_class(source)
        else:
            self._function = self._function_of(source)

    async def open(self) -> None:
        """Instantiate a class."""
        if not isinstance(self._source, type):
            return
        try:
            self._instance = self._source()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._not_instantiated(describe(error)) from None
        self._function = self._function_of(self._instance)

    async def classify(self, request: Request) -> Classification:
        """Return the decision of the user's code."""
        function, text = self._function, request.record.text
        assert function is not None, "open() was not called"
        try:
            result = await _call(function, text)
        except SystemExit as error:
            raise RuntimeError(f"SystemExit: {error}") from None
        return read_result(result)

    def max_cost(self, request: Request) -> float:
        """Return 0: the cost is not known."""
        return 0.0

    def fault(self, error: Exception) -> Fault | None:
        """Return what every call would fail with: refused credentials, or a defect of the user's code."""
        reason = describe(error).rstrip(".")
        if is_refused(error):
            problem, remedy = f"{self.name} was refused ({reason})", "check the credentials that it uses"
            return Fault(ReviewerError("reviewer", problem, remedy), 1 if status_of(error) == 401 else _SEVERAL)
        if status_of(error) is None and isinstance(error, _DEFECTS):
            problem = f"{self.name} fails for every text ({reason})"
            return Fault(ReviewerError("reviewer", problem, "this does not pass by itself: fix it"), _MANY)
        return None

    async def close(self) -> None:
        """Close the instance of a class."""
        instance, self._instance = self._instance, None
        for name in ("aclose", "close"):
            close = getattr(instance, name, None)
            if callable(close):
                await _call(close)
                return

    def _check_class(self, source: type) -> None:
        try:
            inspect.signature(source).bind()
        except TypeError as error:
            raise self._not_instantiated(str(error)) from None
        except ValueError:
            # Some compiled classes have no signature.
            return
        if not callable(getattr(source, METHOD, None)) and "__call__" not in dir(source):
            raise self._not_a_classifier()

    def _function_of(self, holder: object) -> Callable[[str], Any]:
        function = getattr(holder, METHOD, holder)
        if not callable(function):
            raise self._not_a_classifier()
        try:
            inspect.signature(function).bind("text")
        except TypeError as error:
            raise ReviewerError(
                "reviewer",
                f"{self.name} cannot be called with a text alone ({error})",
                "it must take one argument, the text",
            ) from None
        except ValueError:
            pass
        return function

    def _not_instantiated(self, reason: str) -> ReviewerError:
        return ReviewerError(
            "reviewer",
            f"{self.name} cannot be instantiated without arguments ({reason})",
            f"name an instance, or return one from the hook {HOOK} in conftest.py",
        )

    def _not_a_classifier(self) -> ReviewerError:
        return ReviewerError(
            "reviewer",
            f"{self.name} is not a classifier",
            f"it must be callable with a text, or have a method {METHOD!r} that is",
        )


def load_classifier(address: str, folders: tuple[Path, ...]) -> OwnClassifier:
    """Import the classifier at `package.module:name`.

    Raises:
        ReviewerError: It does not exist, or importing it fails.
    """
    module_name, _, path = address.partition(":")
    for folder in folders:
        # At the end, so that nothing in them shadows an installed module.
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    try:
        source: Any = import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # Also a SystemExit: the module may be a script.
        raise _not_imported(module_name, error, folders) from None
    for name in path.split("."):
        source = _member(source, name, module_name)
    return OwnClassifier(source, address)


def _member(holder: Any, name: str, module_name: str) -> Any:
    try:
        return getattr(holder, name)
    except AttributeError:
        known = [key for key in dir(holder) if not key.startswith("_")]
        raise ReviewerError("reviewer", f"{module_name} has no {name!r}", nearest(name, known)) from None
    except Exception as error:
        raise ReviewerError("reviewer", f"{name!r} of {module_name} is not available ({describe(error)})") from None


def name_of(classifier: object) -> str:
    """Return the name of a hook's classifier in the reports: the place where it, or its class, is defined."""
    named = classifier if isinstance(classifier, type) or inspect.isroutine(classifier) else type(classifier)
    module = getattr(named, "__module__", None) or getattr(type(named), "__module__", "")
    return f"{module}:{named.__qualname__}"


def read_result(result: object) -> Classification:
    """Return the classification in a result: an object, mapping or tuple with a category and perhaps a confidence.

    Raises:
        UnusableAnswer: It has no category.
    """
    if isinstance(result, str | Enum):
        result = (result,)
    if isinstance(result, Mapping):
        read: Callable[[str], Any] = result.get
    elif isinstance(result, tuple | list) and not hasattr(result, "category"):
        read = dict(zip(("category", "confidence"), result, strict=False)).get
    else:
        read = lambda name: getattr(result, name, None)  # noqa: E731
    category = _category(read("category"))
    if category is None:
        raise UnusableAnswer(f"the classifier returned {quoted(result)}, which has no category")
    return Classification(
        category,
        confidence=read_confidence(read("confidence")),
        rationale=read_text(read("rationale")),
        evidence=read_text(read("evidence")),
        model=read_text(read("model") or read("model_version")),
        usage=Usage(token_count(_whole(read("input_tokens"))), token_count(_whole(read("output_tokens")))),
    )


def _category(value: object) -> str | None:
    value = value.value if isinstance(value, Enum) else value
    number = _whole(value)
    text = str(number) if number is not None else value
    return str(text) if isinstance(text, str) and text.strip() else None


def _whole(value: object) -> int | None:
    if "bool" in type(value).__name__:
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


async def _call(function: Callable[..., Any], *arguments: object) -> Any:
    """Return the result of a coroutine function, or of a blocking one, which runs in a thread."""
    result = function(*arguments) if _is_coroutine(function) else await in_thread(function, *arguments)
    return await result if inspect.isawaitable(result) else result


def _is_coroutine(function: Callable[..., Any]) -> bool:
    while isinstance(function, partial):
        function = function.func
    call = inspect.getattr_static(type(function), "__call__", None)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _not_imported(module_name: str, error: BaseException, folders: tuple[Path, ...]) -> ReviewerError:
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing and (module_name == missing or module_name.startswith(f"{missing}.")):
        places = " or ".join(dict.fromkeys(map(str, folders))) or "the current folder"
        return ReviewerError(
            "reviewer",
            f"there is no module {missing!r}, neither installed nor in {places}",
            _remedy_for_missing(missing.partition(".")[0], folders),
        )
    return ReviewerError(
        "reviewer", f"importing {module_name} failed ({describe(error)})", "fix it, or install what it needs"
    )


def _remedy_for_missing(package: str, folders: tuple[Path, ...]) -> str:
    sources = [folder / "src" for folder in folders]
    found = next((src for src in sources if (src / package).is_dir() or (src / f"{package}.py").is_file()), None)
    return f"set PYTHONPATH={found}" if found else "it must be package.module:name, importable from there"
