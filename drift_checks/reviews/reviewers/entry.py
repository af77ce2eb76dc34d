"""How what a user names as classifier is called with one text.

It may be a function, an object with `classify`, a scikit-learn estimator, a runnable of langchain or a model with
`predict`, none of which need be imported: they are told apart by their methods.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

METHODS = ("classify", "predict", "invoke")
_LISTS = re.compile(r"(?:typing\.|collections\.abc\.|t\.)?(?:list|sequence|iterable|collection|tuple)\[(?!.*\|)", re.IGNORECASE)
_ARRAYS = re.compile(r"(?:\w+\.)*(?:ndarray|NDArray|Series|ArrayLike)\b(?!.*\|)")
_NAMES_OF_LISTS = {"texts", "documents", "docs", "sentences", "batch", "instances", "X"}


def entry_point(holder: object) -> Callable[..., Any] | None:
    """Return the function to call with a text, None if there is none."""
    classify, predict, invoke = (getattr(holder, name, None) for name in METHODS)
    if callable(classify):
        return classify
    if inspect.isroutine(holder) or isinstance(holder, type | partial):
        return holder if callable(holder) else None
    if callable(predict) and hasattr(holder, "fit"):
        return partial(_predict_one, holder)
    return next((found for found in (invoke, holder, predict) if callable(found)), None)


def takes_list(function: Callable[..., Any]) -> bool:
    """Whether a function classifies a list of texts, by the annotation or the name of its first parameter."""
    try:
        first = next(iter(inspect.signature(function).parameters.values()), None)
    except (TypeError, ValueError):
        return False
    if first is None:
        return False
    if first.annotation is inspect.Parameter.empty:
        return first.name in _NAMES_OF_LISTS
    annotation = first.annotation
    written = annotation if isinstance(annotation, str) else _written(annotation)
    return bool(_LISTS.match(written) or _ARRAYS.match(written) or written in ("list", "tuple"))


def is_estimator(function: object) -> bool:
    """Whether the entry point is that of a scikit-learn estimator."""
    return isinstance(function, partial) and function.func is _predict_one


def _predict_one(estimator: Any, text: str) -> dict[str, object]:
    """Return what an estimator of scikit-learn's kind predicts for a text, with the probability of that class."""
    category = list(estimator.predict([text]))[0]
    confidence = None
    # Not every estimator has probabilities.
    with suppress(Exception):
        confidence = estimator.predict_proba([text])[0][list(estimator.classes_).index(category)]
    return {"category": category, "confidence": confidence}


def _written(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation)
