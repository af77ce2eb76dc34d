"""What each kind of setting accepts and refuses."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.settings import kinds, locations, pairs

FOLDER = Path("/folder")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kinds.whole(1), "1", 1),
        (kinds.size_of_sample(), "7", 7),
        (kinds.size_of_sample(), "auto", None),
        (kinds.share(), "0", 0.0),
        (kinds.share(), "1", 1.0),
        (kinds.any_whole(), "-3", -3),
        (locations.path("it"), "a/b", Path("/folder/a/b")),
        (locations.path("it"), "/a//b/.", Path("/a/b")),
        (locations.path("it"), "a b%20#?ü", Path("/folder/a b%20#?ü")),
        (kinds.word("it"), "two words", "two words"),
        (kinds.choice("a", "b"), "b", "b"),
        (locations.cluster("local"), "local", "local"),
        (locations.cluster("local"), "none", None),
        (locations.cluster("local"), "tcp://scheduler:8786/", "tcp://scheduler:8786"),
        (locations.cluster("local"), "tls://[::1]:8786", "tls://[::1]:8786"),
        (locations.record_address(), "https://app/item/{id}?x={id}", "https://app/item/{id}?x={id}"),
        (kinds.flag(), "Yes", True),
        (kinds.flag(), "OFF", False),
        (kinds.instant(), "2026-01-15", datetime(2026, 1, 15, tzinfo=UTC)),
        (kinds.instant(), "2026-01-15T02:00:00+02:00", datetime(2026, 1, 15, tzinfo=UTC)),
        (pairs.column_pairs(), "text=body, category = label", (("text", "body"), ("category", "label"))),
        (pairs.column_pairs(), 'TEXT=a b,id=x=y,timestamp=q"q', (("text", "a b"), ("id", "x=y"), ("timestamp", 'q"q'))),
        (pairs.column_pairs(), 'text="s,""t",id=k', (("text", 's,"t'), ("id", "k"))),
        (pairs.column_pairs(), 'confidence="s,t"/100', (("confidence", "s,t/100"),)),
        (pairs.column_pairs(), "confidence=a/b,text=a/0", (("confidence", "a/b"), ("text", "a/0"))),
        (kinds.record_ids(), "12, 57,12,a b", ("12", "57", "a b")),
        (pairs.thresholds(), " a = 0.2 : , b=:1,c=off:off ", (("a", 0.2, None), ("b", None, 1), ("c", inf, inf))),
        (pairs.thresholds(), "\n  a=0:0\n  b=1:2\n", (("a", 0, 0), ("b", 1, 2))),
        (pairs.least_numbers(), "\n a = 1 \n b=20,", (("a", 1), ("b", 20))),
    ],
)
def test_a_kind_parses(kind: kinds.AnyKind, text: str, value: object) -> None:
    """A valid text becomes its value."""
    assert kind.parse(text, FOLDER) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (kinds.whole(1), "0"),
        (kinds.whole(1), "1.5"),
        (kinds.share(), "-0.1"),
        (kinds.share(), "1.0001"),
        (kinds.share(), "nan"),
        (kinds.any_whole(), "x"),
        (locations.path("it"), ""),
        (locations.path("it"), "sqlite:///a.db"),
        (kinds.word("it"), ""),
        (kinds.choice("a", "b"), "A"),
        (locations.cluster("local"), "localhost:8786"),
        (locations.cluster("local"), "tcp://scheduler"),
        (locations.cluster("local"), "tcp://ann:secret@scheduler:8786"),
        (locations.cluster("local"), "http://scheduler:8787"),
        (locations.record_address(), "https://app/item"),
        (locations.record_address(), "https://{id}.app/item"),
        (locations.record_address(), "https://ann:secret@app/{id}"),
        (locations.record_address(), "javascript:alert('{id}')"),
        (locations.record_address(), "file:///{id}"),
        (locations.record_address(), "/item/{id}"),
        (locations.record_address(), "https:///{id}"),
        (kinds.flag(), "maybe"),
        (kinds.instant(), "2026-01-15T02:00"),
        (kinds.instant(), "2026-01-15T02:00:00"),
        (kinds.zone(), "Mars/Olympus"),
        (kinds.zone(), "../etc/passwd"),
        (pairs.column_pairs(), "text"),
        (pairs.column_pairs(), "text="),
        (pairs.column_pairs(), "nothing=body"),
        (pairs.column_pairs(), "text=a,text=b"),
        (pairs.column_pairs(), 'text="a,b'),
        (pairs.column_pairs(), "confidence=score/0"),
        (pairs.column_pairs(), "confidence=score/-100"),
        (pairs.column_pairs(), "confidence=score/inf"),
        (kinds.record_ids(), "1,"),
        (pairs.thresholds(), ""),
        (pairs.thresholds(), "class_mix=0.2"),
        (pairs.thresholds(), "=0.2:0.5"),
        (pairs.thresholds(), "class_mix=-0.1:0.5"),
        (pairs.thresholds(), "class_mix=0.2:inf"),
        (pairs.thresholds(), "class_mix=0.2:never"),
        (pairs.thresholds(), "class_mix=0.2:0.5,class_mix=0.3:0.5"),
        (pairs.least_numbers(), "class_mix=0"),
        (pairs.least_numbers(), "class_mix=5,class_mix=6"),
    ],
)
def test_a_kind_refuses(kind: kinds.AnyKind, text: str) -> None:
    """An invalid text raises ValueError."""
    with pytest.raises(ValueError):
        kind.parse(text, FOLDER)


def test_a_zone_keeps_its_name() -> None:
    """As in the time zone database."""
    assert kinds.zone().parse("Europe/Berlin", FOLDER).key == "Europe/Berlin"


KINDS = (
    *(kinds.whole(1), kinds.share(), kinds.any_whole(), kinds.choice("a"), kinds.flag(), kinds.instant(), kinds.zone()),
    *(kinds.record_ids(), locations.record_address(), pairs.column_pairs(), pairs.thresholds(), pairs.least_numbers()),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.allowed[:20])
@given(text=st.text(max_size=30).filter(lambda text: not text.startswith("~")))
def test_a_kind_raises_nothing_else(kind: kinds.Kind[Any], text: str) -> None:
    """Whatever the text, the caller handles the error."""
    with suppress(ValueError, OverflowError):
        kind.parse(text, FOLDER)


@pytest.mark.parametrize("kind", [kinds.flag(), kinds.zone(), kinds.choice("a"), pairs.column_pairs()])
def test_kinds_of_words_list_them(kind: kinds.AnyKind) -> None:
    """So that the nearest can be suggested."""
    assert kind.known()
