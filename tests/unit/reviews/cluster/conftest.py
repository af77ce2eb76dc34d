"""A cluster of two workers, which all tests share: it takes two seconds to start."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from distributed import LocalCluster

from tests.support.waiting import PATIENCE

_WORKERS = 2


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """The cluster, which replaces killed workers."""
    quiet = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
    with LocalCluster(
        n_workers=_WORKERS, threads_per_worker=1, host="127.0.0.1", memory_limit=None, **quiet
    ) as started:
        yield started


@pytest.fixture
def scheduler(cluster: LocalCluster) -> str:
    """The address of its scheduler, when all workers are there: an earlier test may have killed one."""
    deadline = time.monotonic() + PATIENCE
    assert cluster.scheduler is not None
    while len(cluster.scheduler.workers) < _WORKERS:
        assert time.monotonic() < deadline, "a killed worker is not replaced"
        time.sleep(0.01)
    return str(cluster.scheduler_address)
