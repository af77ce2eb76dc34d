"""The user's own classifier on a cluster: the same reviews, each paid for once, whatever becomes of the workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from drift_checks import __version__
from drift_checks.core.errors import ReviewerError
from drift_checks.core.records import Record, Review
from drift_checks.reviews.cluster import connection, workers
from drift_checks.reviews.cluster.choice import on_cluster
from drift_checks.reviews.reviewers.limits import Limits, Spent
from drift_checks.reviews.reviewers.own import OwnClassifier, load_classifier
from drift_checks.reviews.reviewers.pool import PooledReviewer
from drift_checks.settings.declarations import LOCAL, Settings
from tests.support.classifiers import make_records, patiently
from tests.support.session_runs import modules_kept

SOURCE = """
import os, time
from categories import upper

def note(what):
    with open({notes!r}, "a") as file:
        file.write(f"{{os.getpid()}} {{what}}\\n")

class Own:
    def __init__(self):
        note("open")

    def classify(self, text):
        note(text)
        time.sleep({seconds})
        if text == "text 3" and {crashes}:
            os._exit(1)
        if text == "text 4":
            raise ValueError("no decision")
        return {{"category": upper(text), "confidence": 0.5}}

    def close(self):
        note("close")
"""


class Notes:
    """What the classifier did, and in which process."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[tuple[int, str]]:
        """Return the process and what it did, in order."""
        words = [line.split(" ", 1) for line in self.path.read_text().splitlines()] if self.path.exists() else []
        return [(int(process), what) for process, what in words]

    def calls(self) -> Counter[str]:
        """Return how often the classifier was called with each text."""
        return Counter(what for _, what in self.lines() if what.startswith("text"))

    def processes(self, what: str) -> list[int]:
        """Return the processes that did it."""
        return [process for process, done in self.lines() if done == what]


class Reviewing:
    """Reviews by a module that only this process can import."""

    def __init__(self, folder: Path, *, seconds: float = 0.0, crashes: bool = False) -> None:
        self.notes = Notes(folder / "notes")
        self.folder = folder
        (folder / "categories.py").write_text("def upper(text):\n    return text.upper()\n")
        source = SOURCE.format(notes=str(self.notes.path), seconds=seconds, crashes=crashes)
        (folder / "beside_tests.py").write_text(source)

    def reviews(self, cluster: str | None, number: int = 40, limits: Limits | None = None) -> dict[object, Review]:
        """Return the reviews of that many records."""
        own = load_classifier("beside_tests:Own", (self.folder,))
        return reviews_by(own, cluster, make_records(number), limits or Limits(backoff=0.01))


def reviews_by(
    own: OwnClassifier, cluster: str | None, records: Sequence[Record], limits: Limits
) -> dict[object, Review]:
    """Return the reviews of the records, by their ids."""
    settings = Settings(reviewer=own.name, cluster=cluster)
    reviewer = PooledReviewer(on_cluster(own, settings, ()), limits, Spent())
    try:
        found = patiently(lambda: list(reviewer.review(records)), 30)
    finally:
        reviewer.finish()
    assert len(found) == len(records)
    return {review.record_id: review for review in found}


@pytest.fixture
def reviewing(tmp_path: Path) -> Iterator[Callable[..., Reviewing]]:
    """Makes reviews in a folder of their own, whose modules are forgotten."""
    with modules_kept(tmp_path):
        yield lambda **options: Reviewing(tmp_path, **options)


def decided(reviews: dict[object, Review]) -> dict[object, tuple[object, ...]]:
    """Return what was decided, and why not."""
    return {key: (found.category, found.confidence, found.failure) for key, found in reviews.items()}


@contextmanager
def once(condition: Callable[[], object], act: Callable[[], object]) -> Iterator[None]:
    """Act as soon as the condition holds."""

    def watch() -> None:
        while not condition():
            time.sleep(0.005)
        act()

    thread = Thread(target=watch, daemon=True)
    thread.start()
    yield
    thread.join(1)
    assert not thread.is_alive(), "the condition never held"


@pytest.mark.server
def test_reviews_are_the_same_as_without_a_cluster(scheduler: str, reviewing: Callable[..., Reviewing]) -> None:
    """Failures included; each record is asked about once, by both workers, which only get the code from the run."""
    here = reviewing()
    alone = here.reviews(None)
    here.notes.path.unlink()
    assert decided(here.reviews(scheduler)) == decided(alone)
    assert set(here.notes.calls().values()) == {1}
    assert len({process for process, _ in here.notes.lines()} - {os.getpid()}) == 2


@pytest.mark.server
def test_a_classifier_is_opened_once_on_each_worker_and_closed(
    scheduler: str, reviewing: Callable[..., Reviewing]
) -> None:
    """As in the process of the run."""
    here = reviewing()
    here.reviews(scheduler)
    opened = here.notes.processes("open")
    assert len(opened) == len({*opened}) == 2
    assert sorted(here.notes.processes("close")) == sorted(opened)


@pytest.mark.server
def test_a_budget_counts_the_calls_of_all_workers(scheduler: str, reviewing: Callable[..., Reviewing]) -> None:
    """No worker makes one more."""
    here = reviewing()
    reviews = here.reviews(scheduler, limits=Limits(max_calls=10))
    assert here.notes.calls().total() == 10
    assert sum(not review.asked for review in reviews.values()) == 30


