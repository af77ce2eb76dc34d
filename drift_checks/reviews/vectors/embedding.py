"""Vectors that the user's function, or a model of sentence-transformers, makes from texts."""

from __future__ import annotations

import hashlib
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drift_checks.core.errors import DriftError, ReviewerError, SettingError
from drift_checks.core.text import printable
from drift_checks.reviews.reviewers.failures import describe
from drift_checks.reviews.reviewers.own import load_object
from drift_checks.reviews.vectors.exact import Matrix, unit
from drift_checks.settings.classifiers import is_address

_PACKAGE = Path(__file__).parents[2]
_MUST = "it must return an array of shape (number of texts, dimension), of finite numbers"


class EmbeddingVectoriser:
    """Calls a function from a list of texts to an array of shape (texts, dimension).

    `identity` tells it from other functions and other versions; it is empty if nothing can.
    """

    remark = ""

    def __init__(self, name: str, function: Callable[[list[str]], Any], identity: Sequence[str] = ()) -> None:
        self.basis = f"vectors made by {name}"
        self.identity = tuple(identity)
        self._name = name
        self._function = function
        self._dimension: int | None = None

    def fit(self, texts: Iterator[Sequence[str]]) -> None:
        """Do nothing: the function knows already how to embed a text."""

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Return the vectors of these texts.

        Raises:
            SettingError: The function failed, or returned something else.
        """
        try:
            returned = self._function(list(texts))
        except (KeyboardInterrupt, DriftError):
            raise
        except BaseException as error:
            problem = f"{self._name} failed{_place_of(error)} ({describe(error)})"
            raise SettingError("embedding", problem, "fix it, or omit --drift-embedding") from None
        return unit(self._checked(returned, len(texts)))

    def _checked(self, returned: Any, number: int) -> Matrix:
        try:
            # Tensors on a GPU are moved here.
            vectors = np.asarray(returned.cpu() if hasattr(returned, "cpu") else returned, dtype=np.float32)
        except Exception as error:
            problem = f"{self._name} did not return an array of numbers ({describe(error)})"
            raise SettingError("embedding", problem, _MUST) from None
        if vectors.ndim != 2 or len(vectors) != number or not vectors.shape[1]:
            problem = f"{self._name} returned an array of shape {vectors.shape} for {number} texts"
            raise SettingError("embedding", problem, _MUST)
        if self._dimension not in (None, vectors.shape[1]):
            problem = f"{self._name} returned vectors of {self._dimension} and of {vectors.shape[1]} numbers"
            raise SettingError("embedding", problem, _MUST)
        if not np.isfinite(vectors).all():
            raise SettingError("embedding", f"{self._name} returned numbers that are not finite", _MUST)
        self._dimension = vectors.shape[1]
        return vectors


def load_embedding(name: str, folders: tuple[Path, ...]) -> EmbeddingVectoriser:
    """Return the vectoriser of the setting `embedding`.

    Raises:
        SettingError: There is no such function or model.
    """
    if not is_address(name):
        model = _load_model(name)
        library = getattr(sys.modules.get("sentence_transformers"), "__version__", None)
        return EmbeddingVectoriser(name, model, () if library is None else (name, library))
    try:
        found = load_object(name, folders)
    except ReviewerError as error:
        raise SettingError("embedding", error.problem, error.remedy) from None
    if isinstance(found, type):
        raise SettingError("embedding", f"{name} is a class", "name a function, or an instance that can be called")
    if not callable(found):
        raise SettingError("embedding", f"{name} cannot be called", "name a function from a list of texts to an array")
    return EmbeddingVectoriser(name, found, _identity_of(name))


def _identity_of(name: str) -> tuple[str, ...]:
    """Return the name of a function with the digest of its file."""
    file = getattr(sys.modules.get(name.partition(":")[0]), "__file__", None)
    try:
        return () if file is None else (name, hashlib.sha256(Path(file).read_bytes()).hexdigest())
    except OSError:
        return ()


def _load_model(name: str) -> Callable[[list[str]], Any]:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        if error.name != "sentence_transformers":
            problem = f"sentence-transformers cannot be loaded ({describe(error)})"
            raise SettingError("embedding", problem, "install it again") from None
        raise SettingError(
            "embedding",
            f"the model {printable(name)!r} needs sentence-transformers, which is not installed",
            "install it with pip install 'drift-checks[sentence-transformers]', or name your own function with"
            " --drift-embedding=package.module:name",
        ) from None
    try:
        model = SentenceTransformer(name)
    except Exception as error:
        problem = f"the model {printable(name)!r} cannot be loaded ({describe(error)})"
        raise SettingError("embedding", problem, "check its name and the network") from None
    return lambda texts: model.encode(texts, show_progress_bar=False)


def _place_of(error: BaseException) -> str:
    """Return the place in the user's code, as in ` in embed.py, line 12`."""
    library = sysconfig.get_paths()
    outside = (str(_PACKAGE), library["stdlib"], library["purelib"], library["platlib"], sys.prefix)
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if not frame.filename.startswith(outside)), None)
    return "" if place is None else f" in {place.filename}, line {place.lineno}"
