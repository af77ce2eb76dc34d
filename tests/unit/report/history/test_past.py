"""Past runs of a store, as the history took them up from their folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.outcomes import PastRun
from drift_checks.report.document import drift_document
from drift_checks.report.history.database import History
from drift_checks.report.history.past import Source, past_runs
from drift_checks.report.history.reading import NAME
from drift_checks.report.history.recorded import recorded_run
from tests.support.reports import AGREEMENT, report, reviewed

SOURCE = Source(
    "/data/risk_classifications.db",
    "risk_classifications",
    "risk_classifications",
    "neighbours",
    None,
    None,
    "point",
    "sample",
    (0, "2026-02-01"),
)


def document(
    run_id: str = "20260101T020000Z-aaaaaa", agreed: int = 45, reviewed_in_all: int = 50, **changed: Any
) -> Any:
    """Return what a run of the store writes, its facts changed as given."""
    made = reviewed(agreed, reviewed_in_all - agreed)
    drawn: dict[str, Any] = {
        "run_id": run_id,
        "seed": crc32(run_id.encode()),
        "as_of": f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T02:00:00Z",
    }
    return {"drift": drift_document(report(made, [AGREEMENT], **(drawn | changed)))}


def write(reports: Path, written: Any, name: str | None = None) -> Path:
    """Write a run's folder; return it."""
    folder = reports / (name or written["drift"]["run_id"])
    folder.mkdir(parents=True)
    text = written if isinstance(written, str) else json.dumps(written)
    (folder / "report.json").write_text(text, encoding="utf-8")
    return folder


def past(reports: Path, source: Source) -> list[PastRun]:
    """Return the past runs once the history has taken up what lies there."""
    with History(reports) as history:
        history.take_up_missing()
    return past_runs(reports, source)


def test_a_run_of_the_same_store_and_reviewer_is_comparable(tmp_path: Path) -> None:
    """With its counts."""
    write(tmp_path, document(agreed=45))
    assert past(tmp_path, SOURCE) == [PastRun("20260101T020000Z-aaaaaa", 45, 50)]


def test_runs_come_oldest_first(tmp_path: Path) -> None:
    """By when they began, not by when they were written."""
    for day in (3, 1, 2):
        write(tmp_path, document(f"2026010{day}T020000Z-{'cab'[day - 1] * 6}", agreed=40 + day))
    assert [run.agreed for run in past(tmp_path, SOURCE)] == [41, 42, 43]


@pytest.mark.parametrize(
    ("changed", "source"),
    [
        ({"db": "/data/other.db"}, SOURCE),
        ({"table": "other"}, SOURCE),
        ({"collection": "other"}, SOURCE),
        ({"reviewer": "llm"}, SOURCE),
        ({"prompt": "classify-2"}, SOURCE),
        ({"decision": "sequential"}, SOURCE),
        ({"judge": "population", "chosen": True}, SOURCE),
        ({"prompt": None}, replace(SOURCE, prompt="classify-1")),
    ],
)
def test_a_run_that_differs_in_what_it_judged_is_not_comparable(
    tmp_path: Path, changed: dict[str, Any], source: Source
) -> None:
    """Another store, reviewer, prompt or rule; the one beside it is."""
    write(tmp_path, document(**changed))
    write(
        tmp_path,
        document("20260102T020000Z-bbbbbb", **{key: value for key, value in vars(source).items() if key != "draw"}),
    )
    assert [run.run_id for run in past(tmp_path, source)] == ["20260102T020000Z-bbbbbb"]


@pytest.mark.parametrize("rule", [{"decision": "sequential"}, {"prompt": "classify-1", "reviewer": "llm"}])
def test_a_run_by_another_rule_is_comparable_with_its_like(tmp_path: Path, rule: dict[str, Any]) -> None:
    """Under the same rule, or by the same prompt."""
    write(tmp_path, document(**rule, record_ids=list(range(1, 51))))
    assert len(past(tmp_path, replace(SOURCE, **rule))) == 1


def test_a_second_run_of_one_draw_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """The same seed and day draw the same records, which are no further evidence."""
    for run_id, agreed in (("20260101T020000Z-aaaaaa", 41), ("20260101T030000Z-bbbbbb", 42)):
        write(tmp_path, document(run_id, agreed=agreed, seed=7))
    assert [run.agreed for run in past(tmp_path, SOURCE)] == [42]