@pytest.mark.server
def test_a_killed_worker_loses_no_review(scheduler: str, reviewing: Callable[..., Reviewing]) -> None:
    """Only calls that it had not finished are made again, each counted."""
    here = reviewing(seconds=0.05)
    victim: list[int] = []

    def kill() -> None:
        victim.append(here.notes.lines()[-1][0])
        os.kill(victim[0], signal.SIGKILL)

    calls: list[object] = []
    own = load_classifier("beside_tests:Own", (here.folder,))
    settings = Settings(reviewer=own.name, cluster=scheduler)
    reviewer = PooledReviewer(on_cluster(own, settings, ()), Limits(backoff=0.01), Spent())
    with once(lambda: here.notes.calls().total() > 60, kill):
        reviews = patiently(lambda: list(reviewer.review(make_records(150), on_call=calls.append)), 30)
        reviewer.finish()
    assert [review.record_id for review in reviews if not review.made] == [4]
    assert len({review.record_id for review in reviews}) == len(reviews) == 150
    asked = here.notes.calls()
    # What was on its way to the worker is counted, since nobody knows whether it arrived.
    assert asked.total() <= len(calls) <= asked.total() + 8
    again = [text for text, number in asked.items() if number > 1]
    assert len(again) <= 8
    assert len({process for process, what in here.notes.lines() if what in again}) >= 1


@pytest.mark.server
@pytest.mark.slow
def test_a_record_that_ends_its_worker_fails_alone(scheduler: str, reviewing: Callable[..., Reviewing]) -> None:
    """The records that it shared the worker with are reviewed."""
    here = reviewing(seconds=0.01, crashes=True)
    reviews = here.reviews(scheduler)
    assert {key for key, review in reviews.items() if not review.made} == {3, 4}
    assert here.notes.calls()["text 3"] == 2
    assert "two workers ended during its call" in str(reviews[3].failure)


@pytest.mark.server
def test_a_classifier_that_cannot_be_opened_ends_the_run(scheduler: str, reviewing: Callable[..., Reviewing]) -> None:
    """In the sentence that it has without a cluster."""
    here = reviewing()
    (here.folder / "beside_tests.py").write_text(
        "class Own:\n    def __init__(self):\n        1 / 0\n\n    def classify(self, text):\n        return text\n"
    )
    with pytest.raises(ReviewerError, match=r"beside_tests:Own cannot be instantiated .*ZeroDivisionError"):
        here.reviews(scheduler)


@pytest.mark.server
def test_other_versions_on_the_cluster_are_refused(
    scheduler: str, reviewing: Callable[..., Reviewing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names both; nothing is called."""
    of_packages = connection._versions
    places: list[object] = []

    def versions(found: object) -> dict[str, str | None]:
        places.append(found)
        # This process comes first.
        return {**of_packages(found), **({"drift_checks": "9.9"} if len(places) == 1 else {})}

    monkeypatch.setattr(connection, "_versions", versions)
    here = reviewing()
    problem = f"the scheduler of {scheduler} has drift_checks {__version__}, this process has 9.9; install the same"
    with pytest.raises(ReviewerError, match=re.escape(problem)):
        here.reviews(scheduler)
    assert here.notes.lines() == []


def test_a_cluster_needs_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how it is installed."""
    monkeypatch.setattr("drift_checks.reviews.cluster.choice.find_spec", lambda name: None)
    with pytest.raises(ReviewerError, match=r"pip install 'drift-checks\[dask\]'"):
        on_cluster(OwnClassifier(str.upper, "mine:classify"), Settings(cluster=LOCAL), ())


def test_an_instance_that_cannot_be_sent_is_refused() -> None:
    """The sentence says how workers get it."""

    class Own:
        def __init__(self) -> None:
            self.socket = socket.socket()

        def classify(self, text: str) -> str:
            return text

    with pytest.raises(ReviewerError, match=r"cannot be sent to the workers .*name it with --drift-reviewer=package"):
        on_cluster(OwnClassifier(Own(), "conftest:Own"), Settings(cluster="tcp://127.0.0.1:1"), ())


@pytest.mark.server
def test_a_scheduler_that_is_not_there_is_named(
    reviewing: Callable[..., Reviewing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run may be tried again."""
    monkeypatch.setattr("drift_checks.reviews.cluster.connection.CONNECT_SECONDS", 0.3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ReviewerError, match=f"the scheduler {address} cannot be reached") as raised:
            reviewing().reviews(address)
    assert raised.value.exit_code == 75


@pytest.mark.server
def test_a_cluster_without_workers_is_not_waited_for_endlessly(
    reviewing: Callable[..., Reviewing], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run may be tried again."""
    from distributed import LocalCluster

    monkeypatch.setattr(workers, "WORKER_SECONDS", 0.3)
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        address = str(cluster.scheduler_address)
        with pytest.raises(ReviewerError, match=f"the scheduler {address} has no worker after 0.3 s") as raised:
            reviewing().reviews(address)
    assert raised.value.exit_code == 75


@pytest.mark.server
@pytest.mark.slow
def test_a_local_cluster_leaves_no_process(reviewing: Callable[..., Reviewing]) -> None:
    """Its workers end with the reviews."""
    here = reviewing()
    reviews = here.reviews(LOCAL)
    assert sum(review.made for review in reviews.values()) == 39
    processes = {process for process, _ in here.notes.lines()} - {os.getpid()}
    assert processes
    assert not [process for process in processes if Path(f"/proc/{process}").exists()]
