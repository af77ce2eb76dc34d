"""The commands to run after installing and uninstalling."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from drift_checks.operations.schedule.installation import InstallRequest
from drift_checks.operations.schedule.paths import ENVIRONMENT_FILE, LOG_FILE, UNITS
from drift_checks.operations.schedule.plan import CRON, SYSTEMD
from drift_checks.operations.schedule.systemd import BACKUP_UNITS, TIMERS

_TIMERS = " ".join(TIMERS)


def after_install(kind: str, request: InstallRequest) -> Iterator[str]:
    """Yield the lines to print after installing."""
    yield ""
    yield from _aligned(_after_cron(request) if kind == CRON else _after_systemd(request))


def after_uninstall(kind: str) -> Iterator[str]:
    """Yield the lines to print after uninstalling."""
    yield ""
    if kind == SYSTEMD:
        yield from _aligned({"stop": f"systemctl stop {_TIMERS}; systemctl daemon-reload"})
    yield "Reports, snapshots, logs and backups below /var stay, and so does the user."


def _after_cron(request: InstallRequest) -> dict[str, str]:
    interpreter = shlex.quote(str(request.interpreter))
    sourced = f"cd /; set -a; . {ENVIRONMENT_FILE}; DRIFT_QUIET=false; exec {interpreter} -P -m drift_checks"
    as_user = f"runuser -u {request.owner.name} -- sh -c"
    log_file = request.preset.variables.get("DRIFT_LOG_FILE", str(LOG_FILE))
    return {
        "enable": "nothing to do: cron reads the file within a minute",
        "verify": f"{as_user} {shlex.quote(f'{sourced} alert-test')}",
        "run now": f"{as_user} {shlex.quote(f'{sourced} --run-once')}",
        "follow": f"tail -F {shlex.quote(log_file)}",
        "undo": "python -m drift_checks uninstall cron",
    }


def _after_systemd(request: InstallRequest) -> dict[str, str]:
    timers = " ".join(name for name in TIMERS if request.has_backup or name not in BACKUP_UNITS)
    return {
        "enable": f"systemctl daemon-reload && systemctl enable --now {timers}",
        "verify": f"systemd-analyze verify {UNITS}/drift-*.* && systemctl list-timers 'drift-*'",
        "run now": "systemctl reset-failed drift-review.service; systemctl start drift-review.service",
        "follow": "journalctl -f -t drift-review",
        "change": "systemctl edit drift-review.service (a drop-in, which a later install keeps)",
        "undo": f"systemctl disable --now {timers}; python -m drift_checks uninstall systemd",
    }


def _aligned(lines: dict[str, str]) -> Iterator[str]:
    yield from (f"{name:<10}{text}" for name, text in lines.items())
