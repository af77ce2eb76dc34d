"""Criteria of the user's own: ten lines in a folder of theirs, named beside the built-in ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.session_criteria import LONG_ENOUGH, source, write_criterion
from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore

EVERY_FIXTURE = """
def test_all(record, review, reviews, sample, vectors, store, taxonomy, dimension):
    assert record in sample.records
    assert review is reviews[record.id]
    assert record.category in taxonomy
    assert vectors.dimension == dimension
    assert store.count() == 120
"""
WHOLE_STORE = """
def test_share(store, whole_store):
    whole_store("long texts", {passed}, {failed}, "{{failed}} of {{total}} texts are short")
"""
STRICT = 'question="Is it so?", warn=0.9, critical=0.5'


def test_folder_of_criteria_is_named_like_any_tests(review: Review, store: BuiltStore) -> None:
    """Its criteria can use all fixtures of the built-in ones, and those of the conftest.py beside them."""
    own = review.folder / "own"
    write_criterion(own, "all", EVERY_FIXTURE)
    write_criterion(own, "length", "def test_length(record, least):\n    assert len(record.text) > least")
    conftest = "import pytest\n\n@pytest.fixture\ndef least():\n    return 10\n"
    (own / "conftest.py").write_text(conftest, encoding="utf-8")
    found = review(*store.options, *SMALL, "own")
    assert (found.criterion("all")["passed"], found.criterion("length")["passed"]) == (5, 5)


def test_criterion_alone_is_a_partial_run(review: Review, store: BuiltStore) -> None:
    """One's own criterion can be run without the built-in ones."""
    own = write_criterion(review.folder / "own")
    found = review.pytest(own, *store.options, *SMALL)
    assert (found.verdicts(), (found.reports / "latest").exists()) == ({"length": "OK"}, False)


@pytest.mark.parametrize(
    ("short", "verdict", "exit_code"),
    [(1, "OK", 0), (2, "WARNING", 0), (6, "CRITICAL", 1)],
)
def test_thresholds_of_its_own(review: Review, store: BuiltStore, short: int, verdict: str, exit_code: int) -> None:
    """Of ten records: 0.9 is OK and 0.5 WARNING, as the mark says."""
    own = write_criterion(
        review.folder / "own", "age", f"def test_age(record):\n    assert record.id > {short}", STRICT
    )
    found = review.pytest(own, *store.options, f"--drift-records={','.join(map(str, range(1, 11)))}")
    assert (found.criterion("age")["verdict"], found.exit_code) == (verdict, exit_code)


def test_what_is_not_measured_and_what_fails(review: Review, store: BuiltStore) -> None:
    """A skip counts neither for nor against; a failed assertion about the whole store is critical."""
    own = review.folder / "own"
    write_criterion(own, "few", "def test_few(record):\n    assert False", 'question="Is it so?", least=20')
    write_criterion(own, "odd", "def test_odd(record):\n    if record.id % 2:\n        pytest.skip('odd')")
    write_criterion(own, "none", "def test_none(record):\n    pytest.skip('no weather today')")
    write_criterion(own, "size", "def test_size(store):\n    assert store.count() > 1000")
    found = review.pytest(own, *store.options, "--drift-records=1,2,3")
    assert found.verdicts() == {"few": "CRITICAL", "odd": "OK", "none": None, "size": "CRITICAL"}
    odd = found.criterion("odd")
    assert (odd["passed"], odd["failed"], odd["unmeasured"]) == (1, 0, 2)
    assert "no weather today" in found.criterion("none")["message"]


@pytest.mark.parametrize(("passed", "failed", "verdict"), [(90, 10, "OK"), (49, 51, "CRITICAL")])
def test_share_of_the_whole_store(review: Review, store: BuiltStore, passed: int, failed: int, verdict: str) -> None:
    """It is compared with the mark's thresholds."""
    check = WHOLE_STORE.format(passed=passed, failed=failed)
    own = write_criterion(review.folder / "own", "share", check, STRICT)
    found = review.pytest(own, *store.options, *SMALL).criterion("share")
    assert (found["verdict"], f"{failed} of 100 texts are short" in found["message"]) == (verdict, True)


def test_message_of_a_failure_is_in_the_summary(review: Review, store: BuiltStore) -> None:
    """What the assertion says is what the user reads."""
    store.execute(f"update {NAME} set text = 'short' where id = 1")
    own = write_criterion(review.folder / "own")
    found = review(*store.options, "--drift-records=1,2", own)
    assert ("the text is short" in found.summary, "Traceback" in found.out) == (True, False)


WRONG = {
    "no question": "warn=0.9",
    "unknown argument": 'question="Is it so?", warm=0.9',
    "by position": '"Is it so?"',
    "wrong type": 'question="Is it so?", least="3"',
    "critical above warn": 'question="Is it so?", warn=0.5, critical=0.6',
    "name given": 'question="Is it so?", name="other"',
}


@pytest.mark.parametrize("wrong", sorted(WRONG))
def test_wrong_declaration_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion, wrong: str
) -> None:
    """A declaration that could not be judged names the file and the fault: 4."""
    own = write_criterion(review.folder / "own", mark=WRONG[wrong])
    assert review(*store.options, *SMALL, own).refusal == snapshot


def test_bare_mark_is_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """The mark without arguments lacks the question."""
    own = write_criterion(review.folder / "own", mark=None)
    assert review(*store.options, *SMALL, own).refusal == snapshot


def test_critical_above_the_runs_warn_is_refused(review: Review, store: BuiltStore) -> None:
    """A criterion's `critical` above the run's `warn`, where it has no `warn` of its own, is refused."""
    own = write_criterion(review.folder / "own", mark='question="Is it so?", critical=0.9')
    assert review(*store.options, *SMALL, own).exit_code == 4


def test_two_criteria_of_one_name_are_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """A file called like a built-in criterion's is refused with both paths."""
    own = write_criterion(review.folder / "own", "agreement")
    assert review(*store.options, *SMALL, own, "--import-mode=importlib").refusal == snapshot


def test_marks_of_two_kinds_in_one_file_are_one_criterions(review: Review, store: BuiltStore) -> None:
    """Only what bears the mark is a check of the criterion."""
    text = (
        source(LONG_ENOUGH)
        .replace("pytestmark = ", "criterion = ")
        .replace("def test_length", "@criterion\ndef test_length")
    )
    own = Path(review.folder / "test_length.py")
    own.write_text(text + "\ndef test_ordinary():\n    assert True\n", encoding="utf-8")
    assert review(*store.options, *SMALL, own).criterion("length")["passed"] == 5
