"""Phrases of a message that several channels share, as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift_checks.alerts.message import CriterionLine, DisagreementLine, Kind, Message
from drift_checks.core.text import confidence, count, percent, percent_range, printable, visible
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Interval

_MARKERS = {
    Verdict.OK: "\N{LARGE GREEN CIRCLE}",
    Verdict.WARNING: "\N{LARGE YELLOW CIRCLE}",
    Verdict.CRITICAL: "\N{LARGE RED CIRCLE}",
    Verdict.INCONCLUSIVE: "\N{LARGE PURPLE CIRCLE}",
}
_TEST_MARKER = "\N{LARGE BLUE CIRCLE}"
# The line that counts what does not fit is shorter than this.
_LONGEST_COUNT = 60
TEST = "This is a test, sent by hand: nothing happened."
UNCONFIRMED = "a CRITICAL verdict may be chance until a second run confirms it"


def marker(message: Message) -> str:
    """Return a coloured mark for the verdict, which is also written beside it."""
    return _TEST_MARKER if message.kind is Kind.TEST else _MARKERS[message.verdict]


def observed(message: Message) -> str:
    """Return observed and wanted agreement, as in `33 of 50 agree, 66 % (52–78 %); 85 % wanted, …`."""
    if message.rate is None or message.interval is None:
        return "agreement was not measured"
    found = of_store(message) if message.by_estimate else of_sample(message)
    return f"{found}; {percent(message.warn)} wanted, below {percent(message.critical)} is CRITICAL"


def beside(message: Message) -> str:
    """Return the agreement that is not compared with the thresholds; empty if there is none."""
    if message.rate is None:
        return ""
    return of_sample(message) if message.by_estimate else of_store(message)


def of_sample(message: Message) -> str:
    """Return the agreement in the sample, empty if it was not measured."""
    if message.rate is None or message.interval is None:
        return ""
    where = " in the sample" if message.by_estimate else ""
    return f"{message.agreed:,} of {message.reviewed:,} agree{where}, {_with_interval(message.rate, message.interval)}"


def of_store(message: Message) -> str:
    """Return the estimated agreement in the whole store, empty if there is none."""
    estimate = population(message)
    return f"of the whole store, an estimated {estimate} agree" if estimate else ""


def population(message: Message) -> str:
    """Return the estimate of the whole store, empty if there is none."""
    if message.population is None or message.population_interval is None:
        return ""
    return _with_interval(message.population, message.population_interval)


def interval(bounds: Interval | None) -> str:
    """Return an interval, or a dash."""
    return "–" if bounds is None else percent_range(*bounds)


def criterion(line: CriterionLine) -> str:
    """Return a criterion's verdict and message."""
    return f"{line.verdict} {printable(line.name, 120)}: {printable(line.message, 400)}"


def disagreement(line: DisagreementLine) -> str:
    """Return a disagreement without its text."""
    pair = f"{printable(line.stored, 120)} → {printable(line.reviewed, 120)}"
    confidences = f"{confidence(line.stored_confidence)} → {confidence(line.reviewed_confidence)}"
    return f"record {printable(line.record_id, 120)}: {pair} (confidence {confidences})"


def notes(message: Message) -> Iterator[str]:
    """Yield notes on chance, on answers outside the store's categories and on acknowledgements, if they apply."""
    if message.verdict is Verdict.CRITICAL and message.kind is not Kind.TEST and not message.confirmed:
        yield UNCONFIRMED
    if message.outside:
        yield printable(message.outside, 400)
    if message.acknowledged:
        yield f"{count(message.acknowledged, 'item')} acknowledged and not counted"


def listed(items: Sequence[str], longest: int, noun: str, plural: str = "", others: int = 0) -> list[str]:
    """Return the items that fit as lines into `longest` characters, and a last line that counts the others.

    An item may have several lines. The noun says what it is, as in "criterion", and the plural is needed if it does not
    just end in s; `others` further items are only counted.
    """
    shown: list[str] = []
    room = longest - _LONGEST_COUNT
    for item in items:
        room -= len(item) + 1
        if room < 0:
            break
        shown.append(item)
    if others := others + len(items) - len(shown):
        shown.append(f"… and {others:,} more {noun if others == 1 else plural or f'{noun}s'}")
    return shown


def command(text: str, longest: int) -> str:
    """Return a command as it must be typed, spaces included; for one that is too long, refer to the report."""
    whole = visible(text)
    return whole if len(whole) <= longest else "see the report, which holds the whole command"


def is_address(text: str | None) -> bool:
    """Whether the text is an address that a browser opens."""
    return text is not None and text.startswith(("https://", "http://"))


def _with_interval(rate: float, bounds: Interval) -> str:
    return f"{percent(rate)} ({percent_range(*bounds)})"
