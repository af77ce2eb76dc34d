"""Texts of records and models in messages: harmless and short in every channel, and withheld on request."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.alert_messages import LONG
from tests.support.alert_runs import Channels, Steered, channels
from tests.support.mails import Page, part
from tests.support.session_runs import Run
from tests.support.stores import NAME, BuiltStore, build_store

SECRET = "Umbrellacorp"
# At the beginning of each text, so that it survives being cut.
TEXT = "{secret} number {number} concerns {category} {rest}"
FORMATTED = re.compile(r"\*bold\*|`code`|_it_|~s~")
CATEGORIES = ("financial", "regulatory", "operational")
RECORDS = (4, 8)


@dataclass(frozen=True)
class Alerted:
    """A run, and all its alerts."""

    run: Run
    channels: Channels

    @property
    def mail(self) -> EmailMessage:
        """The mail."""
        return self.channels.mail.mails[-1]

    def texts(self) -> list[str]:
        """Return every text of every message, without the mail's attachment."""
        server = self.channels.server
        documents = [*server.slack, *server.pagerduty, *server.apprise]
        headers = [str(value) for value in self.mail.values()]
        return [*headers, part(self.mail, "plain"), part(self.mail, "html"), *strings(documents)]

    def attached(self) -> list[str]:
        """Return the mail's attachments."""
        return [item.get_content() for item in self.mail.iter_attachments()]


def strings(value: Any) -> Iterator[str]:
    """Yield the texts in a document, without its keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from strings(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def formatted(value: Any) -> Iterator[str]:
    """Yield the texts that Slack formats."""
    if isinstance(value, Mapping):
        if value.get("type") == "mrkdwn":
            yield str(value["text"])
        yield from formatted(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from formatted(item)


def misleading(folder: Path) -> BuiltStore:
    """Make a store whose path and records may mislead, with texts of 100,000 characters."""
    store = build_store(folder / "a <!channel> *bold* `code` &amp; <script>")
    for number in RECORDS:
        text = TEXT.format(secret=SECRET, number=number, category=CATEGORIES[number % 3], rest=LONG)
        digest = sha256(text.encode()).hexdigest()
        store.execute(f"update {NAME} set text = ?, text_hash = ? where id = ?", text, digest, number)
    return store


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    """The misleading store, only read here."""
    return misleading(tmp_path_factory.mktemp("hostile"))


def alerted_by(steered: Steered, *arguments: str) -> Alerted:
    """Run a CRITICAL review with all channels, including Apprise."""
    healthy = steered.channels
    run = steered.run("CERTAIN", *arguments, environment=healthy.environment | healthy.apprise)
    return Alerted(run, healthy)


@pytest.fixture(scope="module")
def alerted(hostile: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerted]:
    """A run in which the model answers with the text that it read."""
    folder = tmp_path_factory.mktemp("alerted")
    with channels(folder / "mail") as healthy:
        yield alerted_by(Steered(folder / "run", hostile, healthy), "--drift-reviewer=mine:echoing")


def test_every_channel_quotes_the_records_within_its_limits(alerted: Alerted) -> None:
    """Made harmless: by the documented rules of Slack and PagerDuty, and by what most of Apprise's services accept."""
    server, mail = alerted.channels.server, alerted.mail
    sent = [server.slack, server.pagerduty, server.apprise, part(mail, "plain"), part(mail, "html")]
    assert [SECRET in str(item) for item in sent] == [True] * 5
    assert {item["delivered"] for item in alerted.run.drift["alerts"]} == {True}
    assert server.violations == []
    (apprise,) = server.apprise
    assert (len(apprise["title"]) <= 150, len(apprise["message"]) <= 4000) == (True, True)
    assert re.search(r"<[!@#]|@(?:everyone|here|channel|all)\b", f"{apprise['title']}{apprise['message']}") is None
    assert [text for text in formatted(server.slack) if SECRET in text or FORMATTED.search(text)] == []


def test_no_message_steers_a_terminal(alerted: Alerted) -> None:
    """It holds no control or direction character; nor does what the run printed."""
    found = {
        letter
        for text in (*alerted.texts(), alerted.run.text)
        for letter in text
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in "\n\r\t"
    }
    # Apprise's mentions are taken apart with a joiner, which moves nothing.
    assert found <= {"\N{ZERO WIDTH SPACE}", "\N{WORD JOINER}"}


def test_mail_runs_and_loads_nothing_and_has_its_own_headers(alerted: Alerted) -> None:
    """No script and no address; no line of a record becomes a header, and none is too long."""
    mail = alerted.mail
    page = Page(part(mail, "html"))
    assert page.tags & {"script", "img", "iframe", "object", "form", "a", "link"} == set()
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")] == []
    assert "alert(1)" in page.text
    assert (mail["Bcc"], mail["Cc"]) == (None, None)
    assert alerted.channels.mail.recipients == [("ann@example.com", "bob@example.com")]
    assert (len(str(mail["Subject"])) <= 150, len(mail.as_bytes()) < 3_000_000) == (True, True)


@pytest.mark.parametrize("reviewer", ["steered", "quoting"])
def test_redacted_messages_quote_no_record(hostile: BuiltStore, tmp_path: Path, reviewer: str) -> None:
    """Neither as a disagreement's text nor in the reviewer's failure, nor in the attached report."""
    with channels(tmp_path / "mail") as healthy:
        steered = Steered(tmp_path / "run", hostile, healthy)
        redacted = alerted_by(steered, "--drift-redact", f"--drift-reviewer=mine:{reviewer}")
    sent = [*redacted.texts(), *redacted.attached()]
    assert len(redacted.run.drift["alerts"]) == 4
    assert [text for text in sent if SECRET in text or "evil.example" in text] == []
