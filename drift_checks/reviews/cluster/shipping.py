"""How the user's own classifier gets to the workers: by its address, if they can import it, else with its code."""

from __future__ import annotations

import os
import pickle
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.reviewers.base import Classification, Fault, Request
from drift_checks.reviews.reviewers.failures import describe, told
from drift_checks.reviews.reviewers.own import OwnClassifier, load_classifier

_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
_PACKAGES = f"-packages{os.sep}"


@dataclass(frozen=True)
class OwnShipment:
    """A classifier as it is sent to the workers.

    Attributes:
        name: Its name in reports.
        folders: Folders that may hold the user's modules.
        pickled: The classifier with the code of the modules that are not installed; None if workers import it.
    """

    name: str
    folders: tuple[Path, ...]
    pickled: bytes | None = None

    def unpack(self) -> OwnService:
        """Return the classifier on a worker.

        Raises:
            ReviewerError: The worker cannot import or load it.
        """
        if self.pickled is None:
            return OwnService(load_classifier(self.name, self.folders))
        try:
            source = pickle.loads(self.pickled)  # noqa: S301 - from the run that started this task
        except Exception as error:
            problem = f"{self.name} cannot be loaded on a worker ({told(error)})"
            raise ReviewerError("reviewer", problem, "install what it needs on the workers") from None
        return OwnService(OwnClassifier(source, self.name))


class OwnService:
    """The classifier on a worker: a question is a text, an answer a classification."""

    def __init__(self, classifier: OwnClassifier) -> None:
        self.classifier = classifier

    async def open(self) -> None:
        """Open the classifier."""
        await self.classifier.open()

    async def answer(self, question: str) -> Classification:
        """Return the decision for a text, with the seconds that it took here."""
        started = time.monotonic()
        answer = await self.classifier.classify(Request(Record(0, Stratum.BASELINE, {"text": question})))
        return replace(answer, usage=replace(answer.usage, seconds=time.monotonic() - started))

    def fault(self, error: Exception) -> Fault | None:
        """Return what every call would fail with."""
        return self.classifier.fault(error)

    async def close(self) -> None:
        """Close the classifier."""
        await self.classifier.close()


def shipped(source: object, name: str, folders: tuple[Path, ...], *, is_named: bool, is_local: bool) -> OwnShipment:
    """Return the classifier as it is sent.

    Workers on this machine import a classifier that the setting names. Elsewhere, the code of modules that are not
    installed is sent along, unless that is impossible.

    Args:
        source: What the user named, or what a hook returned.
        name: Its name in reports; its address if `is_named`.
        folders: Folders that may hold the user's modules.
        is_named: Whether the setting names it.
        is_local: Whether the workers are on this machine and see the same files.

    Raises:
        ReviewerError: It cannot be sent, and workers cannot import it.
    """
    if is_named and (is_local or not _is_loose(sys.modules.get(name.partition(":")[0]))):
        return OwnShipment(name, folders)
    try:
        pickled = _pickled_with_code(source)
    except Exception as error:
        if is_named:
            # It may lie on the workers as well.
            return OwnShipment(name, folders)
        problem = f"{name} cannot be sent to the workers of the cluster ({describe(error)})"
        remedy = "name it with --drift-reviewer=package.module:name, which workers import, or omit --drift-cluster"
        raise ReviewerError("reviewer", problem, remedy) from None
    return OwnShipment(name, folders, pickled)


def _pickled_with_code(source: object) -> bytes:
    import cloudpickle

    with ExitStack() as registered:
        for module in _loose_modules():
            registered.enter_context(_by_value(module))
        data: bytes = cloudpickle.dumps(source)
    return data


@contextmanager
def _by_value(module: ModuleType) -> Iterator[None]:
    import cloudpickle

    if module.__name__ in cloudpickle.list_registry_pickle_by_value():
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def _loose_modules() -> list[ModuleType]:
    return [module for module in list(sys.modules.values()) if _is_loose(module)]


def _is_loose(module: ModuleType | None) -> bool:
    """Whether a module is a file of the user that is not installed."""
    file = getattr(module, "__file__", None)
    if module is None or not file or module.__name__.partition(".")[0] in ("drift_checks", "__main__", "__mp_main__"):
        return False
    path = os.path.realpath(file)
    return path.endswith(".py") and _PACKAGES not in path and not path.startswith(_INSTALLED)
