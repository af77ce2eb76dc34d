"""Which labels of a store are probably wrong, by vectors in the table or by the texts."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from drift_checks.core.records import Record, Stratum
from drift_checks.reviews.labels import assessment
from drift_checks.reviews.labels.assessment import LabelAssessor
from drift_checks.reviews.labels.issues import LabelAssessment
from drift_checks.reviews.labels.records import LabelledRecords
from drift_checks.reviews.labels.sources import choose_source
from drift_checks.reviews.sampler import strata_bounds
from drift_checks.reviews.windows import Windows
from drift_checks.settings.declarations import Settings
from tests.support.stores import AS_OF
from tests.support.tables import opened, with_strata, write_table

COLUMNS = "id integer primary key, text, category, timestamp text, embedding_json"
# The records of the sample.
SAMPLED = (2, 3, 10)
NAMES = ("fraud", "loan", "card")
Row = tuple[int, str, str, str, str | None]


def rows(number: int = 90, wrong: Sequence[int] = (), first: int = 1, dimension: int = 8) -> list[Row]:
    """Return records with vectors near one axis for each category; every third is recent."""
    noise = np.random.default_rng(first).normal(scale=0.2, size=(number, dimension))
    made: list[Row] = []
    for place, key in enumerate(range(first, first + number)):
        kind = key % 3
        vector = np.eye(dimension)[kind] + noise[place]
        label = NAMES[(kind + (key in wrong)) % 3]
        moment = (AS_OF - timedelta(days=3 if key % 9 < 3 else 200)).isoformat()
        made.append((key, f"{NAMES[kind]} number {key}", label, moment, json.dumps(vector.round(4).tolist())))
    return made


def assessed(path: Path, folder: Path | None = None) -> LabelAssessment:
    """Return what is known of the labels in this file; predictions are kept in the folder."""
    store = opened(path)
    settings = Settings(db=path, seed=1, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))
    windows = Windows(settings, store)
    embedded = store.has("embedding_json")
    there = store.read(lambda connection: store.rows(connection, list(range(1, 60))))
    sample = [Record(key, Stratum.BASELINE, row) for key, row in there.items()] if embedded else []
    source = choose_source(store, sample, lambda: None, 0.8)
    records = LabelledRecords(store, source, windows.bounds, strata_bounds(settings, store), 1)
    return LabelAssessor(store, records, windows.count("category"), 1, folder, ("store",), SAMPLED).assess()


def write(path: Path, written: Iterable[Sequence[object]], columns: str = COLUMNS) -> Path:
    """Write the records into a new file."""
    path.unlink(missing_ok=True)
    return write_table(path, written, columns)


@pytest.fixture
def doubtful(tmp_path: Path) -> Path:
    """Ninety records, three of them with a wrong label."""
    return write(tmp_path / "a.db", rows(wrong=(10, 20, 30)))


def test_wrong_labels_are_found_with_the_nearest_record_of_either_label(doubtful: Path) -> None:
    """Each issue names the right category, and counts by category and age."""
    found = assessed(doubtful)
    assert sorted(issue.record_id for issue in found.issues) == [10, 20, 30]
    [issue] = [issue for issue in found.issues if issue.record_id == 10]
    assert (issue.stored, issue.predicted, issue.age) == ("card", "loan", "recent")
    assert issue.other > issue.own
    stored, predicted = found.nearest[10]
    assert stored is not None
    assert predicted is not None
    assert predicted.similarity > stored.similarity
    assert sum(count.recent + count.older for count in found.by_category.values()) == 90
    assert sum(count.recent_wrong + count.older_wrong for count in found.by_category.values()) == 3


def test_sound_labels_are_not_doubted(tmp_path: Path) -> None:
    """None of ninety."""
    assert assessed(write(tmp_path / "a.db", rows())).issues == []


def test_unchanged_store_is_not_predicted_again(doubtful: Path, tmp_path: Path) -> None:
    """The second run fits and predicts nothing, and finds the same."""
    first, second = (assessed(doubtful, tmp_path / "kept") for _ in range(2))
    assert (first.fitted, first.predicted, second.fitted, second.predicted) == (True, 90, False, 0)
    assert (first.issues, first.by_category) == (second.issues, second.by_category)
    assert first.nearest == second.nearest


def test_only_new_and_changed_records_are_predicted(doubtful: Path, tmp_path: Path) -> None:
    """Five are added, one with a wrong label; and one label is corrected."""
    assessed(doubtful, tmp_path / "kept")
    more = [row if row[0] != 20 else (20, row[1], NAMES[2], *row[3:]) for row in rows(wrong=(10, 20, 30))]
    found = assessed(write(doubtful, [*more, *rows(5, wrong=(93,), first=91)]), tmp_path / "kept")
    assert (found.fitted, found.predicted) == (False, 6)
    assert {issue.record_id for issue in found.issues} == {10, 30, 93}


def test_store_that_changed_much_is_fitted_again(doubtful: Path, tmp_path: Path) -> None:
    """A third of the records is replaced, or a new category appears."""
    assessed(doubtful, tmp_path / "kept")
    replaced = [*rows()[:60], *rows(30, first=91)]
    assert assessed(write(doubtful, replaced), tmp_path / "kept").fitted
    new = [(key, f"new {key}", "new", *row[3:]) for key, row in zip(range(200, 225), rows(25), strict=True)]
    found = assessed(write(doubtful, [*rows(), *new]), tmp_path / "kept")
    assert (found.fitted, "new" in found.by_category) == (True, True)


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, -100), slice(1, None)])
def test_damaged_file_is_ignored(doubtful: Path, tmp_path: Path, kept: slice) -> None:
    """Of which only a part is left, it is made again."""
    first = assessed(doubtful, tmp_path / "kept")
    [file] = (tmp_path / "kept" / "labels").iterdir()
    file.write_bytes(file.read_bytes()[kept])
    again = assessed(doubtful, tmp_path / "kept")
    assert (again.fitted, again.issues) == (True, first.issues)
    assert not assessed(doubtful, tmp_path / "kept").fitted


def test_rare_categories_and_unusable_vectors_are_left_out(tmp_path: Path) -> None:
    """The remarks say how many, and why."""
    changed = rows()
    changed[0] = (*changed[0][:4], None)
    changed[1] = (*changed[1][:4], "[0, 0, 0, 0, 0, 0, 0, 0]")
    changed[2] = (*changed[2][:4], "[1, 2]")
    changed[3] = (*changed[3][:2], "rare", *changed[3][3:])
    found = assessed(write(tmp_path / "a.db", changed))
    assert found.records == 86
    assert found.remarks == (
        "left out: 1 record with a vector of another dimension, 2 records without a usable vector, 1 record in 1"
        " category with fewer than 5 different texts",
    )


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ([], "no record has a label and a vector (no records)"),
        ([(*row[:2], "fraud", *row[3:]) for row in rows()], "needs two categories"),
        (
            [(*row[:2], f"only {row[0]}", *row[3:]) for row in rows(501)],
            "it compares at most 500 categories, and the store",
        ),
        (
            [(row[0], "the same", *row[2:]) for row in rows()],
            "needs two categories with 5 different texts and vectors each, found fewer",
        ),
    ],
)
def test_store_without_enough_to_compare_is_not_measured(tmp_path: Path, written: list[Row], reason: str) -> None:
    """One sentence says why: no records, a single category, too many, or a single text."""
    assert assessed(write(tmp_path / "a.db", written)).missing.startswith(reason)


def test_copies_of_a_text_do_not_vouch_for_their_label(tmp_path: Path) -> None:
    """Ten copies of a wrong label, whatever their spaces and case, are all doubted."""
    copied = next(row for row in rows() if row[0] == 10)
    texts = (copied[1], f"  {copied[1].upper()} ")
    copies = [(100 + number, texts[number % 2], "card", *copied[3:]) for number in range(10)]
    found = assessed(write(tmp_path / "a.db", [*rows(), *copies]))
    assert {issue.record_id for issue in found.issues} == {row[0] for row in copies}


def test_labels_are_compared_by_words_if_there_are_no_vectors(tmp_path: Path) -> None:
    """The texts name their category, so the wrong labels are found."""
    texts = [row[:3] for row in rows(wrong=(10, 20))]
    found = assessed(write(tmp_path / "a.db", texts, "id integer primary key, text, category"), tmp_path / "kept")
    assert {issue.record_id for issue in found.issues} == {10, 20}
    assert found.basis == "TF-IDF of the texts"
    again = assessed(tmp_path / "a.db", tmp_path / "kept")
    assert (again.fitted, again.predicted, again.issues) == (False, 0, found.issues)


def test_records_of_large_categories_are_drawn(tmp_path: Path, doubtful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are not learned from are predicted as well, and the same ones are drawn every time."""
    monkeypatch.setattr(assessment, "shares_to_draw", lambda counts, dimension: dict.fromkeys(counts, 0.5))
    first, second = (assessed(doubtful) for _ in range(2))
    assert (first.records, first.issues) == (90, second.issues)
    assert {issue.record_id for issue in first.issues} >= {10, 20}


