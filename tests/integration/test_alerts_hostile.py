"""What records and models say in messages: it is harmless and short in every channel, and withheld where wanted."""

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
from tests.support.alert_server import SLACK_PATH
from tests.support.mails import Page, part
from tests.support.session_runs import Run
from tests.support.stores import NAME, BuiltStore, build_store

SECRET = "Umbrellacorp"
# The beginning of each text, so that whatever is cut holds it.
TEXT = "{secret} number {number} concerns {category} {rest}"
FORMATTED = re.compile(r"\*bold\*|`code`|_it_|~s~")
CATEGORIES = ("financial", "regulatory", "operational")
RECORDS = (4, 8)


@dataclass(frozen=True)
class Heard:
    """A run, and all that was told of it."""

    run: Run
    channels: Channels

    @property
    def mail(self) -> EmailMessage:
        """The mail."""
        return self.channels.mail.mails[-1]

    def texts(self) -> list[str]:
        """Return every text of every message, without what is attached to the mail."""
        server = self.channels.server
        documents = [*server.slack, *server.pagerduty, *server.apprise]
        headers = [str(value) for value in self.mail.values()]
        return [*headers, part(self.mail, "plain"), part(self.mail, "html"), *strings(documents)]

    def attached(self) -> list[str]:
        """Return what is attached to the mail."""
        return [item.get_content() for item in self.mail.iter_attachments()]


def strings(value: Any) -> Iterator[str]:
    """Yield the texts in a document, the keys left out."""
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
    """Make a store whose path and records hold whatever may mislead, some texts of 100,000 characters."""
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


@pytest.fixture
def steered(hostile: BuiltStore, tmp_path: Path) -> Iterator[Steered]:
    """What runs reviews of the misleading store."""
    with channels(tmp_path / "mail") as healthy:
        yield Steered(tmp_path / "run", hostile, healthy)


def hear(steered: Steered, *arguments: str) -> Heard:
    """Run a CRITICAL review with all channels, Apprise among them."""
    healthy = steered.channels
    run = steered.run("CERTAIN", *arguments, environment=healthy.environment | healthy.apprise)
    return Heard(run, healthy)


@pytest.fixture(scope="module")
def heard(hostile: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    """A run in which the model answers with what it read."""
    folder = tmp_path_factory.mktemp("heard")
    with channels(folder / "mail") as healthy:
        yield hear(Steered(folder / "run", hostile, healthy), "--drift-reviewer=mine:echoing")


def test_every_channel_quotes_the_records(heard: Heard) -> None:
    """The texts are there to be read, once each channel has made them harmless."""
    server = heard.channels.server
    told = [server.slack, server.pagerduty, server.apprise, part(heard.mail, "plain"), part(heard.mail, "html")]
    assert [SECRET in str(item) for item in told] == [True] * 5
    assert {item["delivered"] for item in heard.run.drift["alerts"]} == {True}


def test_no_message_exceeds_limits_or_has_active_parts(heard: Heard) -> None:
    """Of Slack and PagerDuty by their documented rules, of Apprise by what most services take."""
    (apprise,) = heard.channels.server.apprise
    assert heard.channels.server.violations == []
    assert (len(apprise["title"]) <= 150, len(apprise["message"]) <= 4000) == (True, True)
    assert re.search(r"<[!@#]|@(?:everyone|here|channel|all)\b", f"{apprise['title']}{apprise['message']}") is None


def test_no_terminal_takes_part_of_a_message_for_a_command(heard: Heard) -> None:
    """No control character and none that turns the direction of writing; nor in what the run printed."""
    found = {
        letter
        for text in (*heard.texts(), heard.run.text)
        for letter in text
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in "\n\r\t"
    }
    # The joiner with which Apprise's mentions are taken apart turns and moves nothing.
    assert found <= {"\N{ZERO WIDTH SPACE}", "\N{WORD JOINER}"}


def test_slack_formats_none_of_it(heard: Heard) -> None:
    """What stands in a store is in plain texts alone."""
    assert [text for text in formatted(heard.channels.server.slack) if SECRET in text or FORMATTED.search(text)] == []


def test_mail_runs_and_loads_nothing(heard: Heard) -> None:
    """No script, no address but the run's own, and nothing that a page does by itself."""
    page = Page(part(heard.mail, "html"))
    assert page.tags & {"script", "img", "iframe", "object", "form", "a", "link"} == set()
    assert [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")] == []
    assert "alert(1)" in page.text


def test_mail_has_the_headers_of_the_run_alone(heard: Heard) -> None:
    """No line of a record becomes one, and none is longer than a mail's may be."""
    assert (heard.mail["Bcc"], heard.mail["Cc"], heard.channels.mail.recipients) == (
        None,
        None,
        [("ann@example.com", "bob@example.com")],
    )
    assert (len(str(heard.mail["Subject"])) <= 150, len(heard.mail.as_bytes()) < 3_000_000) == (True, True)


@pytest.fixture
def redacted(steered: Steered, request: pytest.FixtureRequest) -> Heard:
    """A run with `redact` by the reviewer that the test names."""
    return hear(steered, "--drift-redact", f"--drift-reviewer=mine:{request.param}")


@pytest.mark.parametrize("redacted", ["steered", "quoting"], indirect=True)
def test_redacted_messages_quote_no_record(redacted: Heard) -> None:
    """Neither as the disagreement's text nor in what the reviewer complained of, nor in the report attached."""
    told = [*redacted.texts(), *redacted.attached()]
    assert len(redacted.run.drift["alerts"]) == 4
    assert [text for text in told if SECRET in text or "evil.example" in text] == []


@pytest.mark.slow
def test_message_that_waited_is_redacted_later(steered: Steered) -> None:
    """What could not be delivered when texts were allowed is sent without them, and without the report of then."""
    steered.extra = ("--drift-alerts=slack,email",)
    steered.channels.server.then(SLACK_PATH, (404, "no_service"))
    steered.channels.mail.replies[:] = ["550 not today"]
    steered.run("CERTAIN")
    steered.run("CERTAIN", "--drift-redact")
    mail = steered.channels.mail.mails[-1]
    told = [*strings(steered.channels.server.slack), *map(str, mail.values()), part(mail, "plain"), part(mail, "html")]
    told += [item.get_content() for item in mail.iter_attachments()]
    assert [what.split()[0] for _, what in steered.channels.news()] == ["delayed", "delayed"]
    assert [text for text in told if SECRET in text or "evil.example" in text] == []
