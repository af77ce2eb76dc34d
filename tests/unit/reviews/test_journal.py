"""The journal of a run."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.plain import from_plain
from drift_checks.core.records import Review, Usage
from drift_checks.reviews.journal import JOURNAL_FILE, Journal, read_journal
from tests.support.processes import OtherProcess
from tests.support.reviews import REVIEWS, failed, made

BEGUN = {"run_id": "20260115T020000Z-abc123", "store": ["risks.db", "risks", "risks"]}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty one."""
    return Journal(tmp_path / JOURNAL_FILE)


def written(folder: Path, reviews: Sequence[Review]) -> Journal:
    """Return a journal of a run that made these reviews."""
    journal = Journal(folder / JOURNAL_FILE)
    journal.begin(BEGUN)
    for review in reviews:
        journal.add_call(review.record_id)
        journal.add_review(review)
    return journal


@given(REVIEWS)
def test_review_survives_its_plain_form(review: Review) -> None:
    """Through JSON, as it is written."""
    assert from_plain(Review, json.loads(json.dumps(asdict(review)))) == review


def test_a_review_may_lack_fields_and_have_unknown_ones() -> None:
    """As in the journals of other versions."""
    plain = {"record_id": 7, "category": "financial", "usage": {"seconds": 0.5}, "of_a_later_version": 1}
    assert from_plain(Review, plain) == Review(7, "financial", usage=Usage(seconds=0.5))


def test_second_reviewers_have_their_own_reviews_calls_and_costs(journal: Journal) -> None:
    """Resuming drops their unanswered reviews as it drops the first reviewer's."""
    journal.begin(BEGUN)
    journal.add_call(1)
    journal.add_review(made(1))
    for name in ("llm=small", "own:decide"):
        journal.add_call(1, name)
        journal.add_cost(0.5, name)
        journal.add_review(made(1, "regulatory"), name)
        journal.add_review(failed(2), name)
    journal.resume()
    found = read_journal(journal.path)
    assert (found.reviews, found.calls, found.spent) == ([made(1)], 1, 0.0)
    assert list(found.second) == ["llm=small", "own:decide"]
    second = found.second["own:decide"]
    assert (second.reviews, second.calls, second.spent) == ([made(1, "regulatory")], 1, 0.5)


@given(st.lists(REVIEWS, max_size=4))
def test_what_is_written_is_read(reviews: list[Review]) -> None:
    """In the order in which it was written."""
    with TemporaryDirectory() as folder:
        found = read_journal(written(Path(folder), reviews).path)
    assert (found.header, found.reviews, found.calls, found.finished) == (BEGUN, reviews, len(reviews), False)


