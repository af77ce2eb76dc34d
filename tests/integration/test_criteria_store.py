"""Criteria that count what is wrong in the store itself: no chance, and no reviewer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.drifting import DriftingStore, check_all, check_only, module_of, statistic, two_windows, write_store
from tests.support.session_damage import without_vectors
from tests.support.session_runs import Review, Run
from tests.support.stores import NAME, BuiltStore

ARCHIVES = "create table embedding_archives (id integer primary key, classification_id integer, embedding_json text)"


@pytest.fixture
def sound(tmp_path: Path) -> DriftingStore:
    """400 records, each with a text and a place of its own."""
    return write_store(tmp_path / "sound", two_windows())


@pytest.fixture
def archived(sound: DriftingStore) -> DriftingStore:
    """Forty of the records were classified anew, and their earlier embeddings are archived."""
    sound.execute(ARCHIVES)
    sound.execute(f"update {NAME} set archive_version = 1 where id <= 40")
    sound.execute(f"insert into embedding_archives (classification_id) select id from {NAME} where id <= 40")
    return sound


@pytest.mark.parametrize(("others", "verdict"), [(4, "WARNING"), (5, "CRITICAL")])
def test_vectors_of_another_model_are_found(review: Review, sound: DriftingStore, others: int, verdict: str) -> None:
    """A share above 0.001 is WARNING and above 0.01 CRITICAL: 4 of 400 records are not above it."""
    sound.execute(f"update {NAME} set embedding_model = 'other' where id <= ?", others)
    assert check_only(review, sound, "provenance").criterion("provenance")["verdict"] == verdict


def test_versions_in_use_are_reported(review: Review, sound: DriftingStore) -> None:
    """Of embedding model, model and prompt, over the whole store, the most frequent first."""
    sound.execute(f"update {NAME} set embedding_model = 'other', model_version = 'model-2' where id <= 100")
    found = check_only(review, sound, "provenance", "--drift-sample-size=2").criterion("provenance")
    shares = "embedding_model toy 75 %, other 25 %; model_version model-1 75 %, model-2 25 %; prompt_version 1 100 %"
    assert statistic(found, "embedding models")["details"]["models"] == {"toy": 300, "other": 100}
    assert shares in found["message"]


def test_store_that_names_no_embedding_model_is_not_measured(review: Review, sound: DriftingStore) -> None:
    """Nor can archives be told without their table."""
    sound.without("embedding_model")
    found = check_only(review, sound, "provenance").criterion("provenance")
    said = ["no column embedding_model", "no table embedding_archives"]
    assert (found["verdict"], [words in found["message"] for words in said]) == (None, [True, True])


def test_archives_that_are_gone_are_found(review: Review, archived: DriftingStore) -> None:
    """The share is of the forty reclassified records, not of the store; without the column, it is not measured."""
    archives = statistic(check_only(review, archived, "provenance").criterion("provenance"), "archives")
    assert (archives["verdict"], archives["value"], archives["number"]) == ("OK", 0.0, 40)
    archived.execute("delete from embedding_archives where classification_id <= 4")
    found = check_only(review, archived, "provenance").criterion("provenance")
    archives = statistic(found, "archives")
    assert (archives["verdict"], archives["value"]) == ("CRITICAL", 0.1)
    assert "4 of 40 reclassified records lack an archive; 360 were never reclassified" in found["message"]
    archived.without("archive_version")
    found = check_only(review, archived, "provenance").criterion("provenance")
    assert (found["verdict"], found["passed"], found["unmeasured"]) == ("OK", 1, 1)


@pytest.mark.parametrize(("copies", "verdict"), [(2, "OK"), (10, "WARNING")])
def test_same_text_under_two_categories_is_found(
    review: Review, sound: DriftingStore, copies: int, verdict: str
) -> None:
    """Each copy puts two records into conflict: above 4 of 400 is WARNING, above 20 CRITICAL."""
    copy_texts(sound, copies)
    found = check_only(review, sound, "label_conflicts").criterion("label_conflicts")
    assert (statistic(found, "same text")["verdict"], found["verdict"]) == (verdict, verdict)


COUNTED = ("provenance", "label_conflicts")


def test_whole_store_is_counted_without_timestamps(review: Review, sound: DriftingStore) -> None:
    """Counts of the whole store need no windows."""
    sound.without("timestamp")
    assert check_all(review, sound, COUNTED).verdicts() == dict.fromkeys(COUNTED, "OK")


def test_store_smaller_than_the_least_number_is_not_measured(review: Review, sound: DriftingStore) -> None:
    """400 records if 401 are needed."""
    least = ",".join(f"{name}=401" for name in COUNTED)
    run = check_all(review, sound, COUNTED, f"--drift-least={least}")
    assert run.verdicts() == dict.fromkeys(COUNTED)
    assert all("needs 401 " in run.criterion(name)["message"] for name in COUNTED)


def test_critical_conflicts_are_counted_and_one_is_named(review: Review, sound: DriftingStore) -> None:
    """Whatever the error rate, since no chance is involved; the check fails, and the run ends with 1."""
    copy_texts(sound, 11)
    run = check_only(review, sound, "label_conflicts", "--drift-error-rate=1e-9")
    found = run.criterion("label_conflicts")
    assert (found["verdict"], run.exit_code) == ("CRITICAL", 1)
    assert {item["p_value"] for item in found["statistics"]} == {None}
    assert "22 of 400 records have the same text as one in another category, for example record" in found["message"]
    assert {test["nodeid"].partition("::")[2]: test["outcome"] for test in run.document["tests"]} == {
        "test_same_text": "failed",
        "test_same_vector": "passed",
    }


def test_same_place_under_two_categories_is_found(review: Review, sound: DriftingStore) -> None:
    """Texts that say the same in other words lie at one place: here 22 of 400 records."""
    for key in range(1, 12):
        vector = f"(select embedding_json from {NAME} where id = ?)"
        sound.execute(f"update {NAME} set embedding_json = {vector} where id = ?", key, key + 40)
    found = statistic(check_only(review, sound, "label_conflicts").criterion("label_conflicts"), "same vector")
    assert (found["verdict"], found["value"]) == ("CRITICAL", pytest.approx(22 / 400))


def test_places_are_not_compared_without_vectors(review: Review, sound: DriftingStore) -> None:
    """Texts still are."""
    sound.without("embedding_json")
    found = check_only(review, sound, "label_conflicts").criterion("label_conflicts")
    assert (found["verdict"], found["passed"], found["unmeasured"]) == ("OK", 1, 1)


@pytest.mark.parametrize(("moved", "verdict"), [(1, "OK"), (7, "CRITICAL")])
def test_stale_index_is_found(review: Review, store: BuiltStore, moved: int, verdict: str) -> None:
    """Records whose place in Chroma is another than in SQLite: of 120, two are below 0.99 and seven below 0.95."""
    for key in range(1, moved + 1):
        vector = [0.0] * 8
        vector[key % 3] = -1.0
        vector[(key + 1) % 3] = 1.0
        store.execute(f"update {NAME} set embedding_json = ? where id = ?", json.dumps(vector), key)
    found = look_up(review, store)
    assert (found["verdict"], found["failed"]) == (verdict, moved)


def test_records_without_a_vector_are_not_measured(review: Review, store: BuiltStore) -> None:
    """The message says why if no record, no column or no Chroma directory is left to search."""
    without_vectors(store, list(range(1, 21)))
    found = look_up(review, store)
    assert (found["verdict"], found["passed"], found["unmeasured"]) == ("OK", 100, 20)
    store.execute(f"update {NAME} set embedding_json = ''")
    found = look_up(review, store)
    assert (found["verdict"], "holds no vector of the collection's dimension" in found["message"]) == (None, True)
    store.execute(f"alter table {NAME} drop column embedding_json")
    found = look_up(review, store)
    assert (found["verdict"], "no column embedding_json" in found["message"]) == (None, True)


def test_without_chroma_nothing_is_looked_up(review: Review, sound: DriftingStore) -> None:
    """A run may have no Chroma directory."""
    found = check_only(review, sound, "self_retrieval").criterion("self_retrieval")
    assert (found["verdict"], "there is no Chroma collection" in found["message"]) == (None, True)


def look_up(review: Review, store: BuiltStore, *options: str) -> dict[str, Any]:
    """Return the outcome of the criterion over all records."""
    run: Run = review.pytest(
        "--pyargs", module_of("self_retrieval"), *store.options, "--drift-sample-size=120", *options
    )
    return run.criterion("self_retrieval")


def copy_texts(store: BuiltStore, copies: int, apart: int = 40) -> None:
    """Give that many records the text of the one that is `apart` places before it."""
    for key in range(apart + 1, apart + 1 + copies):
        source = f"(select text, text_hash from {NAME} where id = ?)"
        store.execute(f"update {NAME} set (text, text_hash) = {source} where id = ?", key - apart, key)
