"""The crontab under a real cron daemon, on private machines that keep its mail as text."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path

import pytest

from tests.support.booted import Machine, machine, wait_for
from tests.support.stores import build_store

# Read before a fixture takes the machine's settings away.
REQUIRED = os.environ.get("DRIFT_REQUIRE_SERVERS") == "1"
PINNED = ("--drift-as-of", "2026-01-15T02:00:00Z", "--drift-naive-timezone", "UTC", "--drift-seed", "1")
STORE = "/srv/the store 100%"
ZONE = "/usr/share/zoneinfo/Asia/Kolkata"
SECRET = "https://hooks.example.com/a 'b' \"c\" $d %e"


def cron() -> str:
    """Return the path of cron; without it, skip the test, or fail if servers are required."""
    found = shutil.which("cron")
    if found is None:
        reason = "cron is missing: apt-get install --no-install-recommends cron"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def prepare(host: Machine, disagreeing: list[int]) -> None:
    """Put a store on a machine in a zone half an hour off, which shows that the minute is in UTC."""
    (host.own / "etc/localtime").unlink(missing_ok=True)
    (host.own / "etc/localtime").symlink_to(ZONE)
    build_store(host.own / STORE.lstrip("/"), disagreeing=disagreeing)
    host.give("/srv")


def install(host: Machine, at: str) -> str:
    """Put the crontab on a machine; return the output."""
    settings = ("--drift-db", f"{STORE}/risk_classifications.db", "--drift-chroma", STORE, "--drift-alerts", "none")
    command = ("install", "cron", "--user", "drift", "--mail-to", "ann@example.com", "--at", at, *settings, *PINNED)
    output = host.checks(*command, OPENAI_API_KEY=SECRET)
    assert SECRET not in output
    return output


def install_for_the_next_minute(hosts: Collection[Machine]) -> str:
    """Put the crontabs on the machines before a minute begins in which their reviews are due; return an output."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        while True:
            due = (datetime.now(UTC) + timedelta(seconds=65)).replace(second=0, microsecond=0)
            (output, *_) = pool.map(install, hosts, repeat(f"{due:%H:%M}"))
            # The daemons start once this file exists.
            if datetime.now(UTC) < due - timedelta(seconds=2):
                for host in hosts:
                    (host.own / "srv/ready").touch()
                return output


def verdict(host: Machine) -> str | None:
    """Return the verdict of the run, None if there is none yet."""
    report = host.own / "var/lib/drift-checks/reports/latest/report.json"
    return str(json.loads(report.read_text())["drift"]["verdict"]) if report.exists() else None


def mail(host: Machine) -> list[str]:
    """Return the mail that cron sent."""
    return [file.read_text(encoding="utf-8") for file in sorted((host.own / "var/mail").iterdir())]


@pytest.mark.server
@pytest.mark.slow
def test_cron_mails_only_a_verdict_worse_than_ok(tmp_path: Path) -> None:
    """At the minute in UTC, on two machines in a zone half an hour off: one store drifts, the other does not."""
    daemon = cron()
    cases = {"OK": [], "CRITICAL": [number for number in range(1, 121) if number % 7 < 3]}
    with ExitStack() as stack:
        hosts = {}
        for name, disagreeing in cases.items():
            (tmp_path / name).mkdir()
            wait = f"until [ -e /srv/ready ]; do sleep 0.1; done; {daemon} -f"
            hosts[name] = stack.enter_context(machine(tmp_path / name, ["sh", "-c", wait]))
            prepare(hosts[name], disagreeing)
        output = install_for_the_next_minute(hosts.values())
        wait_for(lambda: all(verdict(host) for host in hosts.values()), 120)
        wait_for(lambda: bool(mail(hosts["CRITICAL"])), 60)
        time.sleep(1)
        by_hand = next(line for line in output.splitlines() if line.startswith("run now"))
        printed = hosts["OK"].run("sh", "-c", by_hand.removeprefix("run now"))
    assert {name: verdict(host) for name, host in hosts.items()} == {"OK": "OK", "CRITICAL": "CRITICAL"}
    assert mail(hosts["OK"]) == []
    (message,) = mail(hosts["CRITICAL"])
    assert "To: ann@example.com" in message
    assert "Content-Type: text/plain; charset=utf-8" in message
    assert "CRITICAL · " in message
    assert "the store 100%/risk_classifications.db" in message
    assert SECRET not in message
    assert "50 of 50 in the sample" in printed
