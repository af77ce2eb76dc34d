"""An alert about a review that ended without a verdict, and therefore sent none itself."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals

from drift_checks.alerts.configuration import policy_of, usable_channels
from drift_checks.alerts.delivery import AlertSender
from drift_checks.alerts.message import failure_message
from drift_checks.commands.settings_options import add_settings, read_sources
from drift_checks.core.errors import ReportsError, SettingError
from drift_checks.core.instants import format_instant
from drift_checks.core.text import printable
from drift_checks.report.history.alert_log import AlertLog
from drift_checks.report.history.database import History
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import Settings
from drift_checks.settings.usable import configure
from drift_checks.stores.identity import StoreIdentity

EXIT_NOT_DELIVERED = 1
_OUTCOMES = {
    "2": "was interrupted (exit 2)",
    "3": "broke down (exit 3, internal error)",
    "4": "could not begin (exit 4: settings, store or credentials that cannot be used)",
    "5": "found nothing to review (exit 5)",
    "137": "was killed (SIGKILL: by hand, or for using more memory than it may)",
    "75": "could not be made, however often it was tried (exit 75)",
}
# The service manager's own word says more than the exit code that followed.
_RESULTS = {
    "timeout": "took longer than it may and was ended (timeout)",
    "oom-kill": "used more memory than it may and was killed (oom-kill)",
    "watchdog": "stopped responding and was ended (watchdog)",
}
# A shell reports a signal as 128 and its number.
_FIRST_SIGNAL, _MOST_STATUS = 128, 255
_SIGNALS = {int(number): number.name for number in Signals}


def _status(text: str) -> str:
    if not (text.isdecimal() and int(text) <= _MOST_STATUS) and text not in {number.name[3:] for number in Signals}:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an exit code from 0 to 255 nor the name of a signal")
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--status",
        required=True,
        type=_status,
        metavar="N",
        help="the exit code (128 and its number for a signal), or the name of the signal",
    )
    parser.add_argument("--result", metavar="WORD", help="the service manager's word, as in oom-kill or timeout")
    parser.add_argument("--service", metavar="NAME", help="the service, to name its log in the alert")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the alert if it is due; return 1 if a channel did not accept it."""
    if arguments.status in (str(Verdict.OK.exit_code), str(Verdict.CRITICAL.exit_code)):
        sys.stdout.write(f"exit {arguments.status} is a verdict, which the review has sent itself\n")
        return 0
    now = datetime.now(UTC)
    settings = _usable_settings(arguments, now)
    channels, faults = usable_channels(settings, os.environ)
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    if not channels:
        sys.stdout.write("no channel can be used: nothing is sent\n")
        return EXIT_NOT_DELIVERED if faults else 0
    store = StoreIdentity(str(settings.db or "no store"), settings.table, settings.collection)
    message = failure_message(
        store,
        format_instant(now.replace(microsecond=0)),
        _outcome(arguments.status, arguments.result),
        remedy=_remedy(arguments.service),
        repeat=_repeat(arguments.service),
        report_url=settings.report_url,
    )
    with _log(settings.reports) as log:
        sender = AlertSender(channels, policy_of(settings), log, redact=settings.redact)
        sender.send(message, store)
    sys.stderr.writelines(f"{warning}\n" for warning in sender.warnings)
    for item in sender.deliveries:
        sys.stdout.write(f"{item.channel.key}: {'' if item.delivered else 'NOT delivered, '}{item.answer}\n")
    if not sender.deliveries:
        sys.stdout.write("nothing is due: the failure was reported before\n")
    delivered = all(item.delivered for item in sender.deliveries)
    return 0 if delivered and not faults else EXIT_NOT_DELIVERED


def _usable_settings(arguments: argparse.Namespace, now: datetime) -> Settings:
    """Return the settings that can be used: one that cannot may be why the review failed."""
    try:
        sources = read_sources(arguments, os.environ)
    except SettingError:
        sources = read_sources(arguments, os.environ, with_ini=False)
    return configure(sources, now).settings


def _outcome(status: str, result: str | None) -> str:
    if result in _RESULTS:
        return _RESULTS[result]
    if status in _OUTCOMES:
        return _OUTCOMES[status]
    how = f" ({printable(result)})" if result not in (None, "", "exit-code") else ""
    if not status.isdecimal():
        return f"was ended by {printable(status)}{how}"
    name = _SIGNALS.get(int(status) - _FIRST_SIGNAL)
    return f"was ended by {name}{how}" if name else f"ended with {printable(status)}{how}"


def _remedy(service: str | None) -> str:
    log = f"journalctl -u {shlex.quote(service)} -n 50" if service else "its log"
    return f"{log} says why; python -m drift_checks doctor checks the whole set-up."


def _repeat(service: str | None) -> str:
    # Earlier attempts count against the limit of starts.
    name = shlex.quote(service or "")
    return f"systemctl reset-failed {name}; systemctl start {name}" if service else "python -m drift_checks --run-once"


@contextmanager
def _log(reports: Path) -> Iterator[AlertLog | None]:
    """Yield the log of earlier alerts, None if none can be kept: better sent twice than never."""
    try:
        reports.mkdir(parents=True, exist_ok=True)
        history = History(reports)
    except (OSError, ReportsError) as error:
        sys.stderr.write(f"alerts: what is sent cannot be recorded ({error}), so it may be sent again.\n")
        yield None
        return
    with history:
        yield AlertLog(history)
