"""Variants of a text with the same meaning."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.variants import VARIANTS, variants_of
from tests.support.thorough import repetitions

QUOTES = str.maketrans("‘’“”", "''\"\"")
FOOTER = re.compile(r"\n\n(?:Page |Table of Contents\n)?\d+\Z", re.IGNORECASE)
PLAIN = 'The "lessee" shall not\tassign this naïve café lease; it\'s void.\n\nSee § 12.'
STRANGE = {
    "empty": "",
    "a space": " ",
    "line feeds": "\n\n\n",
    "no letters": "1234 5678",
    "one letter": "x",
    "capitals": "ALL IN CAPITALS",
    "decomposed": "cafe\u0301 nai\u0308ve",
    "curly": "“It’s here”",
    "braces": "{page} {} {0} %s",
    "another script": "契約は無効です。",
    "no case": "לא ניתן להעביר",
    "sharp s": "Straße",
    "Turkish": "İstanbul'da",
    "emoji": "👩\u200d⚖️ judge",
    "half of a pair": "bad \ud800 text",
    "nul": "a\0b",
    "right to left": "a\u202eb c",
    "long": "word " * 5000,
    "a footer of its own": "The end.\n\nPage 3",
}


def record(text: object, **further: object) -> Record:
    """Return a record with this text."""
    return Record(7, Stratum.OLD, {"id": 7, "text": text, "category": "lease", **further})


def words(text: str) -> list[str]:
    """Return the words, with no regard to case, white space, normal forms and quotes."""
    for _ in range(2):
        text = unicodedata.normalize("NFD", text.casefold().upper().casefold())
    return text.translate(QUOTES).split()


def keeps_words(text: str, changed: str) -> bool:
    """Whether all words are there and none besides, but those of a footer."""
    return words(text) in (words(changed), words(FOOTER.sub("", changed)))


TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("ab Éé'\"’“\n\t{}ßſµΣςǅ\u0301"), max_size=30),
    st.sampled_from(sorted(STRANGE.values())),
)
NESTED = settings(max_examples=repetitions(8, 60), suppress_health_check=list(HealthCheck))


@NESTED
@given(text=TEXTS, number=st.integers(0, 6))
def test_variants_differ_from_the_text_and_from_each_other(text: str, number: int) -> None:
    """They keep the words, are the same every time, and at most as many as requested."""
    variants = variants_of(record(text), number)
    texts = [variant.text for variant in variants]
    assert len({text, *texts}) == len(texts) + 1
    assert min(number, VARIANTS) <= len(texts) <= number
    assert [changed for changed in texts if not keeps_words(text, changed)] == []
    assert variants_of(record(text), number) == variants


@pytest.mark.parametrize("strange", STRANGE)
def test_strange_texts_have_variants(strange: str) -> None:
    """Each of its words, and nothing else changed."""
    text = STRANGE[strange]
    forms = variants_of(record(text))
    assert len(forms) == VARIANTS
    assert all(form.text != text and keeps_words(text, form.text) for form in forms)


def test_a_plain_text_is_changed_in_every_way() -> None:
    """White space, case, normal forms, quotes and a footer."""
    changed = [form.text for form in variants_of(record(PLAIN), 12)]
    spoken = [FOOTER.sub("", text) for text in changed]
    assert PLAIN.upper() in changed
    assert PLAIN.lower() in changed
    assert any(text.split() == PLAIN.split() and text != PLAIN for text in spoken)
    assert any(text == PLAIN != full for text, full in zip(spoken, changed, strict=True))
    assert any("’" in text for text in changed)
    assert any(unicodedata.is_normalized("NFD", text) for text in changed)


def test_the_rest_of_the_record_stays() -> None:
    """Id, stratum, category and all other values; a text that is not text is changed as it is read."""
    form = variants_of(record(PLAIN, confidence=0.5))[0]
    assert (form.id, form.stratum, form.category) == (7, Stratum.OLD, "lease")
    assert {**form.values, "text": PLAIN} == record(PLAIN, confidence=0.5).values
    for odd in (record(None), record(b"bytes \xff here")):
        assert all(isinstance(form.values["text"], str) for form in variants_of(odd))
        assert all(keeps_words(odd.text, form.text) for form in variants_of(odd))


def test_variants_are_the_same_in_any_process(tmp_path: Path) -> None:
    """Whatever its hash seed, and whatever modules are loaded: a resumed run reviews the same texts."""
    numbers = ", ".join(map(str, range(200, 291)))
    (tmp_path / "loaded.py").write_text(f"NUMBERS = [{numbers}]", encoding="utf-8")
    program = f"""
import loaded
from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.variants import variants_of
for number in range(5):
    variants = variants_of(Record(7, Stratum.OLD, {{"id": 7, "text": {PLAIN!r} + str(number), "category": "lease"}}))
    print(ascii([variant.text for variant in variants]))
"""
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, env=environment, text=True)
    expected = [variants_of(record(f"{PLAIN}{number}")) for number in range(5)]
    assert run.stdout.splitlines() == [ascii([variant.text for variant in variants]) for variants in expected]


def test_no_folder_is_left_in_the_current_one(tmp_path: Path) -> None:
    """Hypothesis keeps what it found in the modules of a program."""
    (tmp_path / "loaded.py").write_text("NUMBERS = [200, 201]", encoding="utf-8")
    program = """
import loaded, os
from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.variants import variants_of
before = dict(os.environ)
assert variants_of(Record(7, Stratum.OLD, {"id": 7, "text": "a text", "category": "lease"}))
assert dict(os.environ) == before
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, env=environment)
    assert {path.name for path in tmp_path.iterdir()} == {"loaded.py", "cache"}


def test_a_very_long_text_has_no_variants() -> None:
    """They would be held at once."""
    assert variants_of(record("word " * 40_000))
    assert variants_of(record("word " * 40_001)) == []
