"""A store whose queries never end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.stores import BuiltStore
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.slow

VIEW = """
create view endless as with recursive numbers(id) as (select 1 union all select id + 1 from numbers)
select id, 'text' as text, 'financial' as category from numbers
"""


@pytest.mark.parametrize("front", [("drift_checks", "--run-once"), ("pytest", "--pyargs", "drift_checks")])
def test_sigterm_ends_a_query_at_once(store: BuiltStore, tmp_path: Path, front: tuple[str, ...]) -> None:
    """With pytest's exit code for interrupted sessions."""
    store.execute(VIEW)
    options = [*store.options, "--drift-table=endless", f"--drift-reports={tmp_path / 'reports'}"]
    run = subprocess.Popen([sys.executable, "-m", *front, *options], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        wait_until_open(run.pid, store.db)
        run.send_signal(signal.SIGTERM)
        began = time.monotonic()
        printed, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 2
    assert "stopped by SIGTERM" in printed
    assert time.monotonic() - began < PATIENCE


def wait_until_open(pid: int, path: Path) -> None:
    """Wait until the process reads the file."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if os.readlink(link) == str(path):  # noqa: PTH115 - a link to a socket is no path
                    time.sleep(0.5)
                    return
            except OSError:
                continue
        time.sleep(0.05)
    raise TimeoutError(path)
