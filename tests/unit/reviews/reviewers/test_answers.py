"""What an LLM answered: read leniently, and refused with a reason where it decides nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.records import Usage
from drift_checks.reviews.reviewers.answers import AnswerReader, answer_schema
from drift_checks.reviews.reviewers.base import UnusableAnswer
from drift_checks.reviews.reviewers.lenient import objects_amid
from drift_checks.reviews.reviewers.llm import Price
from tests.support.classifying import SOUND, ScriptedServer, ask, chat, completion

READER = AnswerReader(["financial", "regulatory risk", "Operational", "a_b", "A_B", "größe"])
SAID = '{"category": "financial", "confidence": 0.5}'
OTHER = '{"category": "Operational"}'
USED = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
PRICE = Price(100_000.0, 100_000.0)
plain = st.text(st.characters(exclude_characters="{}<>[]|◁▷"), max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def refusal_of(content: str) -> str:
    """Return why an answer cannot be used."""
    with pytest.raises(UnusableAnswer) as caught:
        READER.read(content)
    return str(caught.value)


def unusable(*replies: bytes, price: Price | None = None) -> UnusableAnswer:
    """Return what is raised where the endpoint replies with this body."""
    with ScriptedServer(*((200, reply) for reply in replies)) as server, pytest.raises(UnusableAnswer) as caught:
        ask(chat(server, price=price, max_output_tokens=50))
    return caught.value


def test_the_schema_requires_every_key() -> None:
    """Strict endpoints accept no optional or additional keys."""
    schema = answer_schema(["a"])
    assert (schema["required"], schema["additionalProperties"]) == (list(schema["properties"]), False)


@pytest.mark.parametrize(
    "content",
    [
        SAID,
        f"\ufeff {SAID}\n",
        f"```json\n{SAID}\n```",
        f"```\n{SAID}\n```",
        f"Sure! Here it is:\n{SAID}\nI hope that helps.",
        f"The {{category}} is {{so}}: {SAID}",
        f"<think>Is it {OTHER}? No.</think>{SAID}",
        f"<thinking>\nIs it {OTHER}?\n</thinking>\n\n```json\n{SAID}\n```",
        f"<THINK>{OTHER}</THINK>{SAID}<think>{OTHER}</think>",
        f"{SAID}\n{SAID}",
        f"[{SAID}]",
        '{"note": {"category": "Operational"}, "category": "financial"}',
        f"Is it {OTHER}? No.</think>{SAID}",
        f'<think time="3">{OTHER}</think>{SAID}',
        f"<thought>{OTHER}</thought><answer>{SAID}</answer>",
        f"<reasoning>{OTHER}</reasoning>{SAID}",
        f"<seed:think>{OTHER}</seed:think>{SAID}",
        f"[THINK]{OTHER} or {SAID}?[/THINK]{SAID}",
        f"◁think▷{OTHER}◁/think▷{SAID}",
        f"<|begin_of_thought|>{OTHER}<|end_of_thought|>{SAID}",
        f"<|START_THINKING|>{OTHER}<|END_THINKING|>{SAID}",
        f"<|channel|>analysis<|message|>{OTHER}<|end|><|start|>assistant<|channel|>final<|message|>{SAID}<|return|>",
        f"analysisIs it {OTHER}?assistantfinal{SAID}",
        f"I would write {{'category': …, 'confidence': …}}. So: {SAID}",
        json.dumps(SAID),
        json.dumps(json.dumps(SAID)),
        f'{{"decision": {SAID}}}',
        f'{{"decisions": [{SAID}]}}',
        f"[{SAID}, {SAID}]",
    ],
)
def test_finds_the_decision_whatever_stands_around_it(content: str) -> None:
    """A fence, prose, a list and thoughts around the answer are passed over."""
    assert READER.read(content).category == "financial"


@pytest.mark.parametrize(
    "content",
    [
        "{'category': 'financial', 'rationale': None, 'evidence': 'it's so'}",
        '{"category": "financial", "confidence": 0.5,}',
        '{"category": "financial", "rationale": True}',
        '{"category": "financial", // sure\n "confidence": 0.5}',
        '{"category": "financial" /* sure */ } # really',
        '{"Category": "financial", " CONFIDENCE ": 0.5}',
        "{“category”: “financial”}",
        "{”category”: ”financial”}",
        "{‘category’: ‘financial’}",
        '{"evidence": "two\nlines and\ta tab", "category": "financial"}',
        r'{"evidence": "can\'t \d+ C:\dir", "category": "financial"}',
        '{"evidence": "he said "yes" twice", "category": "financial"}',
        '{"category": "financial", "confidence": NaN}',
        '{"category": "financial", "confidence": +0.5}',
        '{"category": "financial", "confidence": 95%}',
        '{category: "financial"}',
    ],
)
def test_reads_an_object_with_small_errors(content: str) -> None:
    """What models write in place of JSON, if there is no doubt what it says."""
    assert READER.read(content).category == "financial"
    assert READER.read(f"Sure!\n```json\n{content}\n```").category == "financial"


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        '{"a":',
        "{'",
        "{'a':",
        "{a:",
        '"',
        '{"',
        '{"a":"x", ',
        '", ',
        "{/*",
        "{x ",
        "<think>",
        "</think>",
        "[{",
        "{“",
    ],
)
def test_hostile_content_is_refused_at_once(unit: str) -> None:
    """The time does not grow with the square of the length: the event loop waits for it."""
    content = '{"a":' + unit * (19_000 // len(unit))
    started = time.process_time()
    refusal_of(content)
    assert time.process_time() - started < 1


@given(before=plain, after=plain)
def test_finds_the_decision_in_any_prose(before: str, after: str) -> None:
    """No text without braces and tags hides the answer."""
    assert READER.read(before + SAID + after).category == "financial"


@pytest.mark.parametrize(
    ("named", "category"),
    [
        ("FINANCIAL", "financial"),
        (" financial\n", "financial"),
        ("Regulatory  Risk", "regulatory risk"),
        ("operational", "Operational"),
        ("a_b", "a_b"),
        ("A_B", "A_B"),
        ("GRÖSSE", "größe"),
        ("ｆｉｎａｎｃｉａｌ", "financial"),
        ("Financial.", "financial"),
        ("'financial'", "financial"),
        ("**regulatory risk**", "regulatory risk"),
        ("regulatory\\_risk", "regulatory risk"),
        (["financial"], "financial"),
    ],
)
def test_takes_a_category_in_another_form(named: object, category: str) -> None:
    """Case, spaces and punctuation around it do not matter unless the taxonomy tells categories apart by them."""
    assert READER.read(json.dumps({"category": named})).category == category


@pytest.mark.parametrize(
    ("stated", "confidence"),
    [
        *((0.25, 0.25), (1, 1.0), (0, 0.0), ("0.25", 0.25), ("0,9", 0.9), (95, 0.95), (100, 1.0), ("95%", 0.95)),
        *((" 0.5 % ", 0.005), ("95,5 %", 0.955), ("1%", 0.01)),
        *((5, None), (10, None), (101, None), ("101%", None), (-0.1, None), (True, None), ("high", None), ({}, None)),
        *((float("nan"), None), (float("inf"), None), (10**400, None)),
    ],
)
def test_reads_a_confidence_from_0_to_1_or_in_percent(stated: object, confidence: float | None) -> None:
    """Of a number from 1 to 10 nobody knows the scale; anything else is no confidence either, which refuses nothing."""
    assert READER.read(json.dumps({"category": "financial", "confidence": stated})).confidence == confidence


@pytest.mark.parametrize("said", [None, 5, "", ["a"], {"a": 1}])
def test_passes_over_a_rationale_that_is_no_text(said: object) -> None:
    """The decision stands without it."""
    assert READER.read(json.dumps({"category": "financial", "rationale": said})).rationale is None


UNDECIDED = [
    "",
    "I am sorry, I cannot say.",
    "financial",
    '"financial"',
    "{}",
    '{"label": "financial"}',
    '{"answer": {"inner": {"category": "financial"}}}',
    '{"answer": {"category": "financial"}, "others": [{"category": "Operational"}]}',
    '{"category": {"type": "string", "enum": ["financial"]}}',
    '{"others": [{"category": "financial"}], "category": "Oper',
    '{"category": "financial", "rationale": "but',
    f'{SAID} {{"category": "Oper',
    "{category: financial}",
    '{"category": ["financial", "Operational"]}',
    '{"Category": "financial", "category": "Operational"}',
    '{"category": "financial or Operational"}',
    '{"evidence": "says ", "category": "Operational", "x": "", "category": "financial"}',
    '{"category": "financial"',
    f"<think>It is {SAID}.</think>",
    '{"category": null}',
    '{"category": ""}',
    '{"category": "of no taxonomy"}',
    '{"category": "' + "x" * 200 + '"}',
    f"{SAID} or rather {OTHER}",
    '{"category": "of no taxonomy"} ' + SAID,
    '{"category": "a_B"}',
    '{"category": "financial", "category": "Operational"}',
    f"<think>Perhaps {SAID}, but",
    "{" * 5000,
    '{"a":' * 3000,
]


@pytest.mark.parametrize("number", range(len(UNDECIDED)))
def test_says_why_an_answer_decides_nothing(number: int, snapshot: SnapshotAssertion) -> None:
    """No object, no category, not in the taxonomy and several that differ are each told apart."""
    assert refusal_of(UNDECIDED[number]) == snapshot


@pytest.mark.parametrize("ending", ["</think>", "words </thinking> more"])
def test_tags_that_an_answer_quotes_are_no_thoughts(ending: str) -> None:
    """A text with such tags, quoted as evidence, takes nothing away from the answer."""
    quoted = {"evidence": f"<think> {ending}", "category": "financial", "rationale": f"It says {ending}."}
    answer = READER.read(json.dumps(quoted))
    assert (answer.evidence, answer.rationale) == (quoted["evidence"], quoted["rationale"])


@given(st.text(st.sampled_from('{}[]":,<>/think category financial\\\n`0e'), max_size=200) | st.text())
def test_any_content_is_read_or_refused(content: str) -> None:
    """Nothing but the reason for a refusal is ever raised."""
    try:
        category = READER.read(content).category
    except UnusableAnswer:
        return
    assert category in {"financial", "Operational", "a_b", "A_B", "größe", "regulatory risk"}


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["category", "confidence", "rationale", "evidence", "x"]), values))
def test_any_object_is_read_or_refused(answer: dict[str, Any]) -> None:
    """Values of any kind under the known keys are read or refused."""
    try:
        confidence = READER.read(json.dumps(answer)).confidence
    except UnusableAnswer:
        return
    assert confidence is None or 0 <= confidence <= 1


@settings(max_examples=50)
@given(st.lists(st.dictionaries(st.text(max_size=5), values, max_size=3), max_size=4), plain)
def test_finds_every_object_in_a_text(objects: list[dict[str, Any]], prose: str) -> None:
    """Each outermost object is found once, in order."""
    written = [json.dumps(item) for item in objects]
    assert [json.dumps(found) for found in objects_amid(prose.join(written))] == written


REPLIES = {
    "prose": completion("I cannot say.", usage=USED),
    "empty": completion("", usage=USED),
    "no content": completion(None, usage=USED),
    "refused": completion(None, refusal="I'm sorry, I can't help with that.", usage=USED),
    "filtered": completion(None, finish_reason="content_filter", usage=USED),
    "cut off": completion('{"category": "fin', finish_reason="length", usage=USED),
    "other category": completion({"category": "of no taxonomy"}, usage=USED),
    "page": b"<html>Welcome to the proxy</html>",
    "nothing": b"",
    "no text": b"\xff\xfe",
    "list": b"[]",
    "text": b'"financial"',
    "null": b"null",
    "object": b"{}",
    "no choice": b'{"choices": []}',
    "error": b'{"error": {"message": "no credits", "code": "no_credits"}}',
}


@pytest.mark.parametrize("reply", REPLIES)
def test_says_what_was_wrong_with_an_endpoint_s_answer(reply: str, snapshot: SnapshotAssertion) -> None:
    """Empty, refused, cut off, of no category, not a chat completion and no JSON are each told apart."""
    assert str(unusable(REPLIES[reply])) == snapshot


@pytest.mark.parametrize(
    "reply",
    [
        b'{"choices": [null]}',
        b'{"choices": [{"message": "financial"}]}',
        b'{"choices": [{"message": {"content": [5]}}]}',
    ],
)
def test_a_reply_that_only_looks_like_a_chat_completion_is_none(reply: bytes) -> None:
    """Choices of another form are an answer that cannot be used."""
    assert "not a chat completion" in str(unusable(reply))


def test_an_answer_that_was_cut_off_is_none() -> None:
    """What can be read of an answer that did not end may not be what it would have decided."""
    for content in (f"Perhaps {json.dumps({'category': 'financial'})}, but", ""):
        assert "raise llm-max-tokens" in str(unusable(completion(content, finish_reason="length")))


@pytest.mark.parametrize("content", ["I cannot say.", "", {"category": "of no taxonomy"}])
def test_an_unusable_answer_has_its_usage_and_model(content: object) -> None:
    """Tokens and cost were spent all the same."""
    error = unusable(completion(content, usage=USED), price=PRICE)
    assert (error.usage, error.model) == (Usage(7, 3, 1.0), "a-model-2026")


def test_reads_a_sound_answer_of_an_endpoint_without_schemas() -> None:
    """An answer in a fence, with prose around it, is taken."""
    fenced = completion(f"Here:\n```json\n{json.dumps(SOUND)}\n```")
    refused = json.dumps({"error": {"message": "'response_format' is not supported"}}).encode()
    with ScriptedServer((400, refused), (200, fenced)) as server:
        assert ask(chat(server)).category == SOUND["category"]