@given(st.lists(REVIEWS, min_size=1, max_size=4), st.data())
def test_journal_cut_off_anywhere_keeps_what_is_whole(reviews: list[Review], data: st.DataObject) -> None:
    """The lines before the cut count, and no part of the one in which it is."""
    with TemporaryDirectory() as folder:
        path = written(Path(folder), reviews).path
        lines = path.read_bytes().splitlines(keepends=True)
        cut = data.draw(st.integers(0, sum(map(len, lines))))
        path.write_bytes(b"".join(lines)[:cut])
        found = read_journal(path)
    ends = [sum(map(len, lines[: number + 1])) for number in range(len(lines))]
    # A line lacks nothing but the line feed.
    whole = sum(end - 1 <= cut for end in ends)
    assert (found.header is not None, found.calls, found.reviews) == (
        whole > 0,
        whole // 2,
        reviews[: max(0, whole - 1) // 2],
    )


@given(st.integers(1, 300), REVIEWS)
def test_journal_cut_off_anywhere_goes_on(cut: int, last: Review) -> None:
    """What is written after the torn line is read, whichever it is but the first."""
    with TemporaryDirectory() as folder:
        path = written(Path(folder), [made(1), made(2)]).path
        content = path.read_bytes()
        path.write_bytes(content[: max(len(content) - cut, content.index(b"\n") + 1)])
        journal = Journal(path)
        journal.resume()
        journal.add_review(last)
        found = read_journal(path)
    assert (found.header is not None, found.reviews[-1]) == (True, last)


def test_journal_begins_once(journal: Journal) -> None:
    """A run that continues is the run that it began as."""
    journal.begin(BEGUN)
    journal.begin({"run_id": "another"})
    assert read_journal(journal.path).header == BEGUN


@pytest.mark.parametrize("inconclusive", [False, True])
def test_a_run_with_a_verdict_is_finished(journal: Journal, inconclusive: bool) -> None:
    """A later event reopens it."""
    journal.begin(BEGUN)
    journal.finish(inconclusive=inconclusive)
    assert read_journal(journal.path).finished is not inconclusive
    journal.add_call(1)
    assert not read_journal(journal.path).finished


ANSWERED = Review(2, failure="its category is none of the taxonomy", usage=Usage(10, 2))


@pytest.mark.parametrize(("inconclusive", "kept"), [(False, [made(1), ANSWERED]), (True, [made(1)])])
def test_run_that_goes_on_asks_for_what_was_not_answered(
    journal: Journal, inconclusive: bool, kept: list[Review]
) -> None:
    """Answers that were paid for and of no use are asked for again only where the run ended for want of answers."""
    journal.begin(BEGUN)
    for review in (made(1), ANSWERED, Review(3, failure="503"), Review(4, failure="the budget is spent", asked=False)):
        journal.add_review(review)
    if inconclusive:
        journal.finish(inconclusive=True)
    journal.resume()
    assert read_journal(journal.path).reviews == kept


def test_costs_count_whatever_became_of_their_reviews(journal: Journal) -> None:
    """Of calls that were in flight at the end the most that they can have cost, of all others what they did."""
    journal.begin(BEGUN)
    for amount in (2.0, 2.0, -1.5):
        journal.add_cost(amount)
    journal.add_review(Review(3, failure="503", usage=Usage(10, 2, 0.5)))
    journal.finish(inconclusive=True)
    journal.resume()
    found = read_journal(journal.path)
    assert (found.reviews, found.spent, found.used) == ([], 2.5, Usage(10, 2, 0.5))


def test_missing_journal_is_an_error(journal: Journal) -> None:
    """It is no empty one."""
    with pytest.raises(FileNotFoundError):
        read_journal(journal.path)


@pytest.mark.parametrize("junk", [b"\x00\x00\x00", b"\xff\xfe", b"[1, 2]", b"3", b'{"event": "of tomorrow"}'])
def test_lines_that_are_none_are_passed_over(journal: Journal, junk: bytes) -> None:
    """What a crash of the machine or a later version left."""
    journal.begin(BEGUN)
    with journal.path.open("ab") as file:
        file.write(junk + b"\n")
    journal.add_review(made(1))
    assert read_journal(journal.path).reviews == [made(1)]


def test_threads_write_whole_lines(journal: Journal) -> None:
    """Reviews come from one, calls from others."""
    journal.begin(BEGUN)
    everyone = threading.Barrier(8)

    def write(number: int) -> None:
        everyone.wait(10)
        for _ in range(20):
            journal.add_call(number)
            journal.add_review(failed(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    found = read_journal(journal.path)
    assert (found.calls, len(found.reviews)) == (160, 160)


def test_held_journal_keeps_others_waiting(journal: Journal) -> None:
    """One process of a run reviews at a time."""
    attempt = f"""
import fcntl, os
folder = os.open({str(journal.path.parent)!r}, os.O_RDONLY)
try:
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    answer = "free"
except BlockingIOError:
    answer = "held"
os.close(folder)
"""
    with OtherProcess() as other:
        with journal.locked():
            during = other.run(attempt)
        assert (during, other.run(attempt)) == ("held", "free")
