"""Queries that are stopped by a time limit or a signal."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from drift_checks.stores.engines.patience import Patience, Stopped, TooSlow
from tests.support.waiting import PATIENCE

ENDLESS = "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r"


def query(patience: Patience, statement: str) -> object:
    """Return the first value of a query that the patience watches."""

    def ask() -> object:
        with closing(sqlite3.connect(":memory:")) as connection:
            patience.watch(connection)
            patience.begin()
            return connection.execute(statement).fetchone()[0]

    return patience.wait_for(ask)


def test_a_result_is_returned() -> None:
    """From another thread."""
    assert query(Patience(10), "select 3") == 3
    assert Patience(10).wait_for(threading.current_thread) is not threading.current_thread()


def test_an_error_is_raised_in_the_caller() -> None:
    """As if the caller had made the query, also if it is no Exception."""
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        query(Patience(10), "select 1 from missing")
    with pytest.raises(pytest.skip.Exception):
        Patience(10).wait_for(lambda: pytest.skip("unmeasured"))


def test_an_endless_query_is_stopped() -> None:
    """No thread is left behind."""
    began = time.monotonic()
    with pytest.raises(TooSlow):
        query(Patience(0.1), ENDLESS)
    assert time.monotonic() - began < PATIENCE
    assert "drift-query" not in {thread.name for thread in threading.enumerate() if thread.is_alive()}


def test_each_query_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that take less than the limit may together take more."""
    clock, passed = time.monotonic, 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock() + passed)
    patience = Patience(1000)

    def ask_twice() -> str:
        nonlocal passed
        for _ in range(2):
            patience.begin()
            passed += 600
            # It is looked at more often than that.
            time.sleep(0.3)
        return "done"

    assert patience.wait_for(ask_twice) == "done"


def test_a_signal_stops_an_endless_query() -> None:
    """Its handler runs at once, and no further query begins."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    patience = Patience(60)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            query(patience, ENDLESS)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < PATIENCE
    with pytest.raises(Stopped):
        patience.begin()
