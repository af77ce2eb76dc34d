"""A marked test through every channel that is configured."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from drift_checks.alerts.channels.base import Channel, Deadline
from drift_checks.alerts.composition import trial_message
from drift_checks.alerts.configuration import SECRETS, configured_channels
from drift_checks.alerts.delivery import Delivery, Dispatch, send
from drift_checks.alerts.message import Message
from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.core.errors import SettingError
from drift_checks.core.instants import format_instant
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.settings.declarations import Settings

NAME = "alert-test"
HELP = "send a marked test through every channel that is configured, and say what came back"
EXIT_NOT_DELIVERED = 1
# Somebody waits for it.
_SECONDS = 12.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be sent, and send nothing")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the test; 1 where a channel did not take it.

    Raises:
        SettingError: No channel is configured, or one cannot be used as it is.
    """
    now = datetime.now(UTC)
    settings = read_settings(arguments, os.environ, now)
    channels = configured_channels(settings, os.environ)
    if not channels:
        raise SettingError(
            "alerts",
            "no channel is configured",
            f"set one of {', '.join(SECRETS.values())}, each also as NAME_FILE, and let alerts not be none",
        )
    message = trial_message(_store(settings), format_instant(now.replace(microsecond=0)), settings.report_url)
    if arguments.dry_run or settings.alert_dry_run:
        return _print_payloads(channels, message)
    deliveries = list(send([Dispatch(channel, message) for channel in channels], Deadline.after(_SECONDS)))
    place = {channel.key: number for number, channel in enumerate(channels)}
    sys.stdout.writelines(_lines(sorted(deliveries, key=lambda item: place[item.dispatch.channel.key])))
    return 0 if all(item.delivered for item in deliveries) else EXIT_NOT_DELIVERED


def _store(settings: Settings) -> StoreIdentity:
    return StoreIdentity(str(settings.db or "no store"), settings.table, settings.collection)


def _print_payloads(channels: Sequence[Channel], message: Message) -> int:
    for channel in channels:
        sys.stdout.write(f"{channel.key}: would send\n{channel.payload(message)}\n")
    return 0


def _lines(deliveries: Sequence[Delivery]) -> list[str]:
    width = max(len(item.dispatch.channel.key) for item in deliveries)
    return [
        f"{item.dispatch.channel.key:<{width}}  {'delivered' if item.delivered else 'NOT delivered'}: {item.said}\n"
        for item in deliveries
    ]
