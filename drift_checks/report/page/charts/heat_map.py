"""A heat map of stored against reviewed categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from drift_checks.core.text import count
from drift_checks.report.page.charts.picture import (
    MOST_ROWS,
    Picture,
    Text,
    brief,
    finite,
    fitted,
    named,
    rounded,
    text_width,
)

MOST_WHOLE = 25
MOST_CATEGORIES = 77
_WIDTHS = (400, 720, 1080)
_LARGEST_CELL, _ROOMY_CELL, _SMALLEST_NUMBERED = 34, 22, 11
_LONGEST_LABEL, _LONGEST_COLUMN = 170, 124
_MARGIN, _LEVELS = 8, 4
# cos 45°: columns of wide cells have slanted labels.
_SLANT = 0.7071

Flows = Sequence[tuple[str, str, float]]
_Counts = Counter[tuple[str, str]]
_Cells = Counter[tuple[int, int]]


class Level(NamedTuple):
    """The cells with similar numbers: their opacity, and a path around them."""

    opacity: float
    path: str


@dataclass(frozen=True, kw_only=True)
class HeatMap(Picture):
    """Stored categories as rows, reviewed categories as columns.

    `levels` and `numbers` are the cells in which they disagree, `diagonal` and `quiet_numbers` those in which they
    agree; `column_labels` are in a frame rotated by `turn` degrees around the origin.
    """

    left: float
    top: float
    size: float
    cell: float
    grid: str
    diagonal: str
    levels: tuple[Level, ...]
    numbers: tuple[Text, ...]
    quiet_numbers: tuple[Text, ...]
    row_labels: tuple[Text, ...]
    column_labels: tuple[Text, ...]
    turn: int
    font_size: float
    number_size: float


class _Frame(NamedTuple):
    width: int
    left: float
    top: float
    cell: float
    slanted: bool


def heat_map_picture(flows: Flows) -> HeatMap | None:
    """Lay out the flows; return None if there are none.

    Each is a stored category, a reviewed one, and a number of records. With more than `MOST_WHOLE` categories, those
    without disagreement share one row and column.
    """
    counts = _summed(flows)
    if not counts:
        return None
    shown, rest = _chosen(counts)
    names = neighbouring(shown, counts)
    labels = [named(name) for name in names] + ([_others(rest, counts)] if rest else [])
    places = dict.fromkeys(rest, len(names)) | {name: number for number, name in enumerate(names)}
    strong, quiet = _Cells(), _Cells()
    for (stored, reviewed), number in counts.items():
        (quiet if stored == reviewed else strong)[places[stored], places[reviewed]] += number
    for place in strong:
        quiet.pop(place, None)
    return _laid_out(labels, (strong, quiet), _summary(counts, labels[-1], len(rest)), counts)


def _summed(flows: Flows) -> _Counts:
    counts = Counter[tuple[str, str]]()
    for stored, reviewed, number in flows:
        if finite(number) and number >= 1:
            counts[str(stored), str(reviewed)] += int(number)
    return counts


def _chosen(counts: _Counts) -> tuple[list[str], set[str]]:
    involved = Counter[str]()
    total = Counter[str]()
    for (stored, reviewed), number in counts.items():
        for name in {stored, reviewed}:
            total[name] += number
            involved[name] += number if stored != reviewed else 0
    order = sorted(total, key=lambda name: (-involved[name], -total[name], name))
    if len(order) <= MOST_WHOLE:
        return order, set()
    shown = [name for name in order if involved[name]][:MOST_CATEGORIES]
    return shown, set(order) - set(shown)


def neighbouring(names: Sequence[str], counts: Mapping[tuple[str, str], int]) -> list[str]:
    """Return the names as a chain in which each is followed by the one most often confused with it, or the next."""
    ties: dict[str, Counter[str]] = {name: Counter() for name in names}
    for (stored, reviewed), number in counts.items():
        if stored != reviewed and stored in ties and reviewed in ties:
            ties[stored][reviewed] += number
            ties[reviewed][stored] += number
    left = dict.fromkeys(names)
    chain: list[str] = []
    while left:
        near = [name for name in ties[chain[-1]] if name in left] if chain else []
        chosen = max(near, key=lambda name: (ties[chain[-1]][name], name)) if near else next(iter(left))
        chain.append(chosen)
        del left[chosen]
    return chain


def _others(rest: set[str], counts: _Counts) -> str:
    disagree = any(stored != reviewed and (stored in rest or reviewed in rest) for stored, reviewed in counts)
    return f"others{'' if disagree else ' that agree'} ({len(rest)})"


def _framed(labels: Sequence[str]) -> _Frame:
    number = len(labels)
    longest = max(text_width(label) for label in labels)
    for width in _WIDTHS:
        left = _MARGIN + min(longest, _LONGEST_LABEL) + 8
        column = min(longest, _LONGEST_COLUMN)
        cell = min(_LARGEST_CELL, (width - left - _MARGIN - column * _SLANT) / number)
        if cell >= _ROOMY_CELL:
            return _Frame(width, ceil(left), rounded(column * _SLANT + 20), rounded(cell), True)
    cell = min(_ROOMY_CELL, (_WIDTHS[-1] - left - _MARGIN) / number)
    return _Frame(_WIDTHS[-1], ceil(left), rounded(column + 16), int(cell * 10) / 10, False)


def _laid_out(labels: Sequence[str], cells: tuple[_Cells, _Cells], summary: str, counts: _Counts) -> HeatMap:
    frame = _framed(labels)
    strong, quiet = cells
    size = rounded(frame.cell * len(labels))
    font = rounded(min(12, frame.cell - 1.2))
    number_size = rounded(min(12, max(8.5, frame.cell * 0.5)))
    return HeatMap(
        width=frame.width,
        height=rounded(frame.top + size + 12),
        title="Stored and reviewed categories",
        summary=summary,
        header=("stored as", "reviewed as", "records"),
        rows=tuple((named(row), named(column), f"{number:,}") for (row, column), number in _moved(counts)[:MOST_ROWS]),
        left=frame.left,
        top=frame.top,
        size=size,
        cell=frame.cell,
        grid=_grid(frame, len(labels)),
        diagonal=_squares(frame, list(quiet)),
        levels=_levels(frame, strong),
        numbers=_numbers(frame, strong, number_size),
        quiet_numbers=_numbers(frame, quiet, number_size),
        row_labels=_row_labels(frame, labels, font),
        column_labels=_column_labels(frame, labels, font),
        turn=-45 if frame.slanted else -90,
        font_size=font,
        number_size=number_size,
    )


def _moved(counts: _Counts) -> list[tuple[tuple[str, str], int]]:
    moved = [(pair, number) for pair, number in counts.items() if pair[0] != pair[1]]
    return sorted(moved, key=lambda item: (-item[1], item[0]))


def _summary(counts: _Counts, last: str, rest: int) -> str:
    total, moved = sum(counts.values()), _moved(counts)
    other = sum(number for _, number in moved)
    categories = len({name for pair in counts for name in pair})
    said = f"{count(total, 'record')} in {count(categories, 'category')}: {other:,} reviewed as another category"
    if moved:
        (stored, reviewed), number = moved[0]
        said += f", most often {brief(stored)} as {brief(reviewed)} ({number:,})"
    return said + (f"; {count(rest, 'category')} are grouped as “{last}”." if rest else ".")


def _grid(frame: _Frame, number: int) -> str:
    size = rounded(frame.cell * number)
    places = [rounded(frame.cell * place) for place in range(number + 1)]
    across = "".join(f"M{frame.left} {rounded(frame.top + place)}h{size}" for place in places)
    return across + "".join(f"M{rounded(frame.left + place)} {frame.top}v{size}" for place in places)


def _squares(frame: _Frame, cells: Sequence[tuple[int, int]]) -> str:
    side = rounded(frame.cell - 2)
    corners = [(frame.left + column * frame.cell + 1, frame.top + row * frame.cell + 1) for row, column in cells]
    return "".join(f"M{rounded(x)} {rounded(y)}h{side}v{side}h-{side}z" for x, y in corners)


def _levels(frame: _Frame, strong: _Cells) -> tuple[Level, ...]:
    most = max(strong.values(), default=1)
    levels: dict[int, list[tuple[int, int]]] = {}
    for place, number in strong.items():
        levels.setdefault(-(-number * _LEVELS // most), []).append(place)
    return tuple(Level(0.55 * level / _LEVELS, _squares(frame, places)) for level, places in sorted(levels.items()))


def _numbers(frame: _Frame, cells: _Cells, size: float) -> tuple[Text, ...]:
    if frame.cell < _SMALLEST_NUMBERED:
        return ()
    return tuple(
        Text(
            rounded(frame.left + (column + 0.5) * frame.cell),
            rounded(frame.top + (row + 0.5) * frame.cell + size * 0.35),
            str(number),
        )
        for (row, column), number in cells.items()
        if text_width(str(number), size) <= frame.cell - 1
    )


def _row_labels(frame: _Frame, labels: Sequence[str], font: float) -> tuple[Text, ...]:
    middles = [frame.top + (place + 0.5) * frame.cell + font * 0.35 for place in range(len(labels))]
    return tuple(
        fitted(label, frame.left - 8, middle, frame.left - 8 - _MARGIN, font)
        for label, middle in zip(labels, middles, strict=True)
    )


def _column_labels(frame: _Frame, labels: Sequence[str], font: float) -> tuple[Text, ...]:
    found = []
    for place, label in enumerate(labels):
        x, y = frame.left + (place + 0.5) * frame.cell, frame.top - 6
        if frame.slanted:
            x, y = (x - y) * _SLANT, (x + y) * _SLANT + font * 0.35
        else:
            x, y = -y, x + font * 0.35
        # The label of its row has the full name.
        found.append(fitted(label, x, y, _LONGEST_COLUMN, font)._replace(full=""))
    return tuple(found)
