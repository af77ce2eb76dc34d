"""Reviews that are stopped by a signal, and what they leave."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drift_checks.reviews.journal import JOURNAL_FILE, JournalContents, read_journal
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.llm_runs import Started, asked, asking
from tests.support.session_runs import SMALL, Review, Run
from tests.support.stores import BuiltStore, records_alone

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("llm_key")]

SIGNALS = (signal.SIGTERM, signal.SIGINT)
CONCURRENCY = 2
SIXTY = ("--drift-sample-size=60", "--drift-baseline=0", f"--drift-concurrency={CONCURRENCY}")
BLOCKING = """
import pathlib, time

def blocking(text):
    pathlib.Path("asked").touch()
    time.sleep(60)
    return "financial"
"""


@dataclass(frozen=True)
class Stopped:
    """A review of sixty records that a signal stopped after a few."""

    run: Run
    server: ChatServer
    options: tuple[str, ...]
    asked: list[int]

    @property
    def journal(self) -> JournalContents:
        """Its journal."""
        return read_journal(self.run.folder / JOURNAL_FILE)

    @property
    def reviewed(self) -> int:
        """The number of records it reviewed."""
        number: int = self.run.drift["reviewer"]["reviewed"]
        return number


@pytest.fixture(scope="module", params=SIGNALS, ids=[number.name for number in SIGNALS])
def stopped(
    request: pytest.FixtureRequest, _store_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stopped]:
    """A review that was stopped by SIGTERM or by Ctrl-C."""
    folder = tmp_path_factory.mktemp("store")
    shutil.copy(_store_once.db, folder)
    with ChatServer(Behaviour(latency=0.3)) as server:
        options = (*records_alone(BuiltStore(folder)), *SIXTY, *asking(server))
        with Started(tmp_path_factory.mktemp("stopped"), *options) as started:
            started.until(lambda: len(server.requests) >= 6)
            run = started.tell(request.param)
        yield Stopped(run, server, options, asked(server.requests))


def test_stopped_run_is_interrupted(stopped: Stopped) -> None:
    """It exits with pytest's 2, long before it asked about all records."""
    assert (stopped.run.exit_code, len(stopped.asked) < 60) == (2, True)


def test_stopped_run_reports_its_reviews(stopped: Stopped) -> None:
    """Agreement counts the records that were reviewed."""
    agreement = stopped.run.criterion("agreement")
    assert 1 <= stopped.reviewed == agreement["passed"] <= len(stopped.asked)


def test_stopped_run_is_partial(stopped: Stopped) -> None:
    """It does not become `latest`."""
    latest = stopped.run.reports / "latest"
    assert (stopped.run.drift["partial"], latest.exists() or latest.is_symlink()) == (True, False)


def test_stopped_run_prints_its_progress(stopped: Stopped) -> None:
    """It also prints how to resume."""
    said = re.search(r"INTERRUPTED · (\d+) of 60 records were reviewed; .*--drift-resume", stopped.run.out)
    assert said is not None
    assert int(said[1]) == stopped.reviewed
    assert "Traceback" not in stopped.run.text


def test_stopped_run_keeps_its_reviews(stopped: Stopped) -> None:
    """The journal holds every review and counts every call."""
    journal = stopped.journal
    assert (len(journal.reviews), journal.finished) == (stopped.reviewed, False)
    # A call may be cancelled before it reaches the endpoint.
    assert 0 <= journal.calls - len(stopped.asked) <= CONCURRENCY


def test_silent_endpoint_does_not_delay_the_end(store: BuiltStore, tmp_path: Path) -> None:
    """Calls in flight are cancelled, not awaited until they time out."""
    with ChatServer(Behaviour(hanging=1)) as server, Started(tmp_path, *sixty(store, server)) as started:
        started.until(lambda: len(server.requests) >= 2)
        assert started.tell(signal.SIGINT).exit_code == 2


def test_blocking_classifier_does_not_delay_the_end(store: BuiltStore, tmp_path: Path) -> None:
    """The run does not wait for a classifier that blocks for a minute."""
    (tmp_path / "mine.py").write_text(BLOCKING, encoding="utf-8")
    with Started(tmp_path, *records_alone(store), *SMALL, "--drift-reviewer=mine:blocking") as started:
        started.until((tmp_path / "asked").exists)
        started.send(signal.SIGTERM)
        assert started.end(within=20).exit_code == 2


def test_run_without_any_review_has_no_report(store: BuiltStore, tmp_path: Path) -> None:
    """It prints how to resume all the same: its journal exists."""
    with ChatServer(Behaviour(hanging=1)) as server, Started(tmp_path, *small(store, server)) as started:
        started.until(lambda: len(server.requests) >= 1)
        run = started.tell(signal.SIGTERM)
    assert (run.written, "--drift-resume" in run.text) == ([], True)


def small(store: BuiltStore, server: ChatServer) -> tuple[str, ...]:
    """Return the options of a review of five records."""
    return (*records_alone(store), *SMALL, *asking(server), "--drift-timeout=600")


def sixty(store: BuiltStore, server: ChatServer) -> tuple[str, ...]:
    """Return the options of a review of sixty records, two at a time."""
    return (*records_alone(store), *SIXTY, *asking(server), "--drift-timeout=600")


def test_two_workers_are_stopped(store: BuiltStore, tmp_path: Path) -> None:
    """With pytest-xdist the run exits with 2 as well, before it asked about all records."""
    with ChatServer(Behaviour(latency=2)) as server, Started(tmp_path, *sixty(store, server), "-n", "2") as started:
        started.until(lambda: len(server.requests) >= 4)
        assert (started.tell(signal.SIGTERM).exit_code, len(server.requests) < 60) == (2, True)


@pytest.mark.parametrize("more", [(), ("--drift-resume",)], ids=["anew", "resumed"])
def test_second_run_at_the_same_time_exits_with_75(
    review: Review, store: BuiltStore, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """It asks nothing and does not disturb the first."""
    with ChatServer(Behaviour(hanging=1)) as server:
        options = small(store, server)
        with Started(tmp_path, *options) as started:
            started.until(lambda: len(server.requests) >= 5)
            second = review(*options, f"--drift-reports={started.reports}", *more, reports=started.reports)
            assert (second.exit_code, started.running, len(server.requests)) == (75, True, 5)


def test_killed_run_leaves_its_journal(store: BuiltStore, tmp_path: Path) -> None:
    """It holds the answers that came before SIGKILL, although there is no report."""
    with ChatServer(Behaviour(latency=0.3)) as server, Started(tmp_path, *sixty(store, server)) as started:
        started.until(lambda: len(server.requests) >= 6)
        run = started.tell(signal.SIGKILL)
        (journal,) = run.reports.glob(f".*/{JOURNAL_FILE}")
        left = read_journal(journal)
    assert (run.written, len(left.reviews) >= 3, left.calls <= len(server.requests) + CONCURRENCY) == ([], True, True)