def test_a_run_of_the_same_draw_is_no_past(tmp_path: Path) -> None:
    """A review that is repeated is not compared with itself."""
    write(tmp_path, document(seed=7))
    assert past(tmp_path, replace(SOURCE, draw=(7, "2026-01-01"))) == []


def test_the_sample_may_differ(tmp_path: Path) -> None:
    """Its size, seed and thresholds are not what is compared."""
    write(tmp_path, document(agreed=9, reviewed_in_all=10, seed=3, warn=0.99, critical=0.1))
    assert past(tmp_path, SOURCE) == [PastRun("20260101T020000Z-aaaaaa", 9, 10)]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"partial": True}, id="partial"),
        pytest.param({"interrupted": "3 of 50 records were reviewed"}, id="interrupted"),
        pytest.param({"agreed": 0, "reviewed_in_all": 0}, id="nothing reviewed"),
    ],
)
def test_a_run_that_was_no_whole_review_is_left_out(tmp_path: Path, changed: dict[str, Any]) -> None:
    """It says nothing of the store as a whole."""
    write(tmp_path, document(**changed))
    assert past(tmp_path, SOURCE) == []


def test_an_outage_is_left_out(tmp_path: Path) -> None:
    """Of a run that was INCONCLUSIVE, the few reviews are no rate."""
    made = reviewed(10, 0, 40)
    write(tmp_path, {"drift": drift_document(report(made, [AGREEMENT], run_id="20260101T020000Z-aaaaaa"))})
    assert past(tmp_path, SOURCE) == []


@pytest.mark.parametrize("agreed", [50, 40, 5])
def test_a_run_counts_whatever_its_verdict(tmp_path: Path, agreed: int) -> None:
    """OK, WARNING and CRITICAL alike."""
    write(tmp_path, document(agreed=agreed))
    assert [run.agreed for run in past(tmp_path, SOURCE)] == [agreed]


def test_the_link_to_the_latest_is_no_run_of_its_own(tmp_path: Path) -> None:
    """Each run counts once."""
    (tmp_path / "latest").symlink_to(write(tmp_path, document()).name)
    assert len(past(tmp_path, SOURCE)) == 1


@pytest.mark.parametrize("reports", ["missing", "empty"])
def test_without_reports_there_is_no_past(tmp_path: Path, reports: str) -> None:
    """As on the first night."""
    if reports == "empty":
        (tmp_path / reports).mkdir()
    assert past_runs(tmp_path / reports, SOURCE) == []


def test_runs_are_read_without_their_folders(tmp_path: Path) -> None:
    """The history alone is read."""
    with History(tmp_path) as history:
        history.add(recorded_run(document()["drift"]))
    assert past_runs(tmp_path, SOURCE) == [PastRun("20260101T020000Z-aaaaaa", 45, 50)]


def test_a_repeated_draw_counts_where_its_newest_run_does(tmp_path: Path) -> None:
    """The order is that of the runs that count."""
    for run_id, seed in (
        ("20260101T020000Z-aaaaaa", 7),
        ("20260101T030000Z-bbbbbb", 8),
        ("20260101T040000Z-cccccc", 7),
    ):
        write(tmp_path, document(run_id, seed=seed))
    assert [run.run_id[-6:] for run in past(tmp_path, SOURCE)] == ["bbbbbb", "cccccc"]


@pytest.mark.parametrize("damage", [b"", b"no database at all", b"SQLite format 3\x00" + b"\x07" * 5000])
def test_a_history_that_cannot_be_read_is_no_past(tmp_path: Path, damage: bytes) -> None:
    """It is the next run that mends it; here it stays as it is."""
    (tmp_path / NAME).write_bytes(damage)
    assert past_runs(tmp_path, SOURCE) == []
    assert (tmp_path / NAME).read_bytes() == damage


