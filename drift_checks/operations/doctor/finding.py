"""What the checklist finds: a tick, a warning or a cross, each with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from drift_checks.core.errors import DriftError
from drift_checks.core.text import printable

# Far more than any sentence, and no flood.
_LONGEST = 2000
_OPENING, _CLOSING = "([{", ")]}"


class Status(StrEnum):
    """What became of one check; what could not be looked at is no tick."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class Said(NamedTuple):
    """What one check has to say; the remedy of a tick is a hint."""

    status: Status
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """One line of the checklist, fit for a terminal.

    Attributes:
        group: What it belongs to.
        name: What was looked at.
        status: What became of it.
        message: What was found.
        remedy: What to do; empty where there is nothing to do.
    """

    group: str
    name: str
    status: Status
    message: str
    remedy: str = ""


class NotChecked(Exception):
    """A check that cannot be made; the text says why, in a phrase."""


class Check(NamedTuple):
    """A check before it is made.

    Attributes:
        group: What it belongs to.
        name: What is looked at.
        make: Looks; it may raise whatever it likes.
        needs: The settings without which it cannot be made.
    """

    group: str
    name: str
    make: Callable[[], Said]
    needs: tuple[str, ...] = ()


def right(message: str, hint: str = "") -> Said:
    """Return a tick."""
    return Said(Status.OK, message, hint)


def warned(message: str, remedy: str) -> Said:
    """Return a warning: reviews run, but somebody will be sorry one day."""
    return Said(Status.WARNING, message, remedy)


def wrong(message: str, remedy: str) -> Said:
    """Return a cross: a review would not run, or tell nobody, or tell secrets."""
    return Said(Status.ERROR, message, remedy)


def left_out(message: str, hint: str = "") -> Said:
    """Return that nothing was looked at, and why."""
    return Said(Status.SKIPPED, message, hint)


def refused(error: DriftError) -> Said:
    """Return a cross with the sentence of an error, and with what it says to do as the remedy."""
    message, remedy = _divided(str(error))
    return wrong(message, remedy)


def made(check: Check, broken: Iterable[str] = ()) -> Finding:
    """Make a check, whatever it raises.

    Args:
        check: What to look at.
        broken: The settings that cannot be used.
    """
    unusable = [name.replace("_", "-") for name in check.needs if name in set(broken)]
    said = left_out(f"not known: the setting {unusable[0]} cannot be used") if unusable else _said(check.make)
    return Finding(
        printable(check.group, _LONGEST),
        printable(check.name, _LONGEST),
        said.status,
        printable(said.message, _LONGEST),
        printable(said.remedy, _LONGEST),
    )


def counted(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many lines there are of each status, and how many were checked."""
    counts = Counter(finding.status for finding in findings)
    by_status = {str(status): counts[status] for status in Status}
    return {"checked": len(findings) - counts[Status.SKIPPED], **by_status}


def _said(make: Callable[[], Said]) -> Said:
    try:
        return make()
    except NotChecked as error:
        return left_out(str(error))
    except DriftError as error:
        return refused(error)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except OSError as error:
        # The name may be one of a record or a secret's file: the kind and the system's words say enough.
        reason = f": {error.strerror}" if error.strerror else ""
        return wrong(f"could not be looked at ({type(error).__name__}{reason})", "look to the rights on the way to it")
    except BaseException as error:  # a panic in Chroma's core is no Exception
        return wrong(
            f"could not be checked ({type(error).__name__})",
            "nothing else depends on it; if it stays so, report it with the version of drift-checks",
        )


def _divided(sentence: str) -> tuple[str, str]:
    """Return what an error says is wrong and what to do: what follows its first semicolon outside brackets."""
    depth = 0
    for place, letter in enumerate(sentence):
        depth += (letter in _OPENING) - (letter in _CLOSING)
        if depth <= 0 and sentence.startswith("; ", place):
            return sentence[:place], sentence[place + 2 :].removesuffix(".")
    return sentence.removesuffix("."), ""
