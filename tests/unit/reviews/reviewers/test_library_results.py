"""What libraries return, read without them; objects are shaped as their documentation shows."""

from __future__ import annotations

import json
from collections import namedtuple
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.records import Usage
from drift_checks.reviews.reviewers.base import Classification, UnusableAnswer
from drift_checks.reviews.reviewers.results import read_result

JSON = '{"category": "financial", "confidence": 0.5}'
A, B = {"label": "financial", "score": 0.5}, {"label": "other", "score": 0.2}
Scored = namedtuple("Scored", "score label")


class Kind(Enum):
    """Categories whose values are no names."""

    financial = (1, "money")


class Text(SimpleNamespace):
    """A block of text, as anthropic returns it."""

    type = "text"


def chat(content: object, **message: Any) -> SimpleNamespace:
    """Return what openai's client returns."""
    choice = SimpleNamespace(index=0, message=SimpleNamespace(role="assistant", content=content, **message))
    usage = SimpleNamespace(prompt_tokens=7, completion_tokens=3, total_tokens=10)
    return SimpleNamespace(id="1", object="chat.completion", model="gpt", choices=[choice], usage=usage)


WITH_CONFIDENCE: dict[str, object] = {
    "Hugging Face": [A],
    "Hugging Face, one": A,
    "Hugging Face, a list": [[A]],
    "Hugging Face, top_k": [[A, B]],
    "Hugging Face, not sorted": [B, A],
    "Hugging Face, zero shot": {"sequence": "a text", "labels": ["financial", "other"], "scores": [0.5, 0.2]},
    "fastText": (("financial",), np.array([0.5])),
    "fastText, two": (("financial", "other"), np.array([0.5, 0.2])),
    "spaCy": SimpleNamespace(text="what was asked", cats={"other": 0.2, "financial": 0.5}),
    "scores": {"other": 0.2, "financial": 0.5},
    "pairs": [("other", 0.2), ("financial", 0.5)],
    "reversed": (0.5, "financial"),
    "named tuple": Scored(0.5, "financial"),
    "arrays": {"label": np.array(["financial"]), "score": np.array([[0.5]])},
    "AWS Comprehend": {"Name": "financial", "Score": 0.5},
    "intent": {"intent": {"name": "financial", "confidence": 0.5}, "text": "what was asked"},
    "prediction": {"prediction": "financial", "probability": "0.5"},
    "class": SimpleNamespace(class_="financial", prob=0.5, text="what was asked"),
    "enum": {"topic": Kind.financial, "confidence": 0.5},
    "JSON": JSON,
    "JSON of other keys": '{"Label": "financial", "Score": 0.5}',
    "fenced JSON": f"```json\n{JSON}\n```",
    "JSON amid prose": f"Sure, here it is: {JSON} Anything else?",
    "JSON after thoughts": f'<think>{{"category": "other"}}</think>{JSON}',
    "a list of JSON": f"[{JSON}]",
    "message of JSON": SimpleNamespace(content=JSON, type="ai"),
    "parsed": chat(JSON, parsed=SimpleNamespace(category="financial", confidence=0.5)).choices[0],
}
NAMES: dict[str, object] = {
    "numpy's text": np.str_("financial"),
    "array": np.array(["financial"]),
    "array of objects": np.array([["financial"]], dtype=object),
    "enum": Kind.financial,
    "list": ["financial"],
    "same twice": [{"label": "financial"}, {"label": "financial"}],
    "langchain": SimpleNamespace(content="financial", type="ai", additional_kwargs={}),
    "langchain, blocks": SimpleNamespace(
        content=[{"type": "thinking", "text": "so"}, {"type": "text", "text": "financial"}]
    ),
    "anthropic": SimpleNamespace(type="message", content=[Text(text="financial")]),
    "Gemini": SimpleNamespace(candidates=[object()], text="financial"),
    "openai's responses": SimpleNamespace(object="response", output_text="financial"),
    "thoughts": "<think>Money, so</think>financial",
}
OLLAMA = {
    "model": "llama",
    "message": {"role": "assistant", "content": "financial"},
    "prompt_eval_count": 7,
    "eval_count": 3,
}


