"""A message as mail."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from drift_checks.alerts.channels.mail import text_part
from drift_checks.alerts.message import Kind, Message, trial_message
from drift_checks.report.verdict import Verdict
from drift_checks.stores.identity import StoreIdentity
from tests.support.alert_messages import HOSTILE, LONG, MESSAGES, hostile, many_changes, message
from tests.support.mail_server import MailServer
from tests.support.mails import SENDER, TO, Page, composed, part, received


def test_a_mail_has_its_headers(server: MailServer) -> None:
    """Sender and recipients, subject, thread, and that a program sent it."""
    before = datetime.now(UTC).replace(microsecond=0)
    mail = received(server, message(headline="CRITICAL · é → 😀", changes=("é",)))
    assert mail["Subject"] == "CRITICAL · é → 😀"
    assert (mail["From"], mail["To"]) == (SENDER, ", ".join(TO))
    assert re.fullmatch(r"<20260115T020000Z-abc123\.[0-9a-f]{8}@example\.org>", mail["Message-ID"])
    assert mail["In-Reply-To"] == mail["References"] == "<drift-checks.0123456789abcdef@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert before <= parsedate_to_datetime(mail["Date"]) <= datetime.now(UTC)
    # Not every server takes other bytes than ASCII.
    assert (server.recipients, server.eight_bit) == ([TO], False)


def test_a_mail_that_is_sent_twice_has_one_id() -> None:
    """One of another kind, run or verdict (as after a run was resumed) is another mail of the same thread."""
    changes: list[dict[str, Any]] = [
        {},
        {},
        {"kind": Kind.REMINDER},
        {"run_id": "20260116T020000Z-abc123"},
        {"verdict": Verdict.INCONCLUSIVE},
    ]
    mails = [composed(message(**change)) for change in changes]
    first, again, *others = [mail["Message-ID"] for mail in mails]
    assert first == again
    assert len({first, *others}) == 4
    assert len({mail["References"] for mail in mails}) == 1


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_each_part_says_what_one_has_to_know(kind: str) -> None:
    """Figures, estimate, changes, criteria, disagreements, acknowledgements, the run and how to repeat it."""
    text = part(composed(message()), kind)
    shown = " ".join((Page(text).text if kind == "html" else text).split())
    for expected in (
        "30 of 50 agree, 60 % (46–72 %); 85 % wanted, below 75 % is CRITICAL",
        "of the whole store, an estimated 70 % (60–80 %) agree",
        "agreement 90 % → 60 %",
        "20 of 50 disagree, 40 %",
        "What to do: Read the disagreements.",
        "… and 2 more criteria",
        "record 12: financial → regulatory (confidence 0.62 → 0.91)",
        "We are subject to laws and regulations.",
        "… and 19 more disagreements",
        "1 item acknowledged",
        "record 7 (fraud → loan) is no longer acknowledged",
        "cd /srv && python -m drift_checks --drift-db=/data/risk.db",
        "20260115T020000Z-abc123 on reviewer-1, 2026-01-15T02:00:00Z",
    ):
        assert expected.lower() in shown.lower()
    assert str(message().report_url) in text


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_changes_that_do_not_fit_are_counted(kind: str) -> None:
    """In both parts."""
    text = part(composed(many_changes(5000)), kind)
    shown = len(re.findall("is no longer acknowledged", text))
    assert 100 < shown < 1000
    assert f"… and {5000 - shown:,} more changes" in text


def test_a_short_text_part_shows_something_of_each_list() -> None:
    """Whatever is longest, the command is whole."""
    made = many_changes(400)
    text = text_part(made, 2000)
    assert len(text) <= 2000
    for expected in ("record 0 (fraud", "more changes", "Read the disagreements.", "record 12: financial", made.repeat):
        assert expected in text


def test_the_text_part_fits_a_terminal() -> None:
    """72 columns, except for addresses and commands, which are copied."""
    long = " ".join(["word"] * 100)
    lines = part(composed(message(changes=(long,), headline=long)), "plain").splitlines()
    assert max(len(line) for line in lines if not line.startswith(("report: ", "repeat: "))) <= 72


@pytest.mark.parametrize("text", [HOSTILE, "&" * 100_000, "a\rb\nc\x00d"])
def test_a_hostile_text_adds_nothing_to_a_page(text: str) -> None:
    """It is shown as text: no element, no link and no style comes from it."""
    made, plain = Page(part(composed(hostile(text)), "html")), Page(part(composed(hostile("x")), "html"))
    assert made.tags == plain.tags
    assert made.attributes == plain.attributes
    assert "alert(1)" in made.text or text != HOSTILE


@pytest.mark.parametrize("text", [HOSTILE, LONG, "a\rb\nc\x00d", "\u202etxt\x9b31m\u2066"])
def test_a_hostile_text_steers_no_terminal(text: str) -> None:
    """Control and direction characters are replaced in both parts, and texts are cut."""
    mail = composed(hostile(text))
    for content in (part(mail, "plain"), part(mail, "html")):
        assert not set(content) & {*map(chr, range(10)), *map(chr, range(11, 32)), "\x9b", "\u202e", "\u2066"}
        assert len(content) < 250_000


@pytest.mark.parametrize("text", [HOSTILE, "a\r\nBcc: all@example.com", "a\nb", "a\rb", "a\x0bb\u2028c"])
@pytest.mark.parametrize("field", ["headline", "db", "table", "collection", "host", "repeat", "report", "started"])
def test_no_text_becomes_a_header(field: str, text: str) -> None:
    """The mail has the same headers as without it."""
    changed: dict[str, Any] = {field: text}
    assert composed(message(**changed)).keys() == composed(message()).keys()


@settings(max_examples=40)
@given(MESSAGES)
def test_every_message_becomes_a_mail(made: Message) -> None:
    """With the same headers, a short subject on one line, and two parts that load nothing."""
    mail = composed(made)
    assert mail.keys() == composed(message()).keys()
    assert len(mail["Subject"]) <= 150
    assert "\n" not in mail["Subject"]
    assert [item.get_content_type() for item in mail.iter_parts()] == ["text/plain", "text/html"]
    page = Page(part(mail, "html"))
    assert not page.tags & {"script", "img", "link", "iframe", "object", "style", "form"}
    assert {value for name, value in page.attributes if name in ("href", "src")} <= {made.report_url}


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", None])
def test_only_a_web_address_is_a_link(address: str | None) -> None:
    """Else the report's path is shown."""
    page = Page(part(composed(message(report_url=address)), "html"))
    assert "a" not in page.tags
    assert message().report in page.text


@pytest.mark.parametrize(("size", "attached"), [(1_000_000, True), (1_000_001, False), (None, False)])
def test_a_report_is_attached_unless_it_is_large_or_missing(
    server: MailServer, tmp_path: Path, size: int | None, attached: bool
) -> None:
    """Unchanged, under the name of its run."""
    report = tmp_path / "index.html"
    content = "é<p>".encode() + b"x" * ((size or 0) - 5)
    if size is not None:
        report.write_bytes(content)
    found = list(received(server, message(report=str(report))).iter_attachments())
    assert len(found) == attached
    for item in found:
        assert item.get_content_type() == "text/html"
        assert item.get_filename() == "drift-report-20260115T020000Z-abc123.html"
        assert item.get_payload(decode=True) == content


def test_a_trial_is_marked_as_a_test() -> None:
    """In its subject and in both parts."""
    trial = trial_message(StoreIdentity("/data/a.db", "t", "c"), "2026-01-15T02:00:00Z", None)
    mail = composed(trial)
    assert "TEST" in mail["Subject"]
    assert "This is a test" in part(mail, "plain")
    assert "This is a test" in part(mail, "html")