def test_what_else_lies_there_is_passed_over(tmp_path: Path) -> None:
    """Files, folders without a report, a folder called like one, and what a run keeps aside."""
    write(tmp_path, document())
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    (tmp_path / "20260102T020000Z-empty").mkdir()
    (tmp_path / "20260103T020000Z-folder" / "report.json").mkdir(parents=True)
    (tmp_path / "20260104T020000Z-dangling").mkdir()
    (tmp_path / "20260104T020000Z-dangling" / "report.json").symlink_to("nowhere")
    assert len(past(tmp_path, SOURCE)) == 1


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[]", "null", "5", '"drift"', "{}", '{"drift": null}', '{"drift": []}', '{"drift": {}}', "\x00\x00"],
)
def test_a_damaged_report_is_passed_over(tmp_path: Path, damaged: str) -> None:
    """It hides no other."""
    write(tmp_path, damaged, "20251231T020000Z-before")
    write(tmp_path, document())
    write(tmp_path, damaged, "20260102T020000Z-after")
    assert len(past(tmp_path, SOURCE)) == 1


def test_a_report_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    """As a disk that failed leaves it."""
    (write(tmp_path, document()) / "report.json").write_bytes(b"\xff\xfe\x00{")
    assert past(tmp_path, SOURCE) == []


def test_a_report_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    """Wherever it was."""
    whole = json.dumps(document())
    for number, end in enumerate(range(0, len(whole), 97)):
        write(tmp_path, whole[:end], f"20260101T020000Z-{number:06}")
    assert past(tmp_path, SOURCE) == []


def test_a_report_nested_without_end_is_passed_over(tmp_path: Path) -> None:
    """It cannot be read."""
    write(tmp_path, "[" * 100_000, "20260101T020000Z-nested")
    assert past(tmp_path, SOURCE) == []


@pytest.mark.parametrize("key", ["agreed", "reviewed"])
def test_infinite_counts_are_passed_over(tmp_path: Path, key: str) -> None:
    """They are none."""
    written = document()
    written["drift"]["agreement"][key] = float("inf")
    write(tmp_path, written)
    assert past(tmp_path, SOURCE) == []


KEYS = [
    ("store",),
    ("store", "db"),
    ("store", "table"),
    ("store", "collection"),
    ("reviewer",),
    ("reviewer", "name"),
    ("reviewer", "prompt"),
    ("decision",),
    ("judge",),
    ("agreement",),
    ("agreement", "agreed"),
    ("agreement", "reviewed"),
    ("verdict",),
    ("partial",),
    ("run_id",),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["db", "name", "agreed"]), inner),
    max_leaves=4,
)


def at(written: Any, path: tuple[str, ...], change: Callable[[Any, str], None]) -> Any:
    """Return a copy of the document of which one value was changed."""
    copy = deepcopy(written)
    place = copy["drift"]
    for key in path[:-1]:
        place = place[key]
    change(place, path[-1])
    return copy


@pytest.mark.parametrize("path", KEYS, ids=".".join)
def test_a_report_that_lacks_a_value_is_passed_over(tmp_path: Path, path: tuple[str, ...]) -> None:
    """As one of another version may."""
    write(tmp_path, at(document(), path, lambda place, key: place.pop(key)), "20260101T020000Z-aaaaaa")
    assert past(tmp_path, SOURCE) == []


@settings(max_examples=40)
@given(path=st.sampled_from(KEYS), value=VALUES)
def test_a_report_with_a_wrong_value_breaks_nothing(path: tuple[str, ...], value: object) -> None:
    """The sound one beside it is read."""
    with TemporaryDirectory() as folder:
        wrong = at(document(), path, lambda place, key: place.__setitem__(key, value))
        write(Path(folder), wrong, "20260101T020000Z-aaaaaa")
        write(Path(folder), document("20260102T020000Z-bbbbbb"))
        assert past(Path(folder), SOURCE)[-1] == PastRun("20260102T020000Z-bbbbbb", 45, 50)


def test_of_many_runs_the_newest_are_read(tmp_path: Path) -> None:
    """So that years of nights do not take long."""
    written = json.dumps(document(seed=1))
    for number in range(200):
        run_id = f"2026{number:04}T020000Z-aaaaaa"
        write(
            tmp_path,
            written.replace("20260101T020000Z-aaaaaa", run_id).replace('"seed": 1', f'"seed": {number}1'),
            run_id,
        )
    found = [run.run_id for run in past(tmp_path, SOURCE)]
    assert found == [f"2026{number:04}T020000Z-aaaaaa" for number in range(200 - len(found), 200)]
    assert 100 <= len(found) < 200
