"""A marked test through every configured channel."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from drift_checks.alerts.channels.base import Deadline
from drift_checks.alerts.configuration import SECRETS, configured_channels
from drift_checks.alerts.delivery import Delivery, send_all
from drift_checks.alerts.message import trial_message
from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.core.errors import SettingError
from drift_checks.core.instants import format_instant
from drift_checks.stores.identity import StoreIdentity

EXIT_NOT_DELIVERED = 1
# Somebody is waiting for it.
_SECONDS = 12.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--dry-run", action="store_true", help="print what would be sent, and send nothing")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send the test; return 1 if a channel did not accept it."""
    now = datetime.now(UTC)
    settings = read_settings(arguments, os.environ, now)
    channels = configured_channels(settings, os.environ)
    if not channels:
        raise SettingError(
            "alerts",
            "no channel is configured",
            f"set one of {', '.join(SECRETS.values())}, each also as NAME_FILE, and do not set alerts to none",
        )
    store = StoreIdentity(str(settings.db or "no store"), settings.table, settings.collection)
    message = trial_message(store, format_instant(now.replace(microsecond=0)), settings.report_url)
    if arguments.dry_run or settings.alert_dry_run:
        for channel in channels:
            sys.stdout.write(f"{channel.key}: would send\n{channel.payload(message)}\n")
        return 0
    order = [channel.key for channel in channels]
    deliveries = send_all([Delivery(channel, message) for channel in channels], Deadline.after(_SECONDS))
    sent = sorted(deliveries, key=lambda item: order.index(item.channel.key))
    for item in sent:
        word = "delivered" if item.delivered else "NOT delivered"
        sys.stdout.write(f"{item.channel.key:<{max(map(len, order))}}  {word}: {item.answer}\n")
    return 0 if all(item.delivered for item in sent) else EXIT_NOT_DELIVERED
