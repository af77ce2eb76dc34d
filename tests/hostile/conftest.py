"""What the tests of hostile servers share: limits of time and memory, and certificates."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

# Peak memory of a process that sends one message to one server; prints MiB, seconds and the outcome.
_PROBE = r"""
import re, sys, time
from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.delivery import Delivery, send_all
from drift_checks.alerts.message import trial_message
from drift_checks.core.secrets import Secret
from drift_checks.stores.identity import StoreIdentity
name, address, seconds = sys.argv[1:]
def channel():
    if name == "slack":
        from drift_checks.alerts.channels.slack import Slack
        return Slack(Secret(address))
    if name == "pagerduty":
        from drift_checks.alerts.channels.pagerduty import PagerDuty
        return PagerDuty(Secret("0" * 32), address, {})
    if name == "apprise":
        from drift_checks.alerts.channels.apprise_urls import AppriseUrl
        return AppriseUrl(Secret(address))
    from drift_checks.alerts.channels.email import Email
    return Email(Secret(address), ("ann@example.com",), "drift@example.org")
def peak():
    # Unlike getrusage, it leaves out what the process was before it ran this.
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])
made = channel()
message = trial_message(StoreIdentity("a.db", "t", "c"), "2026-01-15T02:00:00Z", None)
made.payload(message)
import requests
before, began = peak(), time.monotonic()
(sent,) = send_all([Delivery(made, message)], Deadline.after(float(seconds)))
outcome = f"delivered: {sent.answer}" if sent.delivered else sent.answer
print((peak() - before) / 1024, time.monotonic() - began, outcome)
"""


@dataclass(frozen=True)
class Probe:
    """What sending one message took, in MiB beside what was loaded before and in seconds, and its outcome."""

    memory: float
    seconds: float
    outcome: str


def probe(channel: str, address: str, seconds: float = 4.0, python: str = sys.executable) -> Probe:
    """Send one message in a process of its own."""
    command = [python, "-c", _PROBE, channel, address, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30)
    assert done.returncode == 0, done.stderr
    memory, took, outcome = done.stdout.strip().split(" ", 2)
    return Probe(float(memory), float(took), outcome)
