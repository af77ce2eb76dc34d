"""What judges see of a record, from its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.files import Claims
from drift_checks.operations.judging.records import PickedRecord, WaitingRecords
from drift_checks.operations.judging.session import JudgingSession
from drift_checks.report.waiting import Waiting
from drift_checks.reviews.judgements.judgement import Answer
from tests.support.judgements import NOW
from tests.support.judging import DISAGREED, run_to_judge, waiting_records
from tests.support.stores import NAME, BuiltStore


def item_of(records: WaitingRecords, key: int) -> Waiting:
    """Return what waits of a record."""
    return next(item for item in records.waiting("anna") if item.record_id == key)


@pytest.mark.parametrize("chroma", [True, False])
def test_the_nearest_texts_with_either_category_are_found(store: BuiltStore, tmp_path: Path, chroma: bool) -> None:
    """By the store's vectors, or by words."""
    if not chroma:
        store.execute(f"alter table {NAME} drop column embedding_json")
    with waiting_records(store, tmp_path / "reports", chroma=chroma) as records:
        item = item_of(records, DISAGREED[0])
        found = records.read(item)
    assert found is not None
    assert {near.category for near in found.near} == {item.stored, item.reviewed}
    assert all(near.text for near in found.near)
    assert found.obstacle == ""


def test_what_prevents_a_search_is_said(store: BuiltStore, tmp_path: Path) -> None:
    """An empty list would look like a fault; the record can be judged without."""
    (store.folder / "chroma.sqlite3").unlink()
    with waiting_records(store, tmp_path / "reports") as records:
        found = records.read(item_of(records, 1))
    assert found is not None
    assert found.text
    assert str(store.folder) in found.obstacle


def test_there_may_be_no_similar_text_with_either_category(store: BuiltStore, tmp_path: Path) -> None:
    """That is said as well."""
    store.execute(f"update {NAME} set category = 'x' || id")
    with waiting_records(store, tmp_path / "reports") as records:
        found = records.read(item_of(records, 1))
    assert found is not None
    assert found.obstacle == "none among the 40 nearest texts has either category"


def test_a_record_that_was_corrected_is_passed_over(store: BuiltStore, tmp_path: Path) -> None:
    """So is one that is gone."""
    made = run_to_judge(store)
    store.execute(f"update {NAME} set category = 'new' where id = 1")
    store.execute(f"delete from {NAME} where id = 2")
    with waiting_records(store, tmp_path / "reports", made) as records:
        found = [records.read(item_of(records, key)) for key in (1, 2, 3)]
    assert [item is None for item in found] == [True, True, False]


def test_records_without_an_answer_can_be_exported(store: BuiltStore, tmp_path: Path) -> None:
    """The first that wait, as many as are wanted, with their texts."""
    with waiting_records(store, tmp_path / "reports") as records:
        found, texts = records.unanswered(5, NOW)
        wanted = [item.record_id for item in records.waiting("")][:5]
    assert [item.record_id for item in found] == wanted
    assert {item.answer for item in found} == {Answer.WITHDRAWN}
    assert all(texts[key] for key in wanted)


def test_a_picked_record_comes_first_until_it_is_answered(store: BuiltStore, tmp_path: Path) -> None:
    """Also one that was judged; it returns if the answer is undone."""
    with waiting_records(store, tmp_path / "reports") as records, Claims(tmp_path / "claims") as claims:
        first = next(records.waiting("anna")).record_id

        def session() -> JudgingSession:
            return JudgingSession(PickedRecord(records, str(first)), records.file, claims, "anna", lambda: NOW)

        def shown(opened: JudgingSession) -> object:
            return opened.current and (opened.current.waiting.record_id, opened.current.waiting.before is not None)

        opened = session()
        assert shown(opened) == (first, False)
        opened.answer(Answer.STORE)
        opened.pause()
        again = session()
        assert shown(again) == (first, True)
        again.answer(Answer.UNKNOWN)
        assert shown(again) != (first, True)
        again.undo()
        assert shown(again) == (first, True)
        assert [item.answer for item in records.judged().all] == [Answer.STORE]
