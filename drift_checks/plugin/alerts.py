"""The alerts of a run in a pytest session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drift_checks.alerts.configuration import configured_channels, policy_of
from drift_checks.alerts.delivery import AlertSender
from drift_checks.alerts.message import run_message
from drift_checks.report.changes import store_of
from drift_checks.report.history.alert_log import AlertLog
from drift_checks.report.run import RunReport
from drift_checks.settings.declarations import Settings


class Alerting:
    """Sends the alerts of a run, or shows what it would send; the demo and parts of a review send none.

    In a dry run, `would_send` holds each channel with the message that it would be sent.

    Raises:
        SettingError: A channel cannot be used as it is configured.
    """

    def __init__(self, settings: Settings) -> None:
        self.would_send: list[tuple[str, str]] = []
        self._dry_run = settings.alert_dry_run
        self._redact = settings.redact
        self._faults: list[str] = []
        self._policy = policy_of(settings)
        self._report_url = settings.report_url
        self._channels = () if settings.demo else configured_channels(settings, os.environ)
        self._sender: AlertSender | None = None

    def open(self, log: AlertLog | None) -> None:
        """Begin, with the log of earlier alerts; None if nothing can be kept."""
        if self._channels:
            self._sender = AlertSender(self._channels, self._policy, log, redact=self._redact)

    def stop(self) -> None:
        """Stop waiting for channels; what has not arrived is kept."""
        if self._sender is not None:
            self._sender.stop()

    @property
    def warnings(self) -> list[str]:
        """What the user should know, a sentence each."""
        return [*(self._sender.warnings if self._sender else ()), *self._faults]

    def send_waiting(self) -> None:
        """Send the messages that could not be delivered before."""
        if self._sender is not None and not self._dry_run:
            with self._reporting_faults():
                self._sender.send_waiting()

    def announce(self, report: RunReport, page: Path) -> None:
        """Send the alerts that are due after a whole run, with a link to its page."""
        if self._sender is None or report.facts.partial:
            return
        with self._reporting_faults():
            message, store = run_message(report, page, self._report_url), store_of(report)
            if self._dry_run:
                due = self._sender.due(message, store)
                self.would_send = [(item.channel.key, item.channel.payload(item.message)) for item in due]
            else:
                self._sender.send(message, store)

    @contextmanager
    def _reporting_faults(self) -> Iterator[None]:
        """Turn any exception into a warning: a fault in an alert changes no verdict."""
        try:
            yield
        except Exception as error:
            # Its words may quote an address.
            self._faults.append(f"alerts: they broke down ({type(error).__name__}); some may not have been sent.")

    def document(self) -> list[dict[str, Any]]:
        """Return the outcome of each alert, as in report.json."""
        return [
            {
                "channel": item.channel.key,
                "incident": str(item.message.incident),
                "kind": str(item.message.kind),
                "run_id": item.message.run_id,
                "delivered": item.delivered,
                "said": item.answer,
            }
            for item in (self._sender.deliveries if self._sender else ())
        ]

    def lines(self) -> Iterator[str]:
        """Yield the lines on alerts at the end of the summary."""
        for item in self.document():
            late = "" if item["delivered"] else "NOT delivered, "
            yield f"{item['channel']}: {item['kind']}, {late}{item['said']}"
        for channel, payload in self.would_send:
            yield f"{channel}: would send"
            yield from (f"  {line}" for line in payload.splitlines())
        if self._dry_run and self._sender is not None and not self.would_send:
            yield "nothing would be sent"
