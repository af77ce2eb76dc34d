"""The Dask cluster: whether it can be reached, and has workers with the same versions."""

from __future__ import annotations

import asyncio

from drift_checks.core.errors import DriftError
from drift_checks.core.text import count
from drift_checks.operations.doctor.check import Check, CheckResult, failed_with, passed, warning
from drift_checks.operations.doctor.setup import Setup
from drift_checks.reviews.cluster.choice import refuse_no_gain, refuse_not_installed
from drift_checks.settings.declarations import LOCAL


def checks(setup: Setup) -> list[Check]:
    """Return the check of the cluster; none without one."""
    if setup.settings.cluster is None:
        return []
    return [Check("cluster", lambda: _cluster(setup), ("cluster", "reviewer"))]


def _cluster(setup: Setup) -> CheckResult:
    address = setup.settings.cluster
    assert address is not None
    try:
        refuse_no_gain(setup.settings, setup.settings.reviewers[0])
        refuse_not_installed()
        if address == LOCAL:
            return passed("local: a run starts a worker for each processor, and ends them")
        workers = asyncio.run(_workers(address))
    except DriftError as error:
        return failed_with(error, "cluster")
    if not workers:
        return warning(f"the scheduler {address} has no workers", f"start some, as with: dask worker {address}")
    threads = count(sum(workers.values()), "thread")
    return passed(f"the scheduler {address} has {count(len(workers), 'worker')} with {threads}, of the same versions")


async def _workers(address: str) -> dict[str, int]:
    from drift_checks.reviews.cluster.connection import Connection

    connection = Connection(address)
    try:
        await connection.open()
        workers = await connection.workers()
        await connection.check_versions(workers)
        return workers
    finally:
        await connection.close()
