"""The user's gold set: a CSV or JSON lines file of texts, or ids of records, with the categories that are right."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from drift_checks.core.errors import SettingError, nearest
from drift_checks.core.files import read_plain
from drift_checks.core.plain import read_json
from drift_checks.core.tables import csv_rows
from drift_checks.core.text import count, quoted
from drift_checks.reviews.anchors import GoldLine
from drift_checks.reviews.reviewers.answers import AnswerReader

SETTING = "gold"
# Between several right categories in a CSV file.
SEPARATOR = "|"
_LARGEST = 16 * 1024**2
_NEEDED = "each line needs a category, and the id of a record, a text, or both"


def read_gold(path: Path, categories: Iterable[str], *, is_complete: bool) -> list[GoldLine]:
    """Return the lines of a gold set, its categories as the taxonomy spells them.

    Args:
        path: The file.
        categories: Those of the taxonomy, or of the store.
        is_complete: Whether there are no other categories. Those of a store may be missing because it drifted.

    Raises:
        SettingError: The file cannot be read, a line is malformed, or two lines have the same id or text.
    """
    try:
        # With the line breaks as they are: a text must be that of the store.
        content = read_plain(path, _LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise SettingError(SETTING, f"{path} cannot be read ({error.strerror})", "name a CSV or JSONL file") from None
    except UnicodeDecodeError:
        raise SettingError(SETTING, f"{path} is not UTF-8", "save it in that encoding") from None
    known = list(categories)
    reader = AnswerReader(known)
    found: dict[tuple[str, str], int] = {}
    lines = []
    for number, row in _rows(path, content):
        named = _categories(row, reader, path, number)
        unknown = next((name for name, category in named.items() if category is None), "")
        if unknown and is_complete:
            allowed = f"it must be one of the {count(len(known), 'category')} of the taxonomy"
            raise _refused(path, number, f"has the category {quoted(unknown)}", allowed, nearest(unknown, known))
        right = frozenset(category or name for name, category in named.items())
        line = GoldLine(number, right, _cell(row, "id"), _cell(row, "text"), unknown)
        if not line.record_id and not line.text.strip():
            raise _refused(path, number, "has neither an id nor a text", _NEEDED)
        for name, value in (("id", line.record_id), ("text", line.text)):
            if value and (earlier := found.setdefault((name, value), number)) != number:
                several = f'["a", "b"] in JSONL or a{SEPARATOR}b in CSV'
                raise _refused(
                    path,
                    number,
                    f"repeats the {name} of line {earlier}",
                    f"keep one; for several right categories, write {several}",
                )
        lines.append(line)
    if not lines:
        raise SettingError(SETTING, f"{path} has no lines", _NEEDED)
    return lines


def _rows(path: Path, content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        yield from _json_rows(path, content)
        return
    reader = csv_rows(content, strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        if "category" not in names or not {"id", "text"} & set(names):
            there = ", ".join(map(quoted, names)) or "none"
            raise SettingError(SETTING, f"{path} has the columns {there}", "it needs category, and id, text, or both")
        for row in reader:
            if None in row or None in row.values():
                raise _refused(
                    path,
                    reader.line_num,
                    f"does not have {count(len(names), 'cell')}",
                    "put a text with commas or line breaks in double quotes",
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise _refused(path, reader.line_num, f"is not CSV ({error})", "put texts in double quotes") from None


def _json_rows(path: Path, content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = read_json(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise _refused(path, number, "is not a JSON object", 'write one, as in {"text": "…", "category": "…"}')
        yield number, row


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def _categories(row: Mapping[str, Any], reader: AnswerReader, path: Path, number: int) -> dict[str, str | None]:
    """Return the names in the line, each with the category that it means; None if that is unknown."""
    value = row.get("category")
    if isinstance(value, str) and (whole := reader.category_named(value)):
        return {value: whole}
    named = value.split(SEPARATOR) if isinstance(value, str) else value
    if not isinstance(named, list) or not named or not all(isinstance(name, str) and name.strip() for name in named):
        raise _refused(path, number, "has no category", _NEEDED)
    return {name.strip(): reader.category_named(name) for name in named}


def _refused(path: Path, number: int, problem: str, *remedies: str) -> SettingError:
    return SettingError(SETTING, f"line {number} of {path} {problem}", *remedies)