def test_record_that_is_doubted_itself_does_not_speak_for_a_label(tmp_path: Path) -> None:
    """Of two records with nearly the same vector and the same wrong label, neither names the other."""
    wrong = next(row for row in rows() if row[0] == 10)
    twins = [(100 + number, f"twin {number}", "card", wrong[3], wrong[4]) for number in range(2)]
    found = assessed(write(tmp_path / "a.db", [*rows(), *twins]))
    assert {issue.record_id for issue in found.issues} == {100, 101}
    assert {near.record_id for pair in found.nearest.values() for near in pair if near} & {100, 101} == set()


@pytest.mark.parametrize("factor", [1e-25, 1e37])
def test_vectors_of_extreme_numbers_are_read(tmp_path: Path, factor: float) -> None:
    """Their squares are no 32-bit numbers."""
    wrong = rows(wrong=(10, 20))
    extreme = [(*row[:4], json.dumps([number * factor for number in json.loads(row[4] or "")])) for row in wrong]
    found = assessed(write(tmp_path / "a.db", extreme))
    assert {issue.record_id for issue in found.issues} == {10, 20}


def test_long_vectors_are_projected(tmp_path: Path) -> None:
    """On another night as on this one, in whatever block a record is."""
    path, folder = write(tmp_path / "a.db", rows(wrong=(10, 20, 30), dimension=1030)), tmp_path / "kept"
    first = assessed(path, folder)
    assert first.fitted
    fewer = assessed(write(path, rows(wrong=(10, 20, 30), dimension=1030)[7:]), folder)
    assert (fewer.fitted, fewer.predicted) == (False, 0)


