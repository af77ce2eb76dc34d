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
_LIST = re.compile(r"(?:\w+\.)*(?:list|sequence|iterable|collection|tuple|ndarray|series)(?:\[.*)?", re.IGNORECASE)
_NAMES_OF_LISTS = {"texts", "documents", "docs", "sentences", "batch", "instances", "X"}


def entry_point(holder: Any) -> Callable[..., Any] | None:
    """Return the function to call with a text, None if there is none."""
    classify, predict, invoke = (getattr(holder, name, None) for name in METHODS)
    if inspect.isroutine(holder) or isinstance(holder, partial):
        candidates = [classify, holder]
    elif callable(predict) and hasattr(holder, "fit"):
        candidates = [classify, partial(_predict_one, holder)]
    else:
        candidates = [classify, invoke, holder, predict]
    return next((found for found in candidates if callable(found)), None)


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
    is_class = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    written = annotation.__name__ if is_class else str(annotation)
    # What also takes something else takes a text.
    return bool(_LIST.fullmatch(written)) and "|" not in written


def is_estimator(function: object) -> bool:
    """Whether the entry point is that of a scikit-learn estimator."""
    return isinstance(function, partial) and function.func is _predict_one


def _predict_one(estimator: Any, text: str) -> dict[str, object]:
    """Return what an estimator of scikit-learn's kind predicts for a text, with the probability of that class."""
    category = next(iter(estimator.predict([text])))
    confidence = None
    # Not every estimator has probabilities.
    with suppress(Exception):
        confidence = estimator.predict_proba([text])[0][list(estimator.classes_).index(category)]
    return {"category": category, "confidence": confidence}
