"""The user's own classifier: a callable that takes a text, or an object or class with a method that does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from drift_checks.core.errors import ReviewerError, nearest
from drift_checks.reviews.reviewers.base import Classification, Fault, Request, UnusableAnswer
from drift_checks.reviews.reviewers.entry import METHODS, entry_point, is_estimator, takes_list
from drift_checks.reviews.reviewers.failures import describe, is_refused, may_pass, status_of, told
from drift_checks.reviews.reviewers.limits import TRIED
from drift_checks.reviews.reviewers.results import ACCEPTED, read_result
from drift_checks.reviews.reviewers.threads import in_thread

# The records that are refused alike, with 403, before it is certain that all are.
_SEVERAL = 3
# What nobody raises to say that something is down.
_DEFECTS = (AttributeError, NameError, TypeError, LookupError, NotImplementedError, SyntaxError, ValueError)
HOOK = "pytest_drift_reviewer"
_INSTANCE = f"name an instance, or return one from the hook {HOOK} in conftest.py"


class OwnClassifier:
    """Calls the user's code.

    Blocking code runs in threads; awaitable results are awaited. A class is instantiated without arguments before the
    first text; after the last, the instance's `aclose` or `close` is called if it has one.
    """

    model: str | None = None
    comparable_confidence = True
    is_own = True
    capacity = 1

    def __init__(self, source: object, name: str) -> None:
        self.name = name
        self.source = source
        self._instance: object | None = None
        self._function: Callable[..., Any] | None = None
        self._takes_list = False
        if isinstance(source, type):
            self._check_class(source)
        else:
            self._use(source)

    @property
    def deterministic(self) -> bool:
        """Whether the user declares that the same text always gets the same answer."""
        holder = getattr(self.source, "__self__", self.source)
        return any(getattr(item, "deterministic", None) is True for item in (self.source, holder))

    async def open(self) -> None:
        """Instantiate a class."""
        if not isinstance(self.source, type):
            return
        try:
            self._instance = self.source()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            problem, remedy = f"{self.name} cannot be instantiated ({told(error)})", f"fix it, or {_INSTANCE}"
            raise ReviewerError("reviewer", problem, remedy) from None
        self._use(self._instance)

    async def ready(self, request: Request) -> None:
        """Return at once."""

    async def classify(self, request: Request) -> Classification:
        """Return the decision of the user's code."""
        function, text = self._function, request.record.text
        assert function is not None, "open() was not called"
        try:
            result = await _call(function, [text] if self._takes_list else text)
        except SystemExit as error:
            raise RuntimeError(f"SystemExit: {error}") from None
        return read_result(result)

    def max_cost(self, request: Request) -> float:
        """Return 0: the cost is not known."""
        return 0.0

    def fault(self, error: Exception) -> Fault | None:
        """Return what every call would fail with, None if it may pass by itself."""
        if isinstance(error, UnusableAnswer):
            return self._defect(str(error), ACCEPTED)
        if is_refused(error):
            problem, remedy = f"{self.name} was refused ({told(error)})", "check the credentials that it uses"
            return Fault(ReviewerError("reviewer", problem, remedy), 1 if status_of(error) == 401 else _SEVERAL)
        return None if may_pass(error) else self._defect(told(error), self._remedy(error))

    def _defect(self, reason: str, remedy: str) -> Fault:
        return Fault(ReviewerError("reviewer", f"{self.name} fails for every text ({reason})", remedy), TRIED)

    def _remedy(self, error: Exception) -> str:
        if isinstance(error, ImportError):
            return "install what it needs"
        if type(error).__name__ == "NotFittedError":
            return "fit it before, or load one that was fitted"
        if is_estimator(self._function):
            return "name a pipeline that takes texts, as of make_pipeline(TfidfVectorizer(), …)"
        if isinstance(error, _DEFECTS):
            return "this does not pass by itself: fix it"
        return "fix it, or raise a ConnectionError if it may pass by itself"

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
        if "__call__" not in dir(source) and not any(callable(getattr(source, name, None)) for name in METHODS):
            raise self._not_a_classifier()

    def _use(self, holder: object) -> None:
        function = entry_point(holder)
        if function is None:
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
        self._function, self._takes_list = function, takes_list(function)

    def _not_instantiated(self, reason: str) -> ReviewerError:
        return ReviewerError(
            "reviewer",
            f"{self.name} cannot be instantiated without arguments ({reason})",
            _INSTANCE,
        )

    def _not_a_classifier(self) -> ReviewerError:
        return ReviewerError(
            "reviewer",
            f"{self.name} is not a classifier",
            f"it must be callable with a text, or have one of the methods {', '.join(METHODS)}",
        )


def load_classifier(address: str, folders: tuple[Path, ...]) -> OwnClassifier:
    """Import the classifier at `package.module:name`.

    Raises:
        ReviewerError: It does not exist, or importing it fails.
    """
    return OwnClassifier(load_object(address, folders), address)


def load_object(address: str, folders: tuple[Path, ...]) -> Any:
    """Import the object at `package.module:name`.

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
    return source


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
        "reviewer", f"importing {module_name} failed ({told(error)})", "fix it, or install what it needs"
    )


def _remedy_for_missing(package: str, folders: tuple[Path, ...]) -> str:
    sources = [folder / "src" for folder in folders]
    found = next((src for src in sources if (src / package).is_dir() or (src / f"{package}.py").is_file()), None)
    return f"set PYTHONPATH={found}" if found else "it must be package.module:name, importable from there"
