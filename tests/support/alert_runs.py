"""Whole runs that alert local servers of Slack, PagerDuty, mail and Apprise."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from tests.support.alert_server import AlertServer
from tests.support.mail_server import STARTTLS, MailServer, mail_server
from tests.support.session_runs import Run, placeholders, run_folders
from tests.support.stores import BuiltStore, records_alone
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

ROUTING_KEY = "R0utingKeyR0utingKeyR0utingKey00"
APPRISE_PATH = "/apprise/An0therSecretPath"
SECRETS = ("SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "DRIFT_SMTP_URL", "DRIFT_APPRISE_URLS")
# Connections are refused: only root could listen there.
CLOSED = "127.0.0.1:1"
# The file `plan` says on how many of the thirty records of low confidence it disagrees, or that it is down.
STEERED = """
import pathlib, re

CATEGORIES = ("financial", "regulatory", "operational")

class Unavailable(Exception):
    pass

def steered(text):
    plan = pathlib.Path("plan").read_text()
    if plan == "down":
        raise Unavailable("the classifier is down")
    number, category = re.search(r"number (\\d+) concerns (\\w+)", text).groups()
    return CATEGORIES[(CATEGORIES.index(category) + (int(number) // 4 <= int(plan))) % 3], 0.8

def echoing(text):
    return text[:500], 0.8

def quoting(text):
    raise Unavailable(f"cannot read: {text}")
"""
# Without vectors and repeated reviews, a run takes a second.
OWN = (*LOW_CONFIDENCE, "--drift-reviewer=mine:steered", "--drift-stability=0")
# How many of thirty disagree: CRITICAL may be chance, CERTAIN is not.
PLANS = {"OK": "0", "WARNING": "6", "CRITICAL": "9", "CERTAIN": "25", "INCONCLUSIVE": "down"}


class HoldingServer(AlertServer):
    """Withholds its answers on demand; `heard` are the paths of such posts."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.hold = Event()
        self.always(APPRISE_PATH, (200, "taken"))

    def take(self, path: str, document: dict[str, Any]) -> None:
        """Keep a document; while it holds, answer only after the client is dead."""
        super().take(path, document)
        if self.hold.is_set():
            self.heard.append(path)
            Event().wait(20)


@dataclass
class Channels:
    """The servers, and how many of their messages were returned as news."""

    server: HoldingServer
    mail: MailServer
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The secrets of Slack, PagerDuty and mail."""
        return {
            "SLACK_WEBHOOK_URL": self.server.webhook,
            "PAGERDUTY_API_KEY": ROUTING_KEY,
            "DRIFT_SMTP_URL": self.mail.url,
        }

    @property
    def apprise(self) -> dict[str, str]:
        """The secret of Apprise."""
        return {"DRIFT_APPRISE_URLS": self.server.address.replace("http://", "json://") + APPRISE_PATH}

    @property
    def options(self) -> tuple[str, ...]:
        """The settings beside the secrets."""
        return (
            f"--drift-pagerduty-url={self.server.events}",
            "--drift-email-to=ann@example.com,bob@example.com",
            "--drift-email-from=drift@example.org",
        )

    def news(self) -> list[tuple[str, str]]:
        """Return the messages since the last call, by channel and in order."""
        sent = {
            "slack": [label(item["blocks"][0]["text"]["text"].partition(" ")[2]) for item in self.server.slack],
            "email": [label(str(item["Subject"])) for item in self.mail.mails],
            "pagerduty": [_event(item) for item in self.server.pagerduty],
        }
        fresh = [(channel, what) for channel, all_ in sent.items() for what in all_[self._seen.get(channel, 0) :]]
        self._seen = {channel: len(all_) for channel, all_ in sent.items()}
        return fresh


def label(headline: str) -> str:
    """Return the words before the store's name, without the moment of a delayed message."""
    first, second, *_ = headline.split(" · ")
    return f"delayed {second}" if first.startswith("Delayed, of ") else first


def _event(event: dict[str, Any]) -> str:
    incident = event["dedup_key"].rpartition("-")[2]
    severity = f" as {event['payload']['severity']}" if "payload" in event else ""
    return f"{event['event_action']} {incident}{severity}"


@contextmanager
def channels(folder: Path) -> Iterator[Channels]:
    """Run the servers in the background; mail has TLS and a login."""
    folder.mkdir(parents=True, exist_ok=True)
    with HoldingServer().running() as server, mail_server(folder, security=STARTTLS, login=True) as mail:
        assert isinstance(server, HoldingServer)
        yield Channels(server, mail)


@dataclass
class Steered:
    """Runs with chosen verdicts, one after the other in a folder."""

    folder: Path
    store: BuiltStore
    channels: Channels
    _second: int = 0

    def arguments(self, verdict: str, *more: str) -> list[str]:
        """Prepare a run that ends with the verdict; return its arguments."""
        # Runs differ by the second in which they began.
        while int(time.time()) == self._second:
            time.sleep(0.01)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "mine.py").write_text(STEERED, encoding="utf-8")
        (self.folder / "plan").write_text(PLANS[verdict], encoding="utf-8")
        return [*records_alone(self.store), *OWN, *self.channels.options, *more]

    def run(self, verdict: str, *more: str, environment: Mapping[str, str] | None = None, way: str = "pyargs") -> Run:
        """Run a review that ends with the verdict; every channel is healthy unless the environment says otherwise."""
        secrets = self.channels.environment if environment is None else environment
        run = run_here(self.folder, *self.arguments(verdict, *more), environment=secrets, way=way)
        self._second = max((_second(folder) for folder in run_folders(run.reports)), default=0)
        return run

    def sent(self, verdict: str, *more: str) -> list[tuple[str, str]]:
        """Run a review that ends with the verdict; return its messages."""
        self.run(verdict, *more)
        return self.channels.news()

    def process(self, verdict: str, *more: str, way: str = "pytest") -> Run:
        """Run a review in its own process."""
        return in_process(self.folder, *self.arguments(verdict, *more), environment=self.channels.environment, way=way)


def _second(folder: Path) -> int:
    """Return the second in which a run began."""
    return int(datetime.strptime(folder.name.partition("-")[0], "%Y%m%dT%H%M%S%z").timestamp())


def command(way: str, *arguments: str) -> list[str]:
    """Return the command of `pytest --pyargs drift_checks`, or of `python -m drift_checks`."""
    named = ("pytest", "--pyargs", "drift_checks") if way == "pytest" else ("drift_checks",)
    return [sys.executable, "-m", *named, *arguments]


def surroundings(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process, without the settings and secrets of this one."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("DRIFT_", "PYTEST_", *SECRETS))}
    return {**kept, "XDG_CACHE_HOME": str(folder / "cache"), **environment}


def in_process(folder: Path, *arguments: str, environment: Mapping[str, str], way: str) -> Run:
    """Run a command in a folder, in its own process."""
    before = run_folders(folder / "reports")
    done = subprocess.run(
        command(way, *arguments), cwd=folder, env=surroundings(folder, environment), capture_output=True, text=True
    )
    written = sorted(run_folders(folder / "reports") - before)
    return Run(done.returncode, done.stdout, done.stderr, folder / "reports", written, placeholders(folder))


def logged(reports: Path) -> list[tuple[str, str, str]]:
    """Return the channel, kind and status of each message in the history, in order."""
    with closing(sqlite3.connect(reports / "history.sqlite3")) as connection:
        found = connection.execute("select channel, kind, status from alerts order by number").fetchall()
    return [(channel, kind, status) for channel, kind, status in found]