def test_predictions_are_counted_by_the_strata_of_the_sampler(tmp_path: Path) -> None:
    """Also from what an earlier run kept, and with records that were not predicted."""
    made = [(*row, confidence_of(row[0])) for row in rows(wrong=(10,))]
    made[0] = (*made[0][:4], None, made[0][5])
    path = write(tmp_path / "a.db", made, f"{COLUMNS}, confidence")
    settings = Settings(db=path, seed=1, as_of=AS_OF, naive_timezone=ZoneInfo("UTC"))
    store = opened(path)
    strata = with_strata(store, strata_bounds(settings, store), lambda found: found.parts_of(range(1, 91)))
    sizes = Counter(map(str, strata.values()))
    for _ in range(2):
        predictions = assessed(path, tmp_path / "kept").predictions
        assert predictions is not None
        assert predictions.sizes == sizes
        counted = {name: sum(number for _, number in counts) for name, counts in predictions.counts.items()}
        assert counted == sizes - Counter([str(strata[1])])
        own = dict(predictions.sampled)
        assert list(own) == list(SAMPLED)
        assert own[10] < 0.5 < own[2]
        assert all(own[key] in dict(predictions.counts[str(strata[key])]) for key in SAMPLED)


def confidence_of(key: int) -> object:
    """Return a confidence: low, high, or one that cannot be read."""
    return (0.5, 0.9, 0.95, "?", "60 %")[key % 5]


def test_one_long_category_takes_its_own_memory_only(tmp_path: Path) -> None:
    """It may be a text by mistake."""
    text, rest = rows()[0][1], rows()[0][3:]
    written = write(tmp_path / "long.db", [*rows(), (1000, text, "x" * 1_000_000, *rest)])
    tracemalloc.start()
    try:
        found = assessed(written)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    assert found.records == 90
