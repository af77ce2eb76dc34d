"""A message as a mail (RFC 5322), marked as sent by a program (RFC 3834)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from drift_checks.alerts import wording
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

_LONGEST_SUBJECT, _LONGEST_TEXT = 150, 300
_WIDTH = 72
# A larger one is refused by some servers, and by some readers.
MOST_ATTACHED = 1_000_000


def compose_mail(message: Message, sender: str, to: Sequence[str], report: Path | None) -> EmailMessage:
    """Return the mail.

    Args:
        message: What it says.
        sender: Whom it is from.
        to: Who gets it.
        report: The HTML report, which is attached where it is there and not large.
    """
    mail = EmailMessage()
    mail["Subject"] = printable(message.headline, _LONGEST_SUBJECT)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(datetime.now(UTC))
    domain = sender.rpartition("@")[2]
    # The same for the same message, so that one that is sent twice is known as one; a run that was resumed has another.
    mail["Message-ID"] = f"<{message.run_id}.{_digest(message)}@{domain}>"
    thread = f"<drift-checks.{message.store_key}@{domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text_part(message))
    mail.add_alternative(html_part(message), subtype="html")
    content = _content(report)
    if content is not None:
        name = f"drift-report-{message.run_id}.html"
        mail.add_attachment(content, maintype="text", subtype="html", filename=name, params={"charset": "utf-8"})
    return mail


def _digest(message: Message) -> str:
    return sha256(f"{message.kind} {message.verdict} {message.store_key}".encode()).hexdigest()[:8]


def text_part(message: Message) -> str:
    """Return the message as text of 72 columns."""
    return "\n\n".join("\n".join(lines) for lines in _paragraphs(message)) + "\n"


def html_part(message: Message) -> str:
    """Return the message as a page that loads nothing; every value in it is escaped."""
    return _environment().get_template("mail.html.j2").render(message=message, wording=wording, Kind=Kind)


def _paragraphs(message: Message) -> Iterator[list[str]]:
    yield [_wrapped(message.headline)]
    if message.kind is Kind.TEST:
        yield [_wrapped(wording.TEST)]
    else:
        yield [_wrapped(line) for line in _figures(message)]
        yield from _titled("What changed", [f"- {item}" for item in message.changes])
        yield from _titled("Criteria", list(_criteria(message)))
        yield from _titled("Disagreements", list(_disagreements(message)))
        yield from _titled("Note", [f"- {item}" for item in wording.notes(message)])
    yield list(_made(message))


def _figures(message: Message) -> Iterator[str]:
    yield wording.observed(message)
    if estimate := wording.population(message):
        yield f"of the whole store, as estimated: {estimate}"


def _criteria(message: Message) -> Iterator[str]:
    for item in message.criteria:
        yield f"- {wording.criterion(item)}"
        if item.remedy:
            yield f"  what to do: {item.remedy}"
    yield wording.more(message.more_criteria, "criterion", "criteria")


def _disagreements(message: Message) -> Iterator[str]:
    for item in message.disagreements:
        yield f"- {wording.disagreement(item)}"
        if item.text:
            yield f"  {printable(item.text, _LONGEST_TEXT)}"
    yield wording.more(message.more_disagreements, "disagreement")


def _made(message: Message) -> Iterator[str]:
    """Yield where it comes from; addresses and commands are not wrapped, so that they can be copied."""
    report = message.report_url if wording.is_address(message.report_url) else message.report
    if report:
        yield f"report: {_visible(report)}"
    yield f"store:  {_visible(message.db)}, table {_visible(message.table)}"
    yield f"run:    {message.run_id} on {_visible(message.host)}, {message.started}"
    yield f"repeat: {wording.command(message.repeat, 20_000)}"


def _titled(title: str, lines: Sequence[str]) -> Iterator[list[str]]:
    found = [_wrapped(line) for line in lines if line]
    if found:
        yield [title, *found]


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith(("- ", "  ")) else ""
    text = ("  " if line.startswith("  ") else "") + _visible(line)
    return fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _visible(text: str) -> str:
    return printable(text, 2000)


def _content(report: Path | None) -> bytes | None:
    if report is not None:
        with suppress(OSError):
            if report.stat().st_size <= MOST_ATTACHED:
                return report.read_bytes()
    return None


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("drift_checks.alerts.channels"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = _visible
    environment.filters["excerpt"] = lambda text: printable(text, _LONGEST_TEXT)
    return environment
