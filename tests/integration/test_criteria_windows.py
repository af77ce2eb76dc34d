"""Criteria that hold recent records against earlier ones."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import pytest

from tests.support.drifting import (
    Change,
    DriftingStore,
    Row,
    check_all,
    check_only,
    moved,
    other_category,
    records,
    two_windows,
    write_store,
)
from tests.support.session_runs import Review
from tests.support.stores import NAME


def more_financial(place: int, row: Row) -> Row:
    """Half of the records are financial."""
    return {**row, "category": "financial"} if place % 2 else row


def less_sure(place: int, row: Row) -> Row:
    """The store is less sure by 0.2."""
    return {**row, "confidence": float(str(row["confidence"])) - 0.2}


def slower(place: int, row: Row) -> Row:
    """A decision takes half as long again."""
    return {**row, "response_time_ms": float(str(row["response_time_ms"])) * 1.5}


def elsewhere(place: int, row: Row) -> Row:
    """The vector lies elsewhere."""
    return moved(row, 0.5)


def contradicting(place: int, row: Row) -> Row:
    """Every fourth record bears another category than those around it."""
    return {**row, "category": other_category(row)} if place % 4 == 0 else row


REASONS = {
    "class_mix": "recent records",
    "confidence_distribution": "recent records with a confidence",
    "latency_and_tokens": "recent records with response_time_ms",
    "embedding_drift": "recent records with a vector",
    "neighbourhood": "recent records with a vector",
}


@pytest.fixture
def sound(tmp_path: Path) -> DriftingStore:
    """A store in which recent records are as earlier ones are."""
    return write_store(tmp_path / "sound", two_windows())


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ((less_sure, slower, elsewhere), {"confidence_distribution", "latency_and_tokens", "embedding_drift"}),
        ((more_financial,), {"class_mix"}),
        ((contradicting,), {"neighbourhood"}),
    ],
)
def test_each_criterion_finds_its_own_kind_of_change(
    review: Review, tmp_path: Path, changes: tuple[Change, ...], found: set[str]
) -> None:
    """Without looking at the others, which the change may affect."""
    rows = two_windows(lambda place, row: reduce(lambda changed, change: change(place, changed), changes, row))
    run = check_all(review, write_store(tmp_path / "store", rows), sorted(found))
    assert run.verdicts() == dict.fromkeys(sorted(found), "WARNING")
    criteria = [run.criterion(name) for name in found]
    assert all(criterion["value"] > criterion["warn"] for criterion in criteria)


def test_what_did_not_change_is_ok(review: Review, sound: DriftingStore) -> None:
    """Other records of the same kind are not drift; the report has what the pictures need."""
    run = check_all(review, sound, REASONS)
    assert run.verdicts() == dict.fromkeys(REASONS, "OK")
    confidences = run.criterion("confidence_distribution")["statistics"][0]["details"]
    assert (sum(confidences["reference"]), sum(confidences["recent"])) == (250, 150)
    vectors = run.criterion("embedding_drift")["statistics"][0]["details"]
    assert (0 < vectors["reference_points"] < len(vectors["points"]), len(vectors["points"][0])) == (True, 2)


@pytest.mark.parametrize(("window", "number"), [("recent", 99), ("reference", 99), ("recent", 100)])
def test_hundred_records_of_each_window_are_needed(review: Review, tmp_path: Path, window: str, number: int) -> None:
    """With fewer, nothing is measured, and the report says so."""
    sizes = {"recent": 100, "reference": 100} | {window: number}
    run = check_all(
        review,
        write_store(tmp_path / "store", two_windows(recent=sizes["recent"], reference=sizes["reference"])),
        REASONS,
    )
    assert run.verdicts() == dict.fromkeys(REASONS, "OK" if number == 100 else None)
    reasons = {name: f"needs 100 {words.replace('recent', window)}, found 99" for name, words in REASONS.items()}
    named = [name for name in REASONS if reasons[name] in run.criterion(name)["message"]]
    assert named == ([] if number == 100 else [*REASONS])


def test_without_timestamps_there_are_no_windows(review: Review, sound: DriftingStore) -> None:
    """Nothing is compared, and the report says why."""
    sound.without("timestamp")
    run = check_all(review, sound, REASONS)
    assert run.verdicts() == dict.fromkeys(REASONS)
    assert all("no column timestamp" in run.criterion(name)["message"] for name in REASONS)


def test_categories_that_are_new_or_vanished_are_named(review: Review, tmp_path: Path) -> None:
    """With their shares of the window in which they are."""
    rows = [
        {**row, "category": "energy" if place < 250 else "climate"} if place % 5 == 0 else row
        for place, row in enumerate(two_windows())
    ]
    found = check_only(review, write_store(tmp_path / "store", rows), "class_mix").criterion("class_mix")
    assert "climate is new (20.0 %)" in found["message"]
    assert "energy vanished (was 20.0 %)" in found["message"]


def test_categories_of_both_windows_are_counted(review: Review, tmp_path: Path) -> None:
    """The counts for a picture are those of the store: reference, then recent."""
    rows = two_windows(lambda place, row: {**row, "category": "regulatory"}, recent=120, reference=120)
    found = check_only(review, write_store(tmp_path / "store", rows), "class_mix").criterion("class_mix")
    (statistic,) = found["statistics"]
    counts = [["financial", 40, 0], ["operational", 40, 0], ["regulatory", 40, 120]]
    assert statistic["details"]["categories"] == counts


def test_small_change_is_no_warning_however_sure(review: Review, tmp_path: Path) -> None:
    """In a large store chance explains nothing, and a small change does not matter."""
    rows = two_windows(
        lambda place, row: {**row, "category": "financial"} if place % 10 == 0 else row, recent=3000, reference=3000
    )
    found = check_only(review, write_store(tmp_path / "store", rows), "class_mix").criterion("class_mix")
    (statistic,) = found["statistics"]
    assert (found["verdict"], statistic["adjusted_p_value"] < 0.01) == ("OK", True)


def test_records_outside_of_both_windows_count_for_nothing(review: Review, tmp_path: Path) -> None:
    """What is older than the reference window, or cannot be dated, is compared with nothing."""
    old = [{**row, "category": "climate"} for row in records(200, days=(500, 900), first=1001)]
    undated = [{**row, "category": "climate", "timestamp": "lately"} for row in records(200, days=(1, 2), first=2001)]
    store = write_store(tmp_path / "store", [*two_windows(), *old, *undated])
    found = check_only(review, store, "class_mix").criterion("class_mix")
    assert (found["verdict"], "climate" in found["message"]) == ("OK", False)


def test_direction_of_a_change_is_reported(review: Review, tmp_path: Path) -> None:
    """The medians are those of the earlier and of the recent records, in this order."""
    rows = [{**row, "confidence": 0.9} for row in two_windows()]
    rows[250:] = [{**row, "confidence": 0.65} for row in rows[250:]]
    store = write_store(tmp_path / "store", rows)
    found = check_only(review, store, "confidence_distribution").criterion("confidence_distribution")
    assert "median confidence 0.90 → 0.65" in found["message"]


def test_confidences_that_are_no_numbers_are_skipped(review: Review, sound: DriftingStore) -> None:
    """Only what is a number is compared."""
    sound.execute(f"update {NAME} set confidence = 'high' where id > 340")
    found = check_only(review, sound, "confidence_distribution").criterion("confidence_distribution")
    assert "needs 100 recent records with a confidence, found 90" in found["message"]


def test_column_that_changed_is_the_one_accused(review: Review, tmp_path: Path) -> None:
    """Each of the three is a statistic of its own."""
    rows = two_windows(lambda place, row: {**row, "output_tokens": float(str(row["output_tokens"])) * 1.5})
    store = write_store(tmp_path / "store", rows)
    found = check_only(review, store, "latency_and_tokens").criterion("latency_and_tokens")
    assert [item["name"] for item in found["statistics"] if item["verdict"] == "WARNING"] == ["output_tokens"]


def test_two_columns_are_measured_where_the_third_is_missing(review: Review, sound: DriftingStore) -> None:
    """What is there is compared, and what is not counts for nothing."""
    sound.without("response_time_ms")
    found = check_only(review, sound, "latency_and_tokens").criterion("latency_and_tokens")
    assert (found["verdict"], found["passed"], found["unmeasured"]) == ("OK", 2, 1)


def test_records_without_a_vector_are_skipped(review: Review, sound: DriftingStore) -> None:
    """Empty, no array, or all zeros: there is no place to compare."""
    for key, stored in ((260, ""), (270, "none"), (280, "[0, 0, 0, 0, 0, 0, 0, 0]")):
        sound.execute(f"update {NAME} set embedding_json = ? where id = ?", stored, key)
    found = check_only(review, sound, "embedding_drift").criterion("embedding_drift")
    assert found["statistics"][0]["number"] == 147


def test_category_that_is_contradicted_wherever_it_is_is_no_drift(review: Review, tmp_path: Path) -> None:
    """Where more of it comes in, its own rate is what it was."""
    rows = two_windows()
    # Odd records lie among the regulatory ones, whenever they were decided; there are more of them lately.
    odd = [{**row, "category": "odd"} for row in rows if row["category"] == "regulatory"]
    few = [row["id"] for row in [*odd[:80][::8], *odd[84:][::2]]]
    rows = [{**row, "category": "odd"} if row["id"] in few else row for row in rows]
    store = write_store(tmp_path / "store", rows)
    assert check_only(review, store, "neighbourhood").criterion("neighbourhood")["verdict"] == "OK"
