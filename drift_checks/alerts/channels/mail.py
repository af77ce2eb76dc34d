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

from drift_checks.alerts.channels import wording
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment

_LONGEST_SUBJECT, _LONGEST_TEXT, _LONGEST_CHANGE = 150, 300, 400
_LONGEST_BODY, _LONGEST_COMMAND = 40_000, 20_000
_WIDTH = 72
# Some servers refuse a larger one, and some readers do not show it.
MOST_ATTACHED = 1_000_000


def compose_mail(message: Message, sender: str, to: Sequence[str], report: Path | None) -> EmailMessage:
    """Return the mail; the HTML report is attached if it exists and is not large."""
    mail = EmailMessage()
    mail["Subject"] = printable(message.headline, _LONGEST_SUBJECT)
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(datetime.now(UTC))
    domain = sender.rpartition("@")[2]
    # The same for the same message, so that a duplicate is recognised; a run that was resumed has another.
    digest = sha256(f"{message.kind} {message.verdict} {message.store_key}".encode()).hexdigest()[:8]
    mail["Message-ID"] = f"<{message.run_id}.{digest}@{domain}>"
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


def text_part(message: Message, longest: int = _LONGEST_BODY, longest_command: int = _LONGEST_COMMAND) -> str:
    """Return the message as text of 72 columns; lists are cut to fit into `longest`, and count what is missing."""
    top, bottom = [_wrapped(message.headline)], ["\n".join(_origin(message, longest_command))]
    if message.kind is Kind.TEST:
        top.append(_wrapped(wording.TEST))
    else:
        figures = filter(None, (wording.observed(message), wording.beside(message)))
        top.append("\n".join(map(_wrapped, figures)))
        if notes := [_wrapped(f"- {item}") for item in wording.notes(message)]:
            bottom.insert(0, "\n".join(["Note", *notes]))
        top += _lists(message, longest - sum(len(paragraph) + 2 for paragraph in (*top, *bottom)))
    return "\n\n".join([*top, *bottom]) + "\n"


def html_part(message: Message) -> str:
    """Return the message as a page that loads nothing; every value in it is escaped."""
    changes = wording.listed([printable(item, _LONGEST_CHANGE) for item in message.changes], _LONGEST_BODY, "change")
    template = _environment().get_template("mail.html.j2")
    return template.render(message=message, changes=changes, wording=wording, Kind=Kind)


def _lists(message: Message, room: int) -> Iterator[str]:
    """Yield a paragraph for each list that is not empty; each may take its share of the characters that are left."""
    changes = [_wrapped(f"- {printable(item, _LONGEST_CHANGE)}") for item in message.changes]
    lists = [
        ("What changed", changes, "change", "", 0),
        ("Criteria", list(_criteria(message)), "criterion", "criteria", message.more_criteria),
        ("Disagreements", list(_disagreements(message)), "disagreement", "", message.more_disagreements),
    ]
    for number, (title, items, noun, plural, others) in enumerate(lists):
        share = room // (len(lists) - number) - len(title) - 3
        if lines := wording.listed(items, share, noun, plural, others):
            paragraph = "\n".join([title, *lines])
            room -= len(paragraph) + 2
            yield paragraph


def _criteria(message: Message) -> Iterator[str]:
    for item in message.criteria:
        remedy = f"\n{_wrapped(f'  What to do: {item.remedy}')}" if item.remedy else ""
        yield f"{_wrapped(f'- {wording.criterion(item)}')}{remedy}"


def _disagreements(message: Message) -> Iterator[str]:
    for item in message.disagreements:
        excerpt = f"\n{_wrapped(f'  {printable(item.text, _LONGEST_TEXT)}')}" if item.text else ""
        yield f"{_wrapped(f'- {wording.disagreement(item)}')}{excerpt}"


def _origin(message: Message, longest_command: int) -> Iterator[str]:
    """Yield store, run, report and how to repeat it; addresses and commands are not wrapped, for copying."""
    report = message.report_url if wording.is_address(message.report_url) else message.report
    if report:
        yield f"report: {_line(report)}"
    yield f"store:  {_line(message.db)}, table {_line(message.table)}"
    yield f"run:    {message.run_id} on {_line(message.host)}, {message.started}"
    yield f"repeat: {wording.command(message.repeat, longest_command)}"


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith(("- ", "  ")) else ""
    text = ("  " if line.startswith("  ") else "") + _line(line)
    return fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _line(text: str) -> str:
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
    environment.filters["line"] = _line
    environment.filters["excerpt"] = lambda text: printable(text, _LONGEST_TEXT)
    return environment
