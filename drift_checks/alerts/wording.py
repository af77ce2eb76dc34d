"""Phrases of a message that several channels share, as plain text."""

from __future__ import annotations

from collections.abc import Iterator

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
TEST = "This is a test: it was sent by hand, and nothing happened."
UNCONFIRMED = "a CRITICAL verdict may be chance until it is confirmed by a second run"


def marker(message: Message) -> str:
    """Return a coloured mark for the verdict, beside which it stands in words."""
    return _TEST_MARKER if message.kind is Kind.TEST else _MARKERS[message.verdict]


def observed(message: Message) -> str:
    """Return observed against wanted agreement, as in `33 of 50 agree, 66 % (52–78 %); 85 % wanted, …`."""
    if message.rate is None or message.interval is None:
        return "agreement was not measured"
    rate = _with_interval(message.rate, message.interval)
    bounds = f"{percent(message.warn)} wanted, below {percent(message.critical)} is CRITICAL"
    return f"{message.agreed:,} of {message.reviewed:,} agree, {rate}; {bounds}"


def population(message: Message) -> str:
    """Return the estimate of the whole store, empty where there is none."""
    if message.population is None or message.population_interval is None:
        return ""
    return _with_interval(message.population, message.population_interval)


def interval(bounds: Interval | None) -> str:
    """Return an interval, or a dash."""
    return "–" if bounds is None else percent_range(*bounds)


def criterion(line: CriterionLine) -> str:
    """Return what a criterion came to."""
    return f"{line.verdict} {printable(line.name, 120)}: {printable(line.message, 400)}"


def disagreement(line: DisagreementLine) -> str:
    """Return a disagreement without its text."""
    pair = f"{printable(line.stored, 120)} → {printable(line.reviewed, 120)}"
    confidences = f"{confidence(line.stored_confidence)} → {confidence(line.reviewed_confidence)}"
    return f"record {printable(line.record_id, 120)}: {pair} (confidence {confidences})"


def notes(message: Message) -> Iterator[str]:
    """Yield what else there is to say: chance, and what was acknowledged."""
    if message.verdict is Verdict.CRITICAL and message.kind is not Kind.TEST and not message.confirmed:
        yield UNCONFIRMED
    if message.acknowledged:
        yield f"{count(message.acknowledged, 'item')} acknowledged, so not counted"


def more(number: int, what: str, several: str | None = None) -> str:
    """Return how many others there are, empty where there are none."""
    noun = what if number == 1 else several or f"{what}s"
    return f"… and {number:,} {noun} more" if number else ""


def command(text: str, longest: int) -> str:
    """Return a command as it is to be given, blanks included; one that is too long is in the report, whole."""
    whole = visible(text)
    return whole if len(whole) <= longest else "see the report, which holds the whole command"


def is_address(text: str | None) -> bool:
    """Whether the text is an address that a browser opens."""
    return text is not None and text.startswith(("https://", "http://"))


def _with_interval(rate: float, bounds: Interval) -> str:
    return f"{percent(rate)} ({percent_range(*bounds)})"
