"""The commands for afterwards: they enable, verify, run by hand and follow the logs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from drift_checks.operations.schedule.installation import Order
from drift_checks.operations.schedule.paths import ENVIRONMENT_FILE, LOG_FILE, UNITS
from drift_checks.operations.schedule.plan import CRON, SYSTEMD
from drift_checks.operations.schedule.systemd import TIMERS


def after_install(kind: str, order: Order) -> Iterator[str]:
    """Yield the lines that say what to do next."""
    yield ""
    yield from _aligned(_after_cron(order) if kind == CRON else _after_systemd())


def after_uninstall(kind: str) -> Iterator[str]:
    """Yield the lines that say what to do next, and what stays."""
    yield ""
    if kind == SYSTEMD:
        timers = " ".join(TIMERS)
        yield from _aligned({"stop": f"systemctl stop {timers}; systemctl daemon-reload"})
    yield "Reports, snapshots, logs and backups below /var stay; so does the user."


def _after_cron(order: Order) -> dict[str, str]:
    interpreter = shlex.quote(str(order.interpreter))
    sourced = f"cd /; set -a; . {ENVIRONMENT_FILE}; DRIFT_QUIET=false; exec {interpreter} -P -m drift_checks"
    as_user = f"runuser -u {order.owner.name} -- sh -c"
    log_file = order.given.variables.get("DRIFT_LOG_FILE", str(LOG_FILE))
    return {
        "enable": "nothing to do: cron reads the file within a minute",
        "verify": f"{as_user} {shlex.quote(f'{sourced} alert-test')}",
        "run now": f"{as_user} {shlex.quote(f'{sourced} --run-once')}",
        "follow": f"tail -F {shlex.quote(log_file)}",
        "undo": "python -m drift_checks uninstall cron",
    }


def _after_systemd() -> dict[str, str]:
    return {
        "enable": f"systemctl daemon-reload && systemctl enable --now {' '.join(TIMERS)}",
        "verify": f"systemd-analyze verify {UNITS}/drift-*.* && systemctl list-timers 'drift-*'",
        "run now": "systemctl reset-failed drift-review.service; systemctl start drift-review.service",
        "follow": "journalctl -f -t drift-review",
        "change": "systemctl edit drift-review.service (a drop-in, which a later install leaves as it is)",
        "undo": "systemctl disable --now " + " ".join(TIMERS) + "; python -m drift_checks uninstall systemd",
    }


def _aligned(lines: dict[str, str]) -> Iterator[str]:
    yield from (f"{name:<10}{text}" for name, text in lines.items())
