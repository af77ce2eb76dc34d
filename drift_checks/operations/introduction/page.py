"""What `init` prints about a store: what was found, some rows, and what is missing with its price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC

from drift_checks.core.addresses import Location
from drift_checks.core.records import as_name, as_text
from drift_checks.core.text import count, printable, shorten
from drift_checks.operations.introduction.place import Vectors
from drift_checks.settings.pairs import METADATA_CATEGORY
from drift_checks.stores.columns.confidences import confidence_form
from drift_checks.stores.columns.detection import Detection, Proposal
from drift_checks.stores.columns.looking import Table
from drift_checks.stores.columns.timestamps import timestamp_form
from drift_checks.stores.vectors.connecting import CHROMA_ID

_LABEL = 12
_NAME = 18
_EXAMPLES = 3
_LEAST_TEXT = 20
_LONGEST = 100
# What a run lacks without a column, in the words of its summary.
COSTS = {
    "confidence": "records of low confidence cannot be drawn first, and calibration is not measured",
    "timestamp": "the sample has no old records, and changes over time (class_mix, …) are not measured",
    "model_version": "agreement is not compared between versions of the model",
    "embedding_json": "vectors are not compared over time",
    "text_hash": "texts that changed after the decision are not noticed",
}
_WITHOUT_VECTORS = "store_consistency and self_retrieval are not measured"
_SHOWN = ("id", "text", "category", "confidence", "timestamp")


def found_lines(db: Location, tables: int, found: Detection, given: Mapping[str, str]) -> Iterator[str]:
    """Yield the file, the table, and each column with the reason."""
    kind = "view" if found.table.is_view else "table"
    rows = f"{count(found.table.size, 'row')}{' looked at' if found.table.is_view else ''}"
    yield line("store", f"{db}: {rows if found.table.is_file else count(tables, 'table')}")
    if not found.table.is_file:
        yield line(kind, f"{printable(found.table.name)}: {rows}")
    columns = {role: (theirs, "as you said") for role, theirs in given.items()}
    columns |= {role: (item.theirs, _why(item)) for role, item in found.proposals.items()}
    for number, role in enumerate(sorted(columns, key=_order)):
        theirs, reason = columns[role]
        label = "columns" if not number else ""
        yield line(label, f"{role:<{_NAME}}{printable(theirs):<{_NAME}} {reason}")


def example_lines(found: Detection, given: Mapping[str, str], width: int, *, redact: bool = False) -> Iterator[str]:
    """Yield three rows as a review reads them, each on a line of this width, without the texts if they are redacted."""
    chosen = {role: (item.column, item.divisor) for role, item in found.proposals.items()}
    chosen |= {role: (theirs, 1.0) for role, theirs in given.items() if theirs in found.table.names}
    shown = [role for role in _SHOWN if role in chosen and (role != "id" or chosen[role][0] in found.table.names)]
    columns = {role: _read(found.table, role, *chosen[role]) for role in shown}
    if redact and "text" in columns:
        columns["text"] = ["(redacted)"] * len(columns["text"])
    rows = [
        [printable(columns[role][place], 24) for role in shown if role != "text"]
        for place in range(min(_EXAMPLES, len(next(iter(columns.values()), ()))))
    ]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        start = "  ".join(f"{cell:<{size}}" for cell, size in zip(row, widths, strict=True))
        room = max(_LEAST_TEXT, min(width, _LONGEST + _LABEL) - _LABEL - len(start) - 2)
        text = printable(columns["text"][place], room) if "text" in columns else ""
        yield line("examples" if not place else "", f"{start}  {text}".rstrip())


def vector_lines(vectors: Vectors, found: Detection) -> Iterator[str]:
    """Yield the Chroma directory or server, and how its entries are connected with the records."""
    collection = vectors.collection or ", ".join(map(printable, vectors.collections)) or "none"
    yield line("vectors", f"{vectors.place}: Chroma, collection {printable(collection)}")
    for role in (CHROMA_ID, METADATA_CATEGORY):
        if (item := found.proposals.get(role)) is not None:
            yield line("", f"{role:<{_NAME}}{printable(item.theirs):<{_NAME}} {item.reason}")


def missing_lines(found: Detection, given: Mapping[str, str], vectors: Vectors | None) -> Iterator[str]:
    """Yield what was not found, why, and what a review then lacks."""
    lacking = [role for role in COSTS if role not in found.proposals and role not in given]
    costs = dict(COSTS)
    if vectors is not None and not vectors.problem:
        costs["embedding_json"] = "self_retrieval is not measured"
    for number, role in enumerate(lacking):
        unfit = "; ".join(f"{printable(name)} {why}" for name, why in found.unfit.get(role, {}).items())
        because = f" ({unfit})" if unfit else ""
        yield line("not found" if not number else "", f"{role}{because}: {costs[role]}")
    label = "" if lacking else "not found"
    if vectors is None:
        yield line(label, f"a Chroma directory: {_WITHOUT_VECTORS}")
    elif vectors.problem:
        yield line(label, f"entries of the records ({vectors.problem}): {_WITHOUT_VECTORS}; {vectors.remedy}")


def line(label: str, text: str) -> str:
    """Return a line of the page, with its label in front."""
    return f"{label:<{_LABEL}}{text}".rstrip()


def _order(role: str) -> int:
    return _SHOWN.index(role) if role in _SHOWN else len(_SHOWN)


def _why(item: Proposal) -> str:
    return f"{item.reason}; not certain: {item.doubt}" if item.doubt else item.reason


def _read(table: Table, role: str, column: str, divisor: float) -> list[str]:
    """Return the values of a column as a review shows them."""
    values = next((one.values for one in table.columns if one.name == column), ())
    present = [value for value in values if value is not None]
    if role == "confidence" and (form := confidence_form(present)):
        numbers = [None if value is None else form.read(value) for value in values]
        return ["–" if number is None else f"{number / divisor:.2f}" for number in numbers]
    if role == "timestamp" and (times := timestamp_form(present)):
        moments = [None if value is None else times.read(value, UTC) for value in values]
        return ["–" if moment is None else f"{moment:%Y-%m-%d}" for moment in moments]
    if role == "id":
        return [as_name(value) for value in values]
    return [shorten(as_text(value), 2 * _LONGEST) for value in values]
