"""Past runs of a store that are comparable with this one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from drift_checks.core.outcomes import PastRun
from drift_checks.report.history.database import History
from drift_checks.report.history.past import Source, past_details, past_runs
from drift_checks.report.history.reading import NAME
from drift_checks.report.history.recorded import RecordedRun
from tests.support.histories import NIGHTS, STORE, criterion, night, run

SOURCE = Source(*STORE, "neighbours", None, "Chroma", None, (), "point", "sample", (0, "2026-02-01"))


def made(run_id: str = NIGHTS[0], agreed: int = 45, **changed: Any) -> RecordedRun:
    """Return a run with a draw of its own, changed as given."""
    as_of = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T02:00:00Z"
    return run(run_id, agreed, **({"seed": crc32(run_id.encode()), "as_of": as_of} | changed))


def past(reports: Path, *runs: RecordedRun, source: Source = SOURCE) -> list[PastRun]:
    """Return the past runs in a history of these runs."""
    with History(reports) as history:
        for item in runs:
            history.add(item)
    return past_runs(reports, source)


def test_comparable_runs_come_oldest_first(tmp_path: Path) -> None:
    """With their counts, whatever their verdicts."""
    runs = [made(NIGHTS[place], agreed) for place, agreed in ((2, 5), (0, 50), (1, 40))]
    assert past(tmp_path, *runs) == [PastRun(NIGHTS[place], agreed, 50) for place, agreed in enumerate((50, 40, 5))]


@pytest.mark.parametrize(
    ("changed", "source"),
    [
        ({"db": "/data/other.db"}, SOURCE),
        ({"table": "other"}, SOURCE),
        ({"collection": "other"}, SOURCE),
        ({"reviewer": "llm"}, SOURCE),
        ({"model": "m-2"}, SOURCE),
        ({"basis": "TF-IDF of the texts"}, SOURCE),
        ({}, replace(SOURCE, basis="TF-IDF of the texts")),
        ({"prompt": "classify-2"}, SOURCE),
        ({"omitted_parameters": ("seed",)}, SOURCE),
        ({}, replace(SOURCE, omitted_parameters=("seed",))),
        ({"decision": "sequential"}, SOURCE),
        ({"decision": "sequential", "judge": "population"}, replace(SOURCE, decision="sequential")),
        ({"method": "hunt"}, SOURCE),
        ({}, replace(SOURCE, method="hunt")),
        ({"settings": {"where": "a = 1 (--drift-where)"}}, SOURCE),
        ({}, replace(SOURCE, where="a = 1")),
        ({"settings": {"where": "a = (1) (/srv/b (c)/pytest.ini)"}}, replace(SOURCE, where="a = 1")),
        ({"prompt": None}, replace(SOURCE, prompt="classify-1")),
        ({"agreed": 10, "unmeasured": 400}, SOURCE),
        ({"seed": 7, "as_of": "2026-01-10T09:00:00Z"}, replace(SOURCE, draw=(7, "2026-01-10"))),
    ],
)
def test_other_runs_are_not_comparable(tmp_path: Path, changed: dict[str, Any], source: Source) -> None:
    """Of another store, reviewer, prompt or rule, without a verdict, or with this run's own draw; their like are."""
    alike = {name: value for name, value in vars(source).items() if name not in ("draw", "where")}
    if source.where is not None:
        alike["settings"] = {"where": f"{source.where} (/srv/b (c)/pytest.ini)"}
    found = past(tmp_path, made(**changed), made(NIGHTS[1], **alike), source=source)
    assert [item.run_id for item in found] == [NIGHTS[1]]


def test_earlier_versions_compared_vectors_in_chroma(tmp_path: Path) -> None:
    """Their reports do not say so."""
    assert made().reviewer.comparison is None
    assert len(past(tmp_path, made())) == 1


def test_the_sample_may_differ(tmp_path: Path) -> None:
    """Seed, size and thresholds are not compared."""
    assert len(past(tmp_path, made(seed=3, warn=0.99, critical=0.1, record_ids=(1,)))) == 1


def test_only_the_newest_run_of_a_draw_counts(tmp_path: Path) -> None:
    """The same seed and day draw the same records, which are no further evidence."""
    same = {"seed": 7, "as_of": "2026-01-10T02:00:00Z"}
    found = past(tmp_path, made(NIGHTS[0], 41, **same), made(NIGHTS[1], 42), made(NIGHTS[2], 43, **same))
    assert [item.agreed for item in found] == [42, 43]


@pytest.mark.parametrize("damage", [None, b"", b"no database at all", b"SQLite format 3\x00" + b"\x07" * 5000])
def test_without_a_readable_history_there_is_no_past(tmp_path: Path, damage: bytes | None) -> None:
    """The next run repairs it; here it stays as it is."""
    if damage is not None:
        (tmp_path / NAME).write_bytes(damage)
    assert past_runs(tmp_path, SOURCE) == []
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([] if damage is None else [damage])


def test_only_the_newest_runs_count(tmp_path: Path) -> None:
    """So that years of nights do not take long."""
    nights = [night(number) for number in range(200)]
    found = [item.run_id for item in past(tmp_path, *map(made, nights))]
    assert found == nights[-len(found) :]
    assert 100 <= len(found) < 200


def measured(run_id: str, wrong: int, where: str | None = None, method: str = "random") -> RecordedRun:
    """Return a run that found so many wrong labels."""
    statistics = ({"name": "recent labels", "details": {"wrong": wrong}},)
    settings = {} if where is None else {"where": f"{where} (--drift-where)"}
    return replace(
        made(run_id, method=method), criteria=(criterion("label_issues", statistics=statistics),), settings=settings
    )


@pytest.mark.parametrize(
    ("where", "method", "expected"),
    [
        (None, None, [1, 2]),
        (None, "random", [1]),
        (None, "hunt", [2]),
        ("a = 1 (or 2)", None, [3]),
        ("a = 4", None, []),
    ],
)
def test_details_are_those_of_the_same_records(
    tmp_path: Path, where: str | None, method: str | None, expected: list[int]
) -> None:
    """Nights with another condition say nothing of this one, nor do samples drawn otherwise, if that counts."""
    with History(tmp_path) as history:
        history.add(measured(NIGHTS[0], 1))
        history.add(measured(NIGHTS[1], 2, method="hunt"))
        history.add(measured(NIGHTS[2], 3, where="a = 1 (or 2)"))
        history.add(measured(NIGHTS[3], 9))
    today = f"{NIGHTS[3][:4]}-{NIGHTS[3][4:6]}-{NIGHTS[3][6:8]}"
    found = past_details(tmp_path, STORE, "label_issues", today, where, method)
    assert [night["wrong"] for night in found] == expected
