"""The file of a gold set."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import SettingError
from drift_checks.reviews.anchors import GoldLine
from drift_checks.reviews.gold import read_gold

CATEGORIES = ("card_arrival", "lost card", "fraud")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from(CATEGORIES)), min_size=1, unique_by=lambda row: row[0])


def lines(tmp_path: Path, content: str | bytes, name: str = "gold.csv", *, is_complete: bool = True) -> list[GoldLine]:
    """Return the lines of a file with this content."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_gold(path, CATEGORIES, is_complete=is_complete)


@given(rows=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_is_read_as_it_was_written(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    """Both formats hold any text, line breaks and quotes included."""
    written = StringIO(newline="")
    csv.writer(written).writerows([("text", "category"), *rows])
    as_json = "\n".join(json.dumps({"text": text, "category": category}) for text, category in rows)
    for content, name in ((written.getvalue(), "gold.csv"), (as_json, "gold.jsonl")):
        found = lines(tmp_path, content, name)
        assert [(line.text, *line.right) for line in found] == rows


@given(st.text(max_size=200), st.sampled_from(["gold.csv", "gold.jsonl"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_content_is_refused_in_one_sentence(tmp_path: Path, content: str, name: str) -> None:
    """Never with a traceback."""
    try:
        assert lines(tmp_path, content.encode("utf-8", "surrogatepass"), name)
    except SettingError as error:
        assert "\n" not in str(error).replace(content, "")  # noqa: PT017 - some contents are valid


def test_a_spreadsheet_may_write_semicolons_and_long_texts(tmp_path: Path) -> None:
    """After a byte order mark, with the line ends of Windows."""
    (found,) = lines(tmp_path, f"\ufefftext;category\r\n{'my, card ' * 20_000};fraud\r\n")
    assert (found.text, found.right) == ("my, card " * 20_000, frozenset({"fraud"}))


def test_a_line_may_have_an_id_a_text_or_both(tmp_path: Path) -> None:
    """Ids are compared with those of the store as text."""
    found = lines(tmp_path, "id,text,category,note\n7,,fraud,x\n,my card,lost card,\nab-1,help,fraud,\n")
    assert [(line.record_id, line.text) for line in found] == [("7", ""), ("", "my card"), ("ab-1", "help")]
    assert lines(tmp_path, '{"id": 7, "category": "fraud"}\n\n', "gold.jsonl") == [
        GoldLine(1, frozenset({"fraud"}), "7")
    ]


def test_several_categories_may_be_right(tmp_path: Path) -> None:
    """As a list, or separated in a cell."""
    both = frozenset({"fraud", "lost card"})
    assert lines(tmp_path, "text,category\nhelp,fraud|lost card\n")[0].right == both
    assert lines(tmp_path, '{"text": "help", "category": ["fraud", "lost card"]}', "gold.jsonl")[0].right == both


def test_another_spelling_of_a_category_is_read_as_a_reviewer_s_answer_is(tmp_path: Path) -> None:
    """Case, spaces, hyphens and underscores do not matter; a spreadsheet's byte order mark neither."""
    found = lines(tmp_path, "\ufeffText,Category\na,Card Arrival\nb,LOST_CARD\n")
    assert [set(line.right) for line in found] == [{"card_arrival"}, {"lost card"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gold.csv", ""),
        ("gold.csv", "text,label\nhelp,fraud\n"),
        ("gold.csv", "id,category\n"),
        ("gold.csv", "id,category\n,fraud\n"),
        ("gold.csv", "text,category\nhelp,\n"),
        ("gold.csv", "text,category\nhelp, with a comma,fraud\n"),
        ("gold.csv", 'text,category\n"help,fraud\n'),
        ("gold.csv", "text,category\nhelp,frau\n"),
        ("gold.csv", "text,category\nhelp,fraud\nhelp,lost card\n"),
        ("gold.csv", "id,category\n7,fraud\n7,fraud\n"),
        ("gold.jsonl", '{"text": "help", "category": "fraud"}\n{"text": \n'),
        ("gold.jsonl", '["help", "fraud"]'),
        ("gold.jsonl", '{"text": "help", "category": 3}'),
        ("gold.jsonl", '{"text": "help", "category": ["fraud", "loan"]}'),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(
    tmp_path: Path, name: str, content: str, snapshot: SnapshotAssertion
) -> None:
    """The sentence says what is wrong and what to write."""
    with pytest.raises(SettingError) as caught:
        lines(tmp_path, content, name)
    assert str(caught.value).replace(f"{tmp_path}/", "") == snapshot


def test_a_file_that_is_missing_or_not_utf_8_is_refused(tmp_path: Path) -> None:
    """As every file that a setting names."""
    with pytest.raises(SettingError, match="cannot be read"):
        read_gold(tmp_path / "none.csv", CATEGORIES, is_complete=True)
    with pytest.raises(SettingError, match="is not UTF-8"):
        lines(tmp_path, b"text,category\nf\xfcr,fraud\n")


def test_a_category_that_no_record_has_is_refused_only_beside_a_taxonomy(tmp_path: Path) -> None:
    """A store that lost a category must not end its own review."""
    (found,) = lines(tmp_path, "text,category\nhelp,loan|fraud\n", is_complete=False)
    assert found.right == {"loan", "fraud"}
    assert found.unknown == "loan"
