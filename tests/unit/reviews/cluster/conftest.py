"""A cluster of two workers, which all tests share: it takes two seconds to start."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from distributed import LocalCluster


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """The address of its scheduler; killed workers are replaced."""
    quiet = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", memory_limit=None, **quiet) as cluster:
        yield str(cluster.scheduler_address)
