"""The alerts of a run in a pytest session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drift_checks.alerts.announcer import Announcer
from drift_checks.alerts.configuration import configured_channels, policy_of
from drift_checks.alerts.news import news_of_run
from drift_checks.report.history.alert_log import AlertLog
from drift_checks.report.run import RunReport
from drift_checks.settings.declarations import Settings


class Alerting:
    """Sends the alerts of a run, or tells what it would send; the demo and parts of a review have none.

    Args:
        settings: Of the run.

    Attributes:
        would_send: What a dry run would send, channel by channel.

    Raises:
        SettingError: A channel cannot be used as it is configured.
    """

    def __init__(self, settings: Settings) -> None:
        self.would_send: list[tuple[str, str]] = []
        self._dry_run = settings.alert_dry_run
        self._redact = settings.redact
        self._broken: list[str] = []
        self._policy = policy_of(settings)
        self._report_url = settings.report_url
        self._channels = () if settings.demo else configured_channels(settings, os.environ)
        self._announcer: Announcer | None = None

    def open(self, log: AlertLog | None) -> None:
        """Begin, with what the channels were told before; None where nothing can be kept."""
        if self._channels:
            self._announcer = Announcer(self._channels, self._policy, log, redact=self._redact)

    @property
    def warnings(self) -> list[str]:
        """What the user is to be told, a sentence each."""
        return [*(self._announcer.warnings if self._announcer else ()), *self._broken]

    def send_waiting(self) -> None:
        """Send what could not be delivered before."""
        if self._announcer is not None and not self._dry_run:
            with self._changing_no_verdict():
                self._announcer.send_waiting()

    def announce(self, report: RunReport, page: Path) -> None:
        """Tell the channels of a whole run.

        Args:
            report: The run.
            page: Its HTML report.
        """
        if self._announcer is None or report.facts.partial:
            return
        with self._changing_no_verdict():
            news = news_of_run(report, page, self._report_url)
            if self._dry_run:
                due = self._announcer.announcements(news)
                self.would_send = [(item.channel.key, item.channel.payload(item.message)) for item in due]
            else:
                self._announcer.announce(news)

    @contextmanager
    def _changing_no_verdict(self) -> Iterator[None]:
        """Make a warning of whatever goes wrong: a fault in an alert is none of the store."""
        try:
            yield
        except Exception as error:
            # Its words may quote an address.
            self._broken.append(f"alerts: they broke down ({type(error).__name__}); some may not have been sent.")

    def document(self) -> list[dict[str, Any]]:
        """Return what became of each alert, as report.json tells it."""
        deliveries = [] if self._announcer is None else self._announcer.deliveries
        return [
            {
                "channel": item.dispatch.channel.key,
                "incident": str(item.dispatch.message.incident),
                "kind": str(item.dispatch.message.kind),
                "run_id": item.dispatch.message.run_id,
                "delivered": item.delivered,
                "said": item.said,
            }
            for item in deliveries
        ]

    def lines(self) -> Iterator[str]:
        """Yield what is said of alerts at the end of the summary."""
        for item in self.document():
            late = "" if item["delivered"] else "NOT delivered, "
            yield f"{item['channel']}: {item['kind']}, {late}{item['said']}"
        for channel, payload in self.would_send:
            yield f"{channel}: would send"
            yield from (f"  {line}" for line in payload.splitlines())
        if self._dry_run and self._announcer is not None and not self.would_send:
            yield "nothing would be sent"
