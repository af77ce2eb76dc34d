"""What a classifier of the user's own may return."""

from __future__ import annotations

import enum
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from drift_checks.core.records import Usage
from drift_checks.reviews.reviewers.answers import read_confidence
from drift_checks.reviews.reviewers.base import Classification, UnusableAnswer
from drift_checks.reviews.reviewers.results import read_result

Positional = namedtuple("Positional", "label score")


class Kind(enum.Enum):
    """Categories as an enumeration."""

    FINANCIAL = "financial"


class TextKind(enum.StrEnum):
    """Categories as an enumeration of texts."""

    FINANCIAL = "financial"


class Named(NamedTuple):
    """A result whose category does not stand first."""

    confidence: float
    category: str


@dataclass
class Decided:
    """A result as an object."""

    category: object = "financial"
    confidence: object = 0.5


class Model(BaseModel):
    """A result as pydantic makes it."""

    category: str = "financial"
    confidence: float = 0.5


RESULTS: dict[str, object] = {
    "mapping": {"category": "financial", "confidence": 0.5},
    "tuple": ("financial", 0.5),
    "list": ["financial", 0.5],
    "named tuple in another order": Named(0.5, "financial"),
    "named tuple of other names": Positional("financial", 0.5),
    "dataclass": Decided(),
    "pydantic": Model(),
    "namespace": SimpleNamespace(category="financial", confidence=0.5),
    "enum": {"category": Kind.FINANCIAL, "confidence": 0.5},
    "enum of texts": (TextKind.FINANCIAL, 0.5),
    "three": ("financial", 0.5, "more"),
}


@pytest.mark.parametrize("form", RESULTS)
def test_reads_results_of_every_form(form: str) -> None:
    """Category and confidence are found by name, or else by position."""
    assert read_result(RESULTS[form]) == Classification("financial", 0.5)


@pytest.mark.parametrize("result", ["financial", ("financial",), {"category": "financial"}, Kind.FINANCIAL])
def test_needs_no_confidence(result: object) -> None:
    """A category alone is an answer."""
    assert read_result(result) == Classification("financial")


@pytest.mark.parametrize("result", [None, "", " ", {}, (), [], {"name": "a"}, (None, 0.5), Decided(None), 0.5, b"x"])
def test_a_result_without_category_is_unusable(result: object) -> None:
    """The failure quotes what was returned."""
    with pytest.raises(UnusableAnswer, match="which has no category"):
        read_result(result)


@pytest.mark.parametrize("category", [["a", "b"], {"a": 1}, object(), float("nan")])
def test_a_category_that_is_neither_text_nor_enum_is_none(category: object) -> None:
    """A list of categories, a mapping or an object decides nothing."""
    with pytest.raises(UnusableAnswer):
        read_result({"category": category})


def test_takes_over_what_else_a_result_holds() -> None:
    """Rationale, evidence, model and tokens are those of the result."""
    held: dict[str, Any] = {"rationale": "why", "evidence": "words", "model": "m", "input_tokens": np.int64(5)}
    assert read_result({"category": "a", "output_tokens": 3, **held}) == Classification(
        "a", rationale="why", evidence="words", model="m", usage=Usage(5, 3)
    )


class Heavy:
    """Is no number, and says so in its own way, as torch's tensors of several elements do."""

    def __float__(self) -> float:
        raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")


@pytest.mark.parametrize(
    ("value", "confidence"),
    [
        *((0, 0.0), (1, 1.0), (" 0.5 ", 0.5), (Fraction(1, 2), 0.5), (np.float32(0.5), 0.5), (np.array(0.5), 0.5)),
        *((-0.1, None), (1.1, None), (True, None), (None, None), ("high", None), (np.bool_(True), None)),
        *((float("nan"), None), (float("inf"), None), (Decimal("sNaN"), None), (1j, None), ([0.5], None)),
        *((np.array([0.5, 0.6]), None), (10**400, None), (Heavy(), None), (Fraction(10**400), None)),
    ],
)
def test_reads_a_confidence_from_0_to_1(value: object, confidence: float | None) -> None:
    """Numbers of any library and texts of numbers are read, anything else is none."""
    assert read_confidence(value) == confidence


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(), st.lists))
def test_any_result_is_read_or_unusable(result: object) -> None:
    """Nothing but the refusal is ever raised."""
    try:
        answer = read_result(result)
    except UnusableAnswer:
        return
    assert answer.category