@pytest.mark.parametrize("form", WITH_CONFIDENCE)
def test_reads_category_and_confidence(form: str) -> None:
    """The likeliest category decides."""
    assert read_result(WITH_CONFIDENCE[form]) == Classification("financial", 0.5)


@pytest.mark.parametrize("form", NAMES)
def test_reads_a_category_alone(form: str) -> None:
    """Whatever is around it."""
    assert read_result(NAMES[form]) == Classification("financial")


@pytest.mark.parametrize(
    "answer", [chat("financial"), OLLAMA, SimpleNamespace(**OLLAMA)], ids=["openai", "dict", "object"]
)
def test_reads_the_response_of_a_chat_client(answer: Any) -> None:
    """With its tokens and its model."""
    model = OLLAMA["model"] if answer is OLLAMA else answer.model
    assert read_result(answer) == Classification("financial", model=str(model), usage=Usage(7, 3))


@pytest.mark.parametrize(
    "number", [3, np.int64(3), np.array([3]), np.array(3), [np.int8(3)], {"label": 3}, (3, 0.5)], ids=repr
)
def test_a_whole_number_is_a_category(number: object) -> None:
    """It is compared with the stored one as text."""
    assert read_result(number).category == "3"


@pytest.mark.parametrize(
    "result",
    [
        *(
            0.93,
            True,
            np.array([0.1, 0.9]),
            ["a", "b"],
            [0, 1, 0],
            {"a": 0.5, "b": 0.5},
            [A, {"label": "b", "score": 0.5}],
        ),
        *(
            {"label": "a", "intent": "b"},
            {"label": True},
            {"text": "what was asked", "score": 0.9},
            str,
            {"a": 2, "b": 1},
        ),
        *('{"category": "a"', '{"category": "a"} {"category": "b"}', "It is about money. " * 20, "One.\nTwo."),
        *(
            "x" * 30_000,
            chat(""),
            SimpleNamespace(content=[]),
            [[], []],
            {"category": "a" * 9, "category ": "b"},
            iter("a"),
        ),
    ],
    ids=lambda result: str(result)[:20],
)
def test_what_may_mean_several_things_is_refused(result: object, snapshot: SnapshotAssertion) -> None:
    """In a sentence that shows the answer, shortened."""
    if isinstance(result, dict) and "category" in result:
        assert read_result(result).category == "a" * 9
        return
    with pytest.raises(UnusableAnswer) as refused:
        read_result(result)
    assert str(refused.value).partition(" object at 0x")[0] == snapshot


def test_an_object_that_cannot_be_shown_is_refused() -> None:
    """Its properties and its `repr` run the user's code."""

    class Broken:
        @property
        def category(self) -> str:
            raise RuntimeError

        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(UnusableAnswer, match="returned a Broken, which has no category"):
        read_result(Broken())


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([JSON, "{", "[{]}", "<think>"])
)
KEYS = (
    st.sampled_from(["category", "label", "score", "content", "message", "choices", "usage", "text", "type"])
    | st.text()
)


@settings(max_examples=80)
@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)))
def test_any_nested_result_is_read_or_unusable(result: Any) -> None:
    """As Python values, as attributes and as JSON."""
    for form in (result, SimpleNamespace(**result) if isinstance(result, dict) else (result,), json.dumps(result)):
        try:
            answer = read_result(form)
        except UnusableAnswer:
            continue
        assert answer.category.strip()
        assert answer.confidence is None or 0 <= answer.confidence <= 1


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1).filter(str.strip), st.integers(0, 100), min_size=2))
def test_the_highest_score_wins_in_every_form(scores: dict[str, int]) -> None:
    """As a mapping, as a list of mappings and as fastText's pair; a tie is unusable."""
    shares = {f"c{name}": score / 100 for name, score in scores.items()}
    likeliest = [name for name, share in shares.items() if share == max(shares.values())]
    forms: tuple[object, ...] = (
        shares,
        [{"label": name, "score": share} for name, share in shares.items()],
        (tuple(shares), np.array(list(shares.values()))),
    )
    for form in forms:
        if len(likeliest) == 1:
            assert read_result(form).category == likeliest[0]
        else:
            with pytest.raises(UnusableAnswer):
                read_result(form)
