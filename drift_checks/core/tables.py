"""CSV files that people write with spreadsheets."""

from __future__ import annotations

import csv
from io import StringIO


def csv_rows(content: str, *, strict: bool = False) -> csv.DictReader[str]:
    """Return a reader of the rows, with cells of any size; `strict` refuses malformed quotes.

    Raises:
        csv.Error: By the reader.
    """
    # Spreadsheets of some countries write semicolons.
    first = content.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    # With the line breaks as they are: a text must be that of the store.
    return csv.DictReader(StringIO(content, newline=""), delimiter=delimiter, strict=strict)
