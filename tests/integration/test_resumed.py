"""Reviews that continue where they were interrupted, by SIGKILL or because too little could be reviewed."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.reviews.journal import JOURNAL_FILE, JournalContents, read_journal
from tests.support.chat_behaviour import GARBAGE, Behaviour
from tests.support.chat_server import ChatServer
from tests.support.llm_runs import Started, asked, asking, named_but
from tests.support.session_runs import SMALL, Review, Run, run_folders
from tests.support.stores import NAME as TABLE
from tests.support.stores import BuiltStore

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("llm_key")]

CONCURRENCY = 2
TWENTY = ("--drift-sample-size=20", "--drift-baseline=0", f"--drift-concurrency={CONCURRENCY}")
# Another day than today, on which the seed's default is another, too.
PINNED = ("--drift-as-of=2026-01-15T02:00:00Z", "--drift-seed=1", "--drift-naive-timezone=Asia/Tokyo")
# Of the sample of twenty, two or three disagree.
ANSWERS: Mapping[int, Mapping[str, object]] = {
    number: {"category": "regulatory", "confidence": 0.8} for number in range(0, 121, 6)
}


@dataclass(frozen=True)
class Killed:
    """A review of twenty records that was killed after a few; `options` leave out what was pinned."""

    server: ChatServer
    options: tuple[str, ...]
    reports: Path
    asked: list[int]

    @property
    def journal(self) -> JournalContents:
        """What it left."""
        (path,) = self.reports.glob(f".*/{JOURNAL_FILE}")
        return read_journal(path)

    @property
    def header(self) -> Mapping[str, Any]:
        """Its settings and drew."""
        assert self.journal.header is not None
        return self.journal.header


@pytest.fixture(scope="module")
def _killed_once(_store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    behaviour = Behaviour(latency=0.3, answer=named_but(ANSWERS))
    with ChatServer(behaviour) as server:
        options = (f"--drift-db={_store_once.db}", *TWENTY, *asking(server))
        with Started(tmp_path_factory.mktemp("killed"), *options, *PINNED) as started:
            started.until(lambda: len(server.requests) >= 6)
            started.tell(signal.SIGKILL)
        before = asked(server.requests)
        server.behaviour = Behaviour(answer=named_but(ANSWERS))
        yield Killed(server, options, started.reports, before)


@pytest.fixture
def killed(_killed_once: Killed, review: Review) -> Killed:
    """What it left, in the test's own folder."""
    shutil.copytree(_killed_once.reports, review.folder / "reports")
    return Killed(_killed_once.server, _killed_once.options, review.folder / "reports", _killed_once.asked)


def resume(review: Review, killed: Killed, *more: str) -> tuple[Run, list[int]]:
    """Go on with the killed review; return the run, and the records that were asked about meanwhile."""
    before = len(killed.server.requests)
    run = review(*killed.options, "--drift-resume", *more)
    return run, asked(killed.server.requests[before:])


def test_answered_record_is_not_asked_about_again(review: Review, killed: Killed) -> None:
    """Each record takes one call, and those in flight when the run was killed another one."""
    answered = {made.record_id for made in killed.journal.reviews}
    run, again = resume(review, killed)
    assert (len(answered) >= 4, answered & set(again)) == (True, set())
    assert len(killed.asked) + len(again) <= 20 + CONCURRENCY
    assert run.drift["reviewer"]["calls"] <= 20 + CONCURRENCY


def test_resumed_run_is_as_an_uninterrupted_one(review: Review, killed: Killed) -> None:
    """On another day, draw, agreement and criteria are those of the killed run; its report is the latest."""
    header = killed.header
    run, _ = resume(review, killed)
    whole = review(*killed.options, *PINNED, "--drift-reports=whole", reports=review.folder / "whole")
    same = ("verdict", "exit_code", "partial", "agreement", "criteria", "disagreements")
    assert [run.drift[name] for name in same] == [whole.drift[name] for name in same]
    sample = run.drift["sample"]
    found = [sample[name] for name in ("seed", "as_of", "naive_timezone", "record_ids")]
    assert found == [1, "2026-01-15T02:00:00Z", "Asia/Tokyo", [record[0] for record in header["sample"]["records"]]]
    assert (run.drift["run_id"], run.drift["started"]) == (header["run_id"], header["started"])
    assert (run.reports / "latest").readlink().name == run.folder.name == run.drift["run_id"]
    assert list(run.reports.glob(".*.tmp")) == []


def test_calls_of_before_count(review: Review, killed: Killed) -> None:
    """`max-calls` bounds the whole run, its first part included."""
    _, again = resume(review, killed, "--drift-max-calls=12")
    assert len(killed.asked) + len(again) <= 12


