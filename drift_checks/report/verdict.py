"""Verdicts: of a criterion from its rate, of a run from its criteria; and the exit code of each."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

EXIT_INTERRUPTED = 2
EXIT_INTERNAL_ERROR = 3


class Verdict(StrEnum):
    """The result of a criterion or of a run."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> int:
        """The process's exit code for this verdict."""
        return {Verdict.CRITICAL: 1, Verdict.INCONCLUSIVE: 75}.get(self, 0)


FAILED = (Verdict.WARNING, Verdict.CRITICAL)
# An outage hides no drift elsewhere, and is not reported as drift itself.
_WORST_FIRST = (Verdict.CRITICAL, Verdict.INCONCLUSIVE, Verdict.WARNING, Verdict.OK)

MEANINGS = {
    0: "OK or WARNING: agreement and every criterion above the critical threshold",
    1: "CRITICAL: agreement or another criterion below its critical threshold",
    2: "interrupted: the run was not judged as a whole",
    3: "internal error: a check broke, see above",
    75: "INCONCLUSIVE: too little could be reviewed; try again",
}


def judge(rate: float, warn: float, critical: float) -> Verdict:
    """Return the verdict on a rate; a rate equal to a threshold is not below it."""
    if rate < critical:
        return Verdict.CRITICAL
    return Verdict.WARNING if rate < warn else Verdict.OK


def worst(verdicts: Iterable[Verdict | None]) -> Verdict:
    """Return the worst of the verdicts, ignoring criteria without one; INCONCLUSIVE if none has a verdict."""
    found = {verdict for verdict in verdicts if verdict is not None}
    return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.INCONCLUSIVE)


def severity(verdict: Verdict | None) -> int:
    """Return a sort key that puts the worst verdict first and None last."""
    return len(_WORST_FIRST) if verdict is None else _WORST_FIRST.index(verdict)
