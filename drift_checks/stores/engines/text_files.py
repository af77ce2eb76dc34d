"""CSV files and JSON lines, loaded into a table of DuckDB in which every column is a text.

So an id such as 007, a category such as `true` and a date such as 3/4/2026 stay what they are.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_checks.core.errors import StoreError
from drift_checks.core.files import MEBIBYTE
from drift_checks.core.text import count, printable
from drift_checks.stores.engines.duckdb_dialect import quoted_name
from drift_checks.stores.engines.sources import Format

if TYPE_CHECKING:
    import duckdb

# DuckDB reads ahead many times the longest line.
_LONGEST_LINE = 16 * MEBIBYTE
_DELIMITERS = ",;\t|"
_TABS = (".tsv", ".tsv.gz", ".tsv.zst")
_LONGEST_REASON = 200
# No text contains it.
_NEVER = "\x01"
_AT_LINE = re.compile(r"CSV Error on Line: (\d+)")
_FIELDS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_QUOTES = "double the quotes inside a quoted field, and close each"
_ENCODING = "convert it, as in iconv -f LATIN1 -t UTF-8, or save it as UTF-8"
_OTHER_JSON = "select 1 from read_ndjson_objects(?, maximum_object_size = ?) where json_type(json) <> 'OBJECT' limit 1"
# In the order in which they occur.
_JSON_KEYS = (
    "select key from (select key, row_number() over () as place from (select unnest(json_keys(json)) as key"
    " from read_ndjson_objects(?, maximum_object_size = ?))) group by key order by min(place)"
)
_TYPES = {list: "an array", str: "a text", bool: "true or false", type(None): "null"}


def load_texts(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], kind: Format, table: str) -> None:
    """Load the files into one table, matching their columns by name, in any case.

    Raises:
        StoreError: A file is damaged, not UTF-8, or of another shape; its line is named if it is known.
    """
    open_one = _open_csv if kind is Format.CSV else _open_json
    explain = _csv_fault if kind is Format.CSV else _json_fault
    columns: dict[str, str] = {}
    for file in files:
        if file.name.lower().endswith(".gz"):
            _refuse_damaged(file)
        rows = _explained(lambda file=file: open_one(connection, file), file, explain)  # type: ignore[misc]
        names, query, parameters = rows
        new = {name.lower(): name for name in names if name.lower() not in columns}
        if not columns:
            connection.execute(f"create table {quoted_name(table)} ({_listed(new.values(), ' varchar')})")
        else:
            for name in new.values():
                connection.execute(f"alter table {quoted_name(table)} add column {quoted_name(name)} varchar")
        columns |= new
        into = _listed(columns[name.lower()] for name in names)
        insert = f"insert into {quoted_name(table)} ({into}) {query}"
        _explained(lambda: connection.execute(insert, parameters), file, explain)  # noqa: B023 - called at once


def _refuse_damaged(file: Path) -> None:
    """Refuse a compressed file that is cut off, which DuckDB before 2.0 reads up to there."""
    try:
        with gzip.open(file) as opened:
            while opened.read(MEBIBYTE):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise StoreError(file, f"is damaged ({printable(error)})", "compress it again") from None


def _listed(names: Any, after: str = "") -> str:
    return ", ".join(f"{quoted_name(name)}{after}" for name in names)


def _explained(step: Callable[[], Any], file: Path, explain: Callable[[Path, str], StoreError]) -> Any:
    import duckdb

    try:
        return step()
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        raise explain(file, str(error)) from None


def _open_csv(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[list[str], str, list[Any]]:
    """Return the names in the header, and a query of the rows with its parameters."""
    line = (
        "select line from read_csv(?, auto_detect = false, columns = {'line': 'VARCHAR'}, header = false, delim = ?,"
        " quote = '', escape = '', strict_mode = false, max_line_size = ?) limit 1"
    )
    first = connection.execute(line, [literal_pattern(file), _NEVER, _LONGEST_LINE]).fetchone()
    header = (first[0] if first else "") or ""
    if not header.strip():
        raise StoreError(file, "has no header line", "name the columns in its first line")
    delimiter = "\t" if file.name.lower().endswith(_TABS) else _delimiter(header)
    names = [name.strip() or f"column{place}" for place, name in enumerate(_fields(header, delimiter), 1)]
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise StoreError(file, f"has two columns named {printable(name)!r}", "rename one in the header line")
        seen.add(name.lower())
    options = "header = true, delim = ?, quote = '\"', escape = '\"', strict_mode = true, max_line_size = ?"
    columns = _as_texts(names)
    rows = f"select * from read_csv(?, auto_detect = false, columns = {columns}, {options})"  # noqa: S608 - quoted
    return names, rows, [literal_pattern(file), delimiter, _LONGEST_LINE]


def _delimiter(header: str) -> str:
    """Return the delimiter that divides the header into most fields."""
    return max(_DELIMITERS, key=lambda delimiter: len(_fields(header, delimiter)))


def _fields(header: str, delimiter: str) -> list[str]:
    return next(csv.reader([header.lstrip("\ufeff")], delimiter=delimiter))


def _csv_fault(file: Path, message: str) -> StoreError:
    if _is_utf16(file):
        return StoreError(file, "is UTF-16, not UTF-8", "save it as UTF-8")
    line = _AT_LINE.search(message)
    where = f"line {line[1]} " if line else "it "
    if fields := _FIELDS.search(message):
        wanted, found = map(int, fields.groups())
        return StoreError(
            file,
            f"{where}has {count(found, 'field')}, but its header {wanted}",
            "put a text that contains the delimiter into double quotes",
        )
    if "unterminated quote" in message:
        return StoreError(file, f"{where}begins a quoted field that never ends", _QUOTES)
    if "utf-8" in message.lower() or "unicode" in message.lower():
        return StoreError(file, f"{where}is not UTF-8", _ENCODING)
    if "maximum line size" in message.lower():
        return StoreError(file, f"{where}is longer than {_LONGEST_LINE // MEBIBYTE} MiB", "convert it to Parquet")
    if "state machine" in message:
        problem = "is no valid CSV: lines end differently, or quotes are not doubled"
        return StoreError(file, problem, "write it again with a CSV library, or convert it to Parquet")
    return StoreError(file, f"cannot be read ({first_line(message)})")


def _is_utf16(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(2) in (b"\xff\xfe", b"\xfe\xff")


def _open_json(connection: duckdb.DuckDBPyConnection, file: Path) -> tuple[list[str], str, list[Any]]:
    """Return the keys of all objects in the order in which they occur, and a query of the rows with its parameters."""
    of_file = [literal_pattern(file), _LONGEST_LINE]
    if connection.execute(_OTHER_JSON, of_file).fetchone():
        raise _json_fault(file, "")
    names = [name for (name,) in connection.execute(_JSON_KEYS, of_file).fetchall()]
    if not names:
        raise StoreError(file, "has no records", "name another file with --drift-db")
    spelled: dict[str, str] = {}
    for name in names:
        if (known := spelled.setdefault(name.lower(), name)) != name:
            raise StoreError(file, f"has the keys {known!r} and {name!r}, which differ only in case", "rename one")
    options = f"format = 'newline_delimited', records = true, columns = {_as_texts(names)}, maximum_object_size = ?"
    rows = f"select * from read_json(?, {options})"  # noqa: S608 - quoted
    return names, rows, of_file


def _json_fault(file: Path, message: str) -> StoreError:
    for number, line in _lines(file):
        try:
            found = json.loads(line)
        except UnicodeDecodeError:
            return StoreError(file, f"line {number} is not UTF-8", _ENCODING)
        except (ValueError, RecursionError) as error:
            problem = f"line {number} is no JSON object ({getattr(error, 'msg', error)})"
            return StoreError(file, problem, "write one object per line")
        if not isinstance(found, dict):
            what = _TYPES.get(type(found), "a number")
            return StoreError(file, f"line {number} is {what}, not an object", "write one object per line")
    return StoreError(file, f"cannot be read ({first_line(message)})")


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank with their numbers; none of a file that Python cannot decompress."""
    if file.name.lower().endswith(".zst"):
        return
    with gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb") as opened:
        for number, line in enumerate(iter(lambda: opened.readline(_LONGEST_LINE), b""), 1):
            if line.strip():
                yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _as_texts(names: Sequence[str]) -> str:
    """Return the columns as DuckDB's readers want them."""
    pairs = ", ".join("'{}': 'VARCHAR'".format(name.replace("'", "''")) for name in names)
    return f"{{{pairs}}}"


def literal_pattern(file: Path) -> str:
    """Return the path so that DuckDB does not take it for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(file))


def first_line(message: str) -> str:
    """Return the first line of DuckDB's message, without the name of the error's class."""
    line = message.partition("\n")[0]
    return printable(line.partition("Error: ")[2] or line, _LONGEST_REASON)