@pytest.mark.parametrize("cut", [1, 30])
def test_torn_last_line_does_no_harm(review: Review, killed: Killed, cut: int) -> None:
    """A journal that ends in the middle of a line is read up to there, and written on after it."""
    (path,) = killed.reports.glob(f".*/{JOURNAL_FILE}")
    path.write_bytes(path.read_bytes()[:-cut])
    run, _ = resume(review, killed)
    reviewed = {made.record_id for made in read_journal(run.folder / JOURNAL_FILE).reviews}
    assert (run.drift["reviewer"]["reviewed"], len(reviewed)) == (20, 20)


@pytest.mark.parametrize(
    "other",
    [
        "--drift-sample-size=30",
        "--drift-seed=2",
        "--drift-as-of=2026-01-16T02:00:00Z",
    ],
)
def test_other_settings_are_refused(review: Review, killed: Killed, snapshot: SnapshotAssertion, other: str) -> None:
    """What would make two runs of it: 4, a sentence, and nothing was asked."""
    run, again = resume(review, killed, other)
    assert run.refusal == snapshot
    assert (again, run.written) == ([], [])


def test_same_settings_may_be_given_again(review: Review, killed: Killed) -> None:
    """The same command with --drift-resume is how a run continues."""
    assert len(resume(review, killed, *PINNED)[0].record_ids) == 20


def test_nothing_to_resume_is_refused(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """Where there was no run at all: 4."""
    assert review(*store.options, *SMALL, "--drift-resume").refusal == snapshot


def test_finished_run_is_not_resumed(review: Review, store: BuiltStore, snapshot: SnapshotAssertion) -> None:
    """Where the newest run came to its end: 4, and nothing was asked."""
    with ChatServer() as server:
        review(*store.options, *SMALL, *asking(server))
        refused = review(*store.options, *SMALL, *asking(server), "--drift-resume")
        assert refused.refusal == snapshot
        assert len(server.requests) == 5


def test_run_of_another_store_is_not_resumed(review: Review, killed: Killed, store: BuiltStore) -> None:
    """What was interrupted is known by its store."""
    other = f"--drift-db={store.db}"
    assert resume(review, killed, other)[0].exit_code == 4


def half_refused(review: Review, store: BuiltStore, server: ChatServer) -> tuple[tuple[str, ...], Run]:
    """Return the options of a review of twenty records of which ten could not be reviewed, and that review."""
    options = (f"--drift-db={store.db}", *TWENTY, "--drift-concurrency=1", *asking(server))
    server.behaviour = Behaviour(statuses=[200] * 10 + [404] * 10)
    return options, review(*options)


def written_again(run: Run) -> dict[str, Any]:
    """Return the run in the one folder that there is."""
    (folder,) = run_folders(run.reports)
    drift: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["drift"]
    return drift


def test_inconclusive_run_can_be_resumed(review: Review, store: BuiltStore) -> None:
    """As its summary says: it asks for the missing reviews, and its report replaces the first."""
    with ChatServer() as server:
        options, first = half_refused(review, store, server)
        answered = asked([request for request in server.requests if request.status == 200])
        before = len(server.requests)
        run_id = first.drift["run_id"]
        drift = written_again(review(*options, "--drift-resume"))
        again = asked(server.requests[before:])
    assert (first.exit_code, drift["exit_code"], drift["verdict"], drift["run_id"]) == (75, 0, "OK", run_id)
    assert (drift["reviewer"]["reviewed"], drift["reviewer"]["failed"]) == (20, 0)
    assert "--drift-resume" in first.summary
    assert sorted(answered + again) == sorted(first.record_ids)


@pytest.mark.parametrize("number", [2, 1])
def test_records_that_are_gone_are_noted(review: Review, store: BuiltStore, number: int) -> None:
    """Records deleted meanwhile are no longer in the sample, which a note says."""
    with ChatServer() as server:
        options, first = half_refused(review, store, server)
        drawn = first.record_ids
        for gone in drawn[-number:]:
            store.execute(f"delete from {TABLE} where id = ?", gone)
        sample = written_again(review(*options, "--drift-resume"))["sample"]
    assert sample["record_ids"] == drawn[:-number]
    said = "1 record of" if number == 1 else "2 records of the interrupted run are no longer in the store"
    assert any(said in note for note in sample["notes"])


def test_unusable_answers_are_asked_for_again(review: Review, store: BuiltStore) -> None:
    """The summary says that the missing reviews are asked for: those that had come to nothing are missing."""
    options = (f"--drift-db={store.db}", "--drift-records=1,2,3,4,5")
    with ChatServer(Behaviour(answer=named_but({1: GARBAGE, 2: GARBAGE}))) as server:
        first = review(*options, *asking(server))
        assert "--drift-resume" in first.summary
        before = len(server.requests)
        server.behaviour = Behaviour()
        review(*options, *asking(server), "--drift-resume")
        assert sorted(asked(server.requests[before:])) == [1, 2]
